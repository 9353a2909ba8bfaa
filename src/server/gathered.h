// Metric families put together from several models.
#pragma once

#include <prometheus/labels.h>
#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pingti {

// One family per name, however many models add to it.
class Gathered {
 public:
  using Type = prometheus::MetricType;

  explicit Gathered(std::vector<prometheus::MetricFamily> families) : families_(std::move(families)) {}

  void add(const std::string& name, const std::string& help, Type type, double value,
           const prometheus::Labels& labels = {}) {
    const auto [place, added] = by_name_.emplace(name, families_.size());
    if (added) families_.push_back({name, help, type, {}});
    prometheus::ClientMetric metric;
    for (const auto& [key, text] : labels) metric.label.push_back({key, text});
    (type == Type::Counter ? metric.counter.value : metric.gauge.value) = value;
    families_[place->second].metric.push_back(std::move(metric));
  }
  void add(prometheus::MetricFamily family) {
    const auto [place, added] = by_name_.emplace(family.name, families_.size());
    if (added) {
      families_.push_back(std::move(family));
    } else {
      auto& metrics = families_[place->second].metric;
      metrics.insert(metrics.end(), family.metric.begin(), family.metric.end());
    }
  }
  // Under our own name and vLLM's.
  void both(const std::string& own, const std::string& alias, const std::string& help, Type type,
            double value, const prometheus::Labels& labels) {
    add("pingti_" + own, help, type, value, labels);
    add("vllm:" + alias, help, type, value, labels);
  }

  const std::vector<prometheus::MetricFamily>& families() const { return families_; }

 private:
  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, size_t> by_name_;
};

}  // namespace pingti
