#include "engine/lanes/answer_lengths.h"

#include <algorithm>
#include <cmath>

namespace pingti {
namespace {

int64_t upper_edge(size_t bucket) {
  return static_cast<int64_t>(std::ceil(std::exp2(static_cast<double>(bucket) / 2)));
}

}  // namespace

void AnswerLengths::Histogram::add(int64_t tokens) {
  size_t bucket = 0;
  while (bucket + 1 < weights.size() && upper_edge(bucket) < tokens) ++bucket;
  for (double& weight : weights) weight *= kDecay;
  weights[bucket] += 1;
  total = total * kDecay + 1;
  ++observations;
}

int64_t AnswerLengths::Histogram::quantile(double share) const {
  double below = 0;
  size_t bucket = 0;
  for (; bucket + 1 < weights.size(); ++bucket) {
    below += weights[bucket];
    if (below >= share * total) break;
  }
  return upper_edge(bucket);
}

void AnswerLengths::observe(const std::string& tenant, int64_t tokens) {
  all_.add(tokens);
  if (tenants_.size() >= kMostTenants && !tenants_.contains(tenant)) {
    tenants_.erase(
        std::ranges::min_element(tenants_, {}, [](const auto& entry) { return entry.second.last_use; }));
  }
  Histogram& own = tenants_[tenant];
  own.add(tokens);
  own.last_use = ++uses_;
}

int64_t AnswerLengths::estimate(const std::string& tenant, int64_t most) const {
  const auto own = tenants_.find(tenant);
  const bool known = own != tenants_.end() && own->second.observations >= kLeastObservations;
  int64_t expected = kUnknown;
  if (known) {
    expected = own->second.quantile(kQuantile);
  } else if (all_.total > 0) {
    expected = all_.quantile(kQuantile);
  }
  return std::min(expected, most);
}

}  // namespace pingti
