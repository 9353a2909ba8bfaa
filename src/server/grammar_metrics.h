// What constrained answers cost, as Prometheus families.
#pragma once

#include <prometheus/labels.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "engine/engine.h"

namespace pingti {

std::vector<prometheus::MetricFamily> grammar_metrics(const EngineStats& stats,
                                                      const prometheus::Labels& labels);

}  // namespace pingti
