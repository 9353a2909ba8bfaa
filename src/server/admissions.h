// The Admission of each loaded engine. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "server/admission.h"
#include "serving/model_host.h"

namespace pingti {

class Admissions {
 public:
  // That of the engine leased: a new one for a model loaded anew. It refers to the engine, so whoever uses it keeps
  // the lease.
  std::shared_ptr<Admission> of(const Lease& lease, Metrics& metrics, const AdmissionLimits& limits);
  // Choices that wait for a place in the batch of this engine, which the status holds.
  int64_t waiting(const ModelStatus& status) const;

 private:
  struct Loaded {
    uint64_t load = 0;  // which of the model's loads
    std::shared_ptr<Admission> admission;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Loaded> by_model_;
};

}  // namespace pingti
