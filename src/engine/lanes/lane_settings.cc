#include "engine/lanes/lane_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace pingti {
namespace {

// "1,2,3" -> numbers; anything else is refused with what was wanted.
template <class T>
Result<std::vector<T>> numbers(std::string_view option, std::string_view text, size_t count,
                               std::string_view wanted) {
  const auto refused = [&] {
    return fail(ErrorKind::kInvalid, "engine.option",
                fmt::format("{} is \"{}\"; it must be {}", option, text, wanted));
  };
  std::vector<T> values;
  for (size_t start = 0; start <= text.size() && values.size() <= count;) {
    const size_t end = std::min(text.find(',', start), text.size());
    T value{};
    const auto [stop, code] = std::from_chars(text.data() + start, text.data() + end, value);
    if (code != std::errc() || stop != text.data() + end || !(value > 0) || !(value <= T{1'000'000'000}))
      return refused();
    values.push_back(value);
    start = end + 1;
  }
  if (values.size() != count) return refused();
  return values;
}

}  // namespace

int LaneSettings::lane_of(int64_t tokens) const {
  size_t lane = 0;
  while (lane + 1 < lanes.size() && tokens > lanes[lane].most_tokens) ++lane;
  return static_cast<int>(lane);
}

double LaneSettings::share_of(size_t lane) const {
  double all = 0;
  for (const LaneInfo& info : lanes) all += info.share;
  return lanes[lane].share / all;
}

LaneSettings without_lanes(const LaneSettings& settings) {
  int64_t queue = 0;
  for (const LaneInfo& lane : settings.lanes) queue += lane.queue;
  return {.lanes = {{"all", INT64_MAX, 1, queue}}, .ageing_seconds = settings.ageing_seconds};
}

Result<LaneSettings> parse_lanes(const EngineOptions& options) {
  LaneSettings settings;
  if (options.lanes != "on" && options.lanes != "off") {
    return fail(ErrorKind::kInvalid, "engine.option",
                fmt::format("lanes is \"{}\"; it must be on or off", options.lanes));
  }
  PT_TRY(const auto limits, numbers<int64_t>("lane-limits", options.lane_limits, 2,
                                             "the most tokens of S and of M, as 1024,8192"));
  if (limits[0] >= limits[1]) {
    return fail(ErrorKind::kInvalid, "engine.option",
                fmt::format("lane-limits is \"{}\"; the second must be the larger one", options.lane_limits));
  }
  PT_TRY(const auto shares, numbers<double>("lane-shares", options.lane_shares, 3,
                                            "the shares of S, M and L, each above 0, as 60,20,20"));
  PT_TRY(const auto queues, numbers<int64_t>("lane-queues", options.lane_queues, 3,
                                             "the most waiting answers of S, M and L, as 256,128,64"));
  if (!(options.lane_ageing > 0)) {
    return fail(ErrorKind::kInvalid, "engine.option",
                fmt::format("lane-ageing is {}; it must be above 0", options.lane_ageing));
  }
  for (size_t lane = 0; lane < settings.count(); ++lane) {
    if (lane < limits.size()) settings.lanes[lane].most_tokens = limits[lane];
    settings.lanes[lane].share = shares[lane];
    settings.lanes[lane].queue = queues[lane];
  }
  settings.ageing_seconds = options.lane_ageing;
  return options.lanes == "off" ? without_lanes(settings) : settings;
}

}  // namespace pingti
