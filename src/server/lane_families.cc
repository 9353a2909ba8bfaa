#include "server/lane_families.h"

#include <algorithm>
#include <string>

namespace pingti {
namespace {

constexpr double kBacklogSeconds = 10;

struct LaneFigure {
  const char* name;
  const char* help;
  prometheus::MetricType type;
  double (*value)(const LaneStats&);
};

using prometheus::MetricType;

constexpr LaneFigure kFigures[] = {
    {"pingti_lane_requests_waiting", "Choices waiting for a place in the batch, by lane", MetricType::Gauge,
     [](const LaneStats& lane) { return static_cast<double>(lane.waiting); }},
    {"pingti_lane_requests_running", "Choices in the batch, by lane", MetricType::Gauge,
     [](const LaneStats& lane) { return static_cast<double>(lane.running); }},
    {"pingti_lane_backlog_tokens", "Prompt tokens to compute, by lane", MetricType::Gauge,
     [](const LaneStats& lane) { return static_cast<double>(lane.backlog_tokens); }},
    {"pingti_lane_prompts_total", "Prompts computed, by lane", MetricType::Counter,
     [](const LaneStats& lane) { return static_cast<double>(lane.prompts); }},
    {"pingti_lane_preemptions_total", "Sequences put back to make room, by lane", MetricType::Counter,
     [](const LaneStats& lane) { return static_cast<double>(lane.preemptions); }},
};

}  // namespace

double capacity_left(const EngineInfo& info, const EngineStats& stats) {
  double used = stats.kv_usage;
  if (info.max_sequences > 0)
    used = std::max(used, static_cast<double>(stats.running) / static_cast<double>(info.max_sequences));
  int64_t backlog = 0;
  for (const LaneStats& lane : stats.lanes) backlog += lane.backlog_tokens;
  if (stats.prefill_rate > 0)
    used = std::max(used, static_cast<double>(backlog) / stats.prefill_rate / kBacklogSeconds);
  return std::clamp(1 - used, 0.0, 1.0);
}

void add_lane_figures(const EngineInfo& info, const EngineStats& stats, const prometheus::Labels& labels,
                      Gathered* out) {
  const auto single = [&](const char* name, const char* help, MetricType type, double value) {
    out->add(name, help, type, value, labels);
  };
  for (const LaneFigure& figure : kFigures) {
    for (size_t i = 0; i < std::min(info.lanes.size(), stats.lanes.size()); ++i) {
      prometheus::Labels own = labels;
      own["lane"] = info.lanes[i].name;
      out->add(figure.name, figure.help, figure.type, figure.value(stats.lanes[i]), own);
    }
  }
  single("pingti_capacity_left_ratio", "What the engine could still take on, 1 (idle) to 0",
         MetricType::Gauge, capacity_left(info, stats));
  single("pingti_prefill_tokens_per_second", "Prompt tokens computed per second, as steps have been going",
         MetricType::Gauge, stats.prefill_rate);
  single("pingti_preemptions_parked_total", "Sequences put back whose keys and values were copied out",
         MetricType::Counter, static_cast<double>(stats.parkings));
  single("pingti_deadlines_missed_total", "Requests ended by their time limit", MetricType::Counter,
         static_cast<double>(stats.deadlines_missed));
}

}  // namespace pingti
