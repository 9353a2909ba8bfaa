// What the server counts, in Prometheus' text format: names of its own, and vLLM's for the same values, so
// that dashboards and autoscalers made for vLLM work. Thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serving/model_host.h"

namespace pingti {

// Of one model, labelled model_name.
class ModelMetrics {
 public:
  ModelMetrics(const ModelMetrics&) = delete;
  ~ModelMetrics();

  void request_params(int choices, int64_t max_tokens);  // -1: as many as the context holds
  void first_token(const std::string& lane, double seconds);
  void inter_token(double seconds);
  void prompt(int64_t tokens, int64_t cached);
  // How long a prompt waited for its place in the batch, and how long it then took.
  void prompt_times(const std::string& lane, double queue_seconds, double prefill_seconds);
  // From a choice's first token to its last.
  void decoded(double seconds, int64_t tokens);
  void choice_finished(const std::string& reason);
  void request_finished(double seconds, int64_t generated_tokens);

 private:
  friend class Metrics;
  struct State;
  explicit ModelMetrics(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  ~Metrics();

  // By the model's own name: there are as many as models, whatever requests call them. Lives as long as this.
  ModelMetrics& model(const std::string& name);

  void http_request(const std::string& route, const std::string& method, int status, double seconds);
  void refused(const std::string& reason);

  // models: empty before there are any. waiting: for each, the choices not in its batch.
  std::string text(const std::vector<ModelStatus>& models, std::span<const int64_t> waiting,
                   const MemoryUse& memory) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pingti
