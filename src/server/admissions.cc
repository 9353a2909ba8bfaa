#include "server/admissions.h"

namespace pingti {

std::shared_ptr<Admission> Admissions::of(const Lease& lease, Metrics& metrics, const AdmissionLimits& limits) {
  const std::lock_guard lock(mutex_);
  Loaded& loaded = by_model_[lease.name];
  if (loaded.admission == nullptr || loaded.load != lease.load)
    loaded = {lease.load, std::make_shared<Admission>(*lease.engine, metrics, limits)};
  return loaded.admission;
}

int64_t Admissions::waiting(const ModelStatus& status) const {
  std::shared_ptr<Admission> admission;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_model_.find(status.name);
    if (found != by_model_.end() && found->second.load == status.loads) admission = found->second.admission;
  }
  return admission != nullptr && status.engine != nullptr ? admission->waiting() : 0;
}

}  // namespace pingti
