#include "server/grammar_metrics.h"

#include <limits>
#include <string>

namespace pingti {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric labelled(const prometheus::Labels& labels) {
  ClientMetric metric;
  for (const auto& [key, text] : labels) metric.label.push_back({key, text});
  return metric;
}

}  // namespace

std::vector<MetricFamily> grammar_metrics(const EngineStats& stats, const prometheus::Labels& labels) {
  std::vector<MetricFamily> families;
  const auto counter = [&](const std::string& name, const std::string& help, double value) {
    ClientMetric metric = labelled(labels);
    metric.counter.value = value;
    families.push_back({"pingti_grammar_" + name, help, MetricType::Counter, {std::move(metric)}});
  };
  MetricFamily masks{"pingti_grammar_mask_seconds",
                     "Time to find the tokens that a grammar allows next, beside the forward pass",
                     MetricType::Histogram,
                     {}};
  ClientMetric metric = labelled(labels);
  uint64_t count = 0;
  for (size_t i = 0; i < stats.masks.counts.size(); ++i) {
    count += stats.masks.counts[i];
    const bool last = i == MaskStats::kBounds.size();
    metric.histogram.bucket.push_back(
        {count, last ? std::numeric_limits<double>::infinity() : MaskStats::kBounds[i]});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = stats.masks.seconds;
  masks.metric.push_back(std::move(metric));
  families.push_back(std::move(masks));

  const CompileStats& grammars = stats.grammars;
  counter("compiled_total", "Grammars compiled", static_cast<double>(grammars.compiled));
  counter("compile_seconds_total", "Time spent compiling grammars", grammars.seconds);
  counter("cache_hits_total", "Grammars found compiled", static_cast<double>(grammars.cache_hits));
  counter("refused_total", "Grammars that were malformed, not enforceable or over a limit",
          static_cast<double>(grammars.refused));
  counter("compile_timeouts_total", "Requests refused because compiling took too long",
          static_cast<double>(grammars.timeouts));
  ClientMetric bytes = labelled(labels);
  bytes.gauge.value = static_cast<double>(grammars.cache_bytes);
  families.push_back(
      {"pingti_grammar_cache_bytes", "Memory of compiled grammars", MetricType::Gauge, {std::move(bytes)}});
  return families;
}

}  // namespace pingti
