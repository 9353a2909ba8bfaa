#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string_view>

#include "base/machine.h"
#include "base/version.h"
#include "server/gathered.h"
#include "server/grammar_metrics.h"
#include "server/lane_families.h"

namespace pingti {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

const Buckets kFirstToken = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
                             1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640, 2560};
const Buckets kInterToken = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,
                             0.3,   0.4,    0.5,   0.75, 1,     2.5,  5,     7.5, 10,   20};
const Buckets kLatency = {0.05, 0.1, 0.3, 0.5, 0.8, 1,   1.5, 2,   2.5, 5,    10,  15,
                          20,   30,  40,  50,  60,  120, 240, 480, 960, 1920, 7680};
const Buckets kTokens = {1,    2,    5,    10,    20,    50,    100,    200,   500,
                         1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};

const Buckets kChoices = {1, 2, 5, 10, 20};

// One value under two names: our own and vLLM's.
struct Pair {
  Histogram* own = nullptr;
  Histogram* alias = nullptr;
  void observe(double value) const {
    if (own) own->Observe(value);
    if (alias) alias->Observe(value);
  }
};

struct CounterPair {
  Counter* own = nullptr;
  Counter* alias = nullptr;
  void add(double value) const {
    if (own) own->Increment(value);
    if (alias) alias->Increment(value);
  }
};

void add_speculation(const SpeculationStats& guesses, const prometheus::Labels& labels, Gathered* out) {
  using Type = prometheus::MetricType;
  out->both("speculation_drafts_total", "spec_decode_num_drafts_total", "Guesses verified", Type::Counter,
            static_cast<double>(guesses.drafts), labels);
  out->both("speculation_drafted_tokens_total", "spec_decode_num_draft_tokens_total", "Tokens guessed",
            Type::Counter, static_cast<double>(guesses.drafted_tokens), labels);
  out->both("speculation_accepted_tokens_total", "spec_decode_num_accepted_tokens_total",
            "Tokens guessed rightly", Type::Counter, static_cast<double>(guesses.accepted_tokens), labels);
  for (size_t i = 0; i < guesses.accepted_at.size(); ++i) {
    prometheus::Labels with_position = labels;
    with_position["position"] = std::to_string(i);
    out->add("vllm:spec_decode_num_accepted_tokens_per_pos_total",
             "Tokens guessed rightly, by place in the guess", Type::Counter,
             static_cast<double>(guesses.accepted_at[i]), with_position);
  }
}

// Computed prefixes used again, in memory and on disk.
void add_reuse(const ReuseStats& reuse, const prometheus::Labels& labels, Gathered* out) {
  const auto gauge = [&](const char* name, const char* help, int64_t value) {
    out->add(name, help, prometheus::MetricType::Gauge, static_cast<double>(value), labels);
  };
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    out->add(name, help, prometheus::MetricType::Counter, static_cast<double>(value), labels);
  };
  gauge("pingti_prefix_cache_bytes", "KV pages kept for reuse that no answer holds", reuse.kept_bytes);
  gauge("pingti_cache_keys", "Conversations with pinned KV pages", reuse.sessions);
  counter("pingti_prefix_cache_evicted_pages_total", "Kept KV pages given up for others",
          reuse.evicted_pages);
  counter("pingti_prefix_cache_coalesced_total",
          "Choices that waited for another one to compute their common beginning", reuse.coalesced);
  if (!reuse.disk.enabled) return;
  const ReuseStats::Disk& disk = reuse.disk;
  gauge("pingti_kv_disk_blocks", "KV blocks on disk", disk.blocks);
  gauge("pingti_kv_disk_bytes", "Bytes of the KV blocks on disk", disk.bytes);
  for (const char* name : {"pingti_kv_disk_hit_tokens_total", "vllm:external_prefix_cache_hits_total"})
    counter(name, "Prompt tokens read from disk instead of computed", disk.hit_tokens);
  counter("pingti_kv_disk_read_bytes_total", "Bytes of KV blocks read", disk.bytes_read);
  counter("pingti_kv_disk_written_bytes_total", "Bytes of KV blocks written", disk.bytes_written);
  counter("pingti_kv_disk_evicted_blocks_total", "KV blocks deleted to keep the bound", disk.evicted_blocks);
  counter("pingti_kv_disk_healed_blocks_total", "KV blocks found damaged and deleted", disk.healed_blocks);
  counter("pingti_kv_disk_skipped_blocks_total", "KV blocks not written: the queue or the disk was full",
          disk.skipped_blocks);
  counter("pingti_kv_disk_write_errors_total", "Writes that the disk refused", disk.write_errors);
}

void add_engine(const EngineInfo& info, const EngineStats& stats, int64_t waiting,
                const prometheus::Labels& labels, Gathered* out) {
  using Type = prometheus::MetricType;
  const auto both = [&](const char* own, const char* alias, const char* help, Type type, auto value) {
    out->both(own, alias, help, type, static_cast<double>(value), labels);
  };
  const auto add = [&](const char* name, const char* help, Type type, auto value) {
    out->add(name, help, type, static_cast<double>(value), labels);
  };
  both("requests_running", "num_requests_running", "Choices in the batch", Type::Gauge, stats.running);
  both("requests_waiting", "num_requests_waiting", "Choices waiting for a place in the batch", Type::Gauge,
       waiting);
  both("kv_cache_usage_ratio", "kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1", Type::Gauge,
       stats.kv_usage);
  both("prompt_tokens_total", "prompt_tokens_total", "Prompt tokens computed", Type::Counter,
       stats.prompt_tokens);
  both("generation_tokens_total", "generation_tokens_total", "Tokens generated", Type::Counter,
       stats.generated_tokens);
  both("preemptions_total", "num_preemptions_total", "Sequences put back to make room", Type::Counter,
       stats.preemptions);
  add_speculation(stats.speculation, labels, out);
  add_reuse(stats.reuse, labels, out);
  add_lane_figures(info, stats, labels, out);
  for (auto& family : grammar_metrics(stats, labels)) out->add(std::move(family));
  if (info.attention != "full") {
    add("pingti_attention_pairs_total", "Pairs of a query and a KV page that full attention would compute",
        Type::Counter, stats.attention_pairs);
    add("pingti_attention_pairs_computed_total", "Of these pairs, those that were computed", Type::Counter,
        stats.attention_computed);
  }
  add("pingti_engine_steps_total", "Forward passes", Type::Counter, stats.steps);
  add("pingti_engine_seconds_since_step", "Time since the engine last looked for work", Type::Gauge,
      stats.seconds_since_step);
  add("pingti_context_tokens", "Longest prompt and answer together", Type::Gauge, info.context);
  add("pingti_model_load_seconds", "Time it took to load the model", Type::Gauge, info.load_seconds);
  add("pingti_model_weight_bytes", "Memory held by the weights", Type::Gauge, info.weight_bytes);
}

void add_model(const ModelStatus& status, const prometheus::Labels& labels, Gathered* out) {
  using Type = prometheus::MetricType;
  constexpr ModelState kStates[] = {ModelState::kUnloaded, ModelState::kLoading, ModelState::kReady,
                                    ModelState::kUnloading, ModelState::kFailed};
  for (const ModelState state : kStates) {
    prometheus::Labels with_state = labels;
    with_state["state"] = spelled(state);
    out->add("pingti_model_state", "1 for the state a model is in", Type::Gauge,
             status.state == state ? 1 : 0, with_state);
  }
  out->add("pingti_model_loads_total", "How often the model was loaded", Type::Counter,
           static_cast<double>(status.loads), labels);
  out->add("pingti_model_memory_bytes", "Memory set aside for the model", Type::Gauge,
           static_cast<double>(status.memory), labels);
  out->add("pingti_model_requests_waiting", "Requests waiting for the model to be loaded", Type::Gauge,
           static_cast<double>(status.waiting), labels);
}

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  Family<Counter>* http_requests = nullptr;
  Family<Histogram>* http_seconds = nullptr;
  Family<Counter>* refusals = nullptr;
  Family<Counter>* rejections = nullptr;
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<ModelMetrics>> models;  // guarded by mutex
};

struct ModelMetrics::State {
  prometheus::Registry& registry;
  prometheus::Labels labels;
  Pair first_token = {};
  Pair inter_token = {};
  Pair latency = {};
  Pair prompt_tokens = {};
  Pair generation_tokens = {};
  Pair queue_time = {};
  Pair prefill_time = {};
  Pair decode_time = {};
  Pair token_time = {};
  Pair params_n = {};
  Pair params_max_tokens = {};
  Family<Histogram>* lane_first_token = nullptr;
  Family<Histogram>* lane_queue = nullptr;
  CounterPair cache_queries = {};
  CounterPair cache_hits = {};
  Family<Counter>* finished = nullptr;
  Family<Counter>* finished_alias = nullptr;

  // Registering a name again gives the family that has it.
  Pair histogram(const std::string& name, const std::string& help, const Buckets& buckets) {
    auto add = [&](const std::string& full) {
      return &prometheus::BuildHistogram().Name(full).Help(help).Register(registry).Add(labels, buckets);
    };
    return {add("pingti_" + name), add("vllm:" + name)};
  }
  Family<Histogram>& histograms(const std::string& name, const std::string& help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  void observe_lane(Family<Histogram>* family, const std::string& lane, double seconds) const {
    prometheus::Labels with_lane = labels;
    with_lane["lane"] = lane;
    family->Add(with_lane, kFirstToken).Observe(seconds);
  }
  Family<Counter>& counters(const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  CounterPair counter(const std::string& name, const std::string& help) {
    return {&counters("pingti_" + name, help).Add(labels), &counters("vllm:" + name, help).Add(labels)};
  }
};

ModelMetrics::ModelMetrics(std::unique_ptr<State> state) : state_(std::move(state)) {
  State& s = *state_;
  s.first_token = s.histogram("time_to_first_token_seconds",
                              "Time from a request's arrival to its first token", kFirstToken);
  s.inter_token = s.histogram("inter_token_latency_seconds", "Time between consecutive tokens of one choice",
                              kInterToken);
  s.latency =
      s.histogram("e2e_request_latency_seconds", "Time from a request's arrival to its end", kLatency);
  s.prompt_tokens = s.histogram("request_prompt_tokens", "Tokens of a prompt", kTokens);
  s.generation_tokens = s.histogram("request_generation_tokens", "Tokens generated for a request", kTokens);
  s.queue_time = s.histogram("request_queue_time_seconds",
                             "Time from submission until a request was taken into the batch", kLatency);
  s.prefill_time =
      s.histogram("request_prefill_time_seconds", "Time from there until its prompt was computed", kLatency);
  s.decode_time =
      s.histogram("request_decode_time_seconds", "Time from a choice's first token to its last", kLatency);
  s.token_time =
      s.histogram("request_time_per_output_token_seconds",
                  "That time per token after the first, of choices with several tokens", kInterToken);
  s.params_n = s.histogram("request_params_n", "Choices asked for", kChoices);
  s.params_max_tokens = s.histogram("request_params_max_tokens", "Token limits asked for", kTokens);
  s.lane_first_token = &s.histograms("pingti_lane_time_to_first_token_seconds",
                                     "Time from a request's arrival to its first token, by lane");
  s.lane_queue = &s.histograms("pingti_lane_queue_time_seconds",
                               "Time until a request was taken into the batch, by lane");
  s.cache_queries = s.counter("prefix_cache_queries_total", "Prompt tokens looked up in the KV cache");
  s.cache_hits = s.counter("prefix_cache_hits_total", "Prompt tokens found in the KV cache");
  s.finished = &s.counters("pingti_choices_finished_total", "Choices finished, by reason");
  s.finished_alias = &s.counters("vllm:request_success_total", "Choices finished, by reason");
}

ModelMetrics::~ModelMetrics() = default;

void ModelMetrics::request_params(int choices, int64_t max_tokens) {
  state_->params_n.observe(choices);
  if (max_tokens >= 0) state_->params_max_tokens.observe(static_cast<double>(max_tokens));
}

void ModelMetrics::first_token(const std::string& lane, double seconds) {
  state_->first_token.observe(seconds);
  state_->observe_lane(state_->lane_first_token, lane, seconds);
}

void ModelMetrics::prompt_times(const std::string& lane, double queue_seconds, double prefill_seconds) {
  state_->queue_time.observe(queue_seconds);
  state_->prefill_time.observe(prefill_seconds);
  state_->observe_lane(state_->lane_queue, lane, queue_seconds);
}

void ModelMetrics::decoded(double seconds, int64_t tokens) {
  state_->decode_time.observe(seconds);
  if (tokens > 1) state_->token_time.observe(seconds / static_cast<double>(tokens - 1));
}

void ModelMetrics::inter_token(double seconds) { state_->inter_token.observe(seconds); }

void ModelMetrics::prompt(int64_t tokens, int64_t cached) {
  state_->prompt_tokens.observe(static_cast<double>(tokens));
  state_->cache_queries.add(static_cast<double>(tokens));
  state_->cache_hits.add(static_cast<double>(cached));
}

void ModelMetrics::choice_finished(const std::string& reason) {
  prometheus::Labels labels = state_->labels;
  labels["finished_reason"] = reason;
  state_->finished->Add(labels).Increment();
  state_->finished_alias->Add(labels).Increment();
}

void ModelMetrics::request_finished(double seconds, int64_t generated_tokens) {
  state_->latency.observe(seconds);
  state_->generation_tokens.observe(static_cast<double>(generated_tokens));
}

Metrics::Metrics() : state_(std::make_unique<State>()) {
  auto& registry = state_->registry;
  state_->http_requests = &prometheus::BuildCounter()
                               .Name("pingti_http_requests_total")
                               .Help("HTTP requests by route, method and status")
                               .Register(registry);
  state_->http_seconds = &prometheus::BuildHistogram()
                              .Name("pingti_http_request_duration_seconds")
                              .Help("Time from a request's last byte to its answer's last byte")
                              .Register(registry);
  state_->refusals = &prometheus::BuildCounter()
                          .Name("pingti_requests_refused_total")
                          .Help("Requests refused before they reached the engine")
                          .Register(registry);
  state_->rejections = &prometheus::BuildCounter()
                            .Name("vllm:admission_rejections_total")
                            .Help("Requests refused for overload")
                            .Register(registry);
}

Metrics::~Metrics() = default;

ModelMetrics& Metrics::model(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  auto& found = state_->models[name];
  if (found == nullptr) {
    auto state =
        std::make_unique<ModelMetrics::State>(state_->registry, prometheus::Labels{{"model_name", name}});
    found.reset(new ModelMetrics(std::move(state)));
  }
  return *found;
}

void Metrics::http_request(const std::string& route, const std::string& method, int status, double seconds) {
  constexpr std::array<std::string_view, 7> kMethods = {"GET",    "HEAD",    "POST", "PUT",
                                                        "DELETE", "OPTIONS", "PATCH"};
  const std::string label = std::ranges::find(kMethods, method) != kMethods.end() ? method : "other";
  state_->http_requests->Add({{"handler", route}, {"method", label}, {"status", std::to_string(status)}})
      .Increment();
  state_->http_seconds->Add({{"handler", route}}, kLatency).Observe(seconds);
}

void Metrics::refused(const std::string& reason) {
  constexpr std::array<std::string_view, 3> kNoOverload = {"loading", "draining", "model_failed"};
  state_->refusals->Add({{"reason", reason}}).Increment();
  if (std::ranges::find(kNoOverload, reason) == kNoOverload.end())
    state_->rejections->Add({{"reason", reason}}).Increment();
}

std::string Metrics::text(const std::vector<ModelStatus>& models, std::span<const int64_t> waiting,
                          const MemoryUse& memory) const {
  using Type = prometheus::MetricType;
  Gathered out(state_->registry.Collect());
  out.add("pingti_build_info", "The running version", Type::Gauge, 1, {{"version", kVersion}});
  out.add("process_resident_memory_bytes", "Resident memory size", Type::Gauge,
          static_cast<double>(resident_memory()));
  out.add("pingti_memory_budget_bytes", "Most memory the process may take; 0: no budget is set", Type::Gauge,
          static_cast<double>(memory.budget));
  out.add("pingti_memory_used_bytes", "Of that, taken or set aside", Type::Gauge,
          static_cast<double>(memory.used));
  const auto loaded =
      std::ranges::count_if(models, [](const auto& status) { return status.engine != nullptr; });
  out.add("pingti_model_loaded", "Models that are loaded", Type::Gauge, static_cast<double>(loaded));
  for (size_t i = 0; i < models.size(); ++i) {
    const ModelStatus& status = models[i];
    const prometheus::Labels labels = {{"model_name", status.name}};
    add_model(status, labels, &out);
    if (status.engine != nullptr)
      add_engine(status.engine->info(), status.engine->stats(), waiting[i], labels, &out);
  }
  return prometheus::TextSerializer().Serialize(out.families());
}

}  // namespace pingti
