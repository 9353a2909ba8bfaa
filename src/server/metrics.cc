#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>
#include <vector>

#include "base/machine.h"
#include "base/version.h"
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

prometheus::MetricFamily single(const std::string& name, const std::string& help, prometheus::MetricType type,
                                const prometheus::Labels& labels, double value) {
  prometheus::MetricFamily family{name, help, type, {}};
  prometheus::ClientMetric metric;
  for (const auto& [key, text] : labels) metric.label.push_back({key, text});
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
  return family;
}

// Tokens guessed rightly, by their place in the guess.
prometheus::MetricFamily accepted_by_position(const SpeculationStats& guesses,
                                              const prometheus::Labels& labels) {
  prometheus::MetricFamily family{"vllm:spec_decode_num_accepted_tokens_per_pos_total",
                                  "Tokens guessed rightly, by place in the guess",
                                  prometheus::MetricType::Counter,
                                  {}};
  for (size_t i = 0; i < guesses.accepted_at.size(); ++i) {
    prometheus::ClientMetric metric;
    for (const auto& [key, text] : labels) metric.label.push_back({key, text});
    metric.label.push_back({"position", std::to_string(i)});
    metric.counter.value = static_cast<double>(guesses.accepted_at[i]);
    family.metric.push_back(std::move(metric));
  }
  return family;
}

// Computed prefixes used again, in memory and on disk.
std::vector<prometheus::MetricFamily> reuse_families(const ReuseStats& reuse,
                                                     const prometheus::Labels& labels) {
  std::vector<prometheus::MetricFamily> families;
  const auto gauge = [&](const char* name, const char* help, int64_t value) {
    families.push_back(single(name, help, prometheus::MetricType::Gauge, labels, static_cast<double>(value)));
  };
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    families.push_back(
        single(name, help, prometheus::MetricType::Counter, labels, static_cast<double>(value)));
  };
  gauge("pingti_prefix_cache_bytes", "KV pages kept for reuse that no answer holds", reuse.kept_bytes);
  gauge("pingti_cache_keys", "Conversations with pinned KV pages", reuse.sessions);
  counter("pingti_prefix_cache_evicted_pages_total", "Kept KV pages given up for others",
          reuse.evicted_pages);
  counter("pingti_prefix_cache_coalesced_total",
          "Choices that waited for another one to compute their common beginning", reuse.coalesced);
  if (!reuse.disk.enabled) return families;
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
  return families;
}

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Labels model;
  Family<Counter>* http_requests = nullptr;
  Family<Histogram>* http_seconds = nullptr;
  Family<Counter>* refusals = nullptr;
  Family<Counter>* finished = nullptr;
  Family<Counter>* finished_alias = nullptr;
  Pair first_token;
  Pair inter_token;
  Pair latency;
  Pair prompt_tokens;
  Pair generation_tokens;
  Pair queue_time;
  Pair prefill_time;
  Pair decode_time;
  Pair token_time;
  Pair params_n;
  Pair params_max_tokens;
  Family<Histogram>* lane_first_token = nullptr;
  Family<Histogram>* lane_queue = nullptr;
  Family<Counter>* rejections = nullptr;
  CounterPair cache_queries;
  CounterPair cache_hits;
  std::atomic<bool> has_model{false};

  void observe_lane(Family<Histogram>* family, const std::string& lane, const Buckets& buckets,
                    double seconds) const {
    if (!family) return;
    prometheus::Labels labels = model;
    labels["lane"] = lane;
    family->Add(labels, buckets).Observe(seconds);
  }
  Pair histogram(const std::string& own, const std::string& alias, const std::string& help,
                 const Buckets& buckets) {
    auto add = [&](const std::string& name) {
      return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(model, buckets);
    };
    return {add("pingti_" + own), add("vllm:" + alias)};
  }
  CounterPair counter(const std::string& name, const std::string& help) {
    auto add = [&](const std::string& full) {
      return &prometheus::BuildCounter().Name(full).Help(help).Register(registry).Add(model);
    };
    return {add("pingti_" + name), add("vllm:" + name)};
  }
};

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

void Metrics::set_model(const std::string& name) {
  State& s = *state_;
  s.model = {{"model_name", name}};
  s.first_token = s.histogram("time_to_first_token_seconds", "time_to_first_token_seconds",
                              "Time from a request's arrival to its first token", kFirstToken);
  s.inter_token = s.histogram("inter_token_latency_seconds", "inter_token_latency_seconds",
                              "Time between consecutive tokens of one choice", kInterToken);
  s.latency = s.histogram("e2e_request_latency_seconds", "e2e_request_latency_seconds",
                          "Time from a request's arrival to its end", kLatency);
  s.prompt_tokens =
      s.histogram("request_prompt_tokens", "request_prompt_tokens", "Tokens of a prompt", kTokens);
  s.generation_tokens = s.histogram("request_generation_tokens", "request_generation_tokens",
                                    "Tokens generated for a request", kTokens);
  s.queue_time = s.histogram("request_queue_time_seconds", "request_queue_time_seconds",
                             "Time from submission until a request was taken into the batch", kLatency);
  s.prefill_time = s.histogram("request_prefill_time_seconds", "request_prefill_time_seconds",
                               "Time from there until its prompt was computed", kLatency);
  s.decode_time = s.histogram("request_decode_time_seconds", "request_decode_time_seconds",
                              "Time from a choice's first token to its last", kLatency);
  s.token_time =
      s.histogram("request_time_per_output_token_seconds", "request_time_per_output_token_seconds",
                  "That time per token after the first, of choices with several tokens", kInterToken);
  s.params_n = s.histogram("request_params_n", "request_params_n", "Choices asked for", kChoices);
  s.params_max_tokens = s.histogram("request_params_max_tokens", "request_params_max_tokens",
                                    "Token limits asked for", kTokens);
  s.lane_first_token = &prometheus::BuildHistogram()
                            .Name("pingti_lane_time_to_first_token_seconds")
                            .Help("Time from a request's arrival to its first token, by lane")
                            .Register(s.registry);
  s.lane_queue = &prometheus::BuildHistogram()
                      .Name("pingti_lane_queue_time_seconds")
                      .Help("Time until a request was taken into the batch, by lane")
                      .Register(s.registry);
  s.cache_queries = s.counter("prefix_cache_queries_total", "Prompt tokens looked up in the KV cache");
  s.cache_hits = s.counter("prefix_cache_hits_total", "Prompt tokens found in the KV cache");
  s.finished = &prometheus::BuildCounter()
                    .Name("pingti_choices_finished_total")
                    .Help("Choices finished, by reason")
                    .Register(s.registry);
  s.finished_alias = &prometheus::BuildCounter()
                          .Name("vllm:request_success_total")
                          .Help("Choices finished, by reason")
                          .Register(s.registry);
  s.has_model = true;
}

void Metrics::http_request(const std::string& route, const std::string& method, int status, double seconds) {
  constexpr std::array<std::string_view, 7> kMethods = {"GET",    "HEAD",    "POST", "PUT",
                                                        "DELETE", "OPTIONS", "PATCH"};
  const std::string label = std::ranges::find(kMethods, method) != kMethods.end() ? method : "other";
  state_->http_requests->Add({{"handler", route}, {"method", label}, {"status", std::to_string(status)}})
      .Increment();
  state_->http_seconds->Add({{"handler", route}}, kLatency).Observe(seconds);
}

void Metrics::request_params(int choices, int64_t max_tokens) {
  state_->params_n.observe(choices);
  if (max_tokens >= 0) state_->params_max_tokens.observe(static_cast<double>(max_tokens));
}

void Metrics::first_token(const std::string& lane, double seconds) {
  state_->first_token.observe(seconds);
  state_->observe_lane(state_->lane_first_token, lane, kFirstToken, seconds);
}

void Metrics::prompt_times(const std::string& lane, double queue_seconds, double prefill_seconds) {
  state_->queue_time.observe(queue_seconds);
  state_->prefill_time.observe(prefill_seconds);
  state_->observe_lane(state_->lane_queue, lane, kFirstToken, queue_seconds);
}

void Metrics::decoded(double seconds, int64_t tokens) {
  state_->decode_time.observe(seconds);
  if (tokens > 1) state_->token_time.observe(seconds / static_cast<double>(tokens - 1));
}
void Metrics::inter_token(double seconds) { state_->inter_token.observe(seconds); }

void Metrics::prompt(int64_t tokens, int64_t cached) {
  state_->prompt_tokens.observe(static_cast<double>(tokens));
  state_->cache_queries.add(static_cast<double>(tokens));
  state_->cache_hits.add(static_cast<double>(cached));
}

void Metrics::choice_finished(const std::string& reason) {
  if (!state_->has_model) return;
  prometheus::Labels labels = state_->model;
  labels["finished_reason"] = reason;
  state_->finished->Add(labels).Increment();
  state_->finished_alias->Add(labels).Increment();
}

void Metrics::request_finished(double seconds, int64_t generated_tokens) {
  state_->latency.observe(seconds);
  state_->generation_tokens.observe(static_cast<double>(generated_tokens));
}

void Metrics::refused(const std::string& reason) {
  state_->refusals->Add({{"reason", reason}}).Increment();
  if (reason != "loading" && reason != "draining") state_->rejections->Add({{"reason", reason}}).Increment();
}

std::string Metrics::text(const EngineInfo* info, const EngineStats* stats, int64_t waiting) const {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  auto add = [&](const std::string& name, const std::string& help, MetricType type, double value,
                 const prometheus::Labels& labels = {}) {
    families.push_back(single(name, help, type, labels, value));
  };
  auto both = [&](const std::string& own, const std::string& alias, const std::string& help, MetricType type,
                  double value) {
    add("pingti_" + own, help, type, value, state_->model);
    add("vllm:" + alias, help, type, value, state_->model);
  };
  add("pingti_build_info", "The running version", MetricType::Gauge, 1, {{"version", kVersion}});
  add("process_resident_memory_bytes", "Resident memory size", MetricType::Gauge,
      static_cast<double>(resident_memory()));
  add("pingti_model_loaded", "1 once the model is loaded", MetricType::Gauge, stats ? 1 : 0);
  if (info && stats) {
    both("requests_running", "num_requests_running", "Choices in the batch", MetricType::Gauge,
         static_cast<double>(stats->running));
    both("requests_waiting", "num_requests_waiting", "Choices waiting for a place in the batch",
         MetricType::Gauge, static_cast<double>(waiting));
    both("kv_cache_usage_ratio", "kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1",
         MetricType::Gauge, stats->kv_usage);
    both("prompt_tokens_total", "prompt_tokens_total", "Prompt tokens computed", MetricType::Counter,
         static_cast<double>(stats->prompt_tokens));
    both("generation_tokens_total", "generation_tokens_total", "Tokens generated", MetricType::Counter,
         static_cast<double>(stats->generated_tokens));
    both("preemptions_total", "num_preemptions_total", "Sequences put back to make room", MetricType::Counter,
         static_cast<double>(stats->preemptions));
    const SpeculationStats& guesses = stats->speculation;
    both("speculation_drafts_total", "spec_decode_num_drafts_total", "Guesses verified", MetricType::Counter,
         static_cast<double>(guesses.drafts));
    both("speculation_drafted_tokens_total", "spec_decode_num_draft_tokens_total", "Tokens guessed",
         MetricType::Counter, static_cast<double>(guesses.drafted_tokens));
    both("speculation_accepted_tokens_total", "spec_decode_num_accepted_tokens_total",
         "Tokens guessed rightly", MetricType::Counter, static_cast<double>(guesses.accepted_tokens));
    families.push_back(accepted_by_position(guesses, state_->model));
    for (auto& family : reuse_families(stats->reuse, state_->model)) families.push_back(std::move(family));
    for (auto& family : grammar_metrics(*stats, state_->model)) families.push_back(std::move(family));
    if (info && info->attention != "full") {
      add("pingti_attention_pairs_total", "Pairs of a query and a KV page that full attention would compute",
          MetricType::Counter, static_cast<double>(stats->attention_pairs), state_->model);
      add("pingti_attention_pairs_computed_total", "Of these pairs, those that were computed",
          MetricType::Counter, static_cast<double>(stats->attention_computed), state_->model);
    }
    add_lane_families(*info, *stats, state_->model, &families);
    add("pingti_engine_steps_total", "Forward passes", MetricType::Counter, static_cast<double>(stats->steps),
        state_->model);
    add("pingti_engine_seconds_since_step", "Time since the engine last looked for work", MetricType::Gauge,
        stats->seconds_since_step, state_->model);
    add("pingti_context_tokens", "Longest prompt and answer together", MetricType::Gauge,
        static_cast<double>(info->context), state_->model);
    add("pingti_model_load_seconds", "Time it took to load the model", MetricType::Gauge, info->load_seconds,
        state_->model);
    add("pingti_model_weight_bytes", "Memory held by the weights", MetricType::Gauge,
        static_cast<double>(info->weight_bytes), state_->model);
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace pingti
