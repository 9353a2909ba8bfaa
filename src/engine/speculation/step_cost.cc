#include "engine/speculation/step_cost.h"

#include <algorithm>
#include <cmath>

namespace pingti {
namespace {

constexpr double kLevelStep = 0.1;
constexpr double kShapeStep = 0.2;
constexpr double kMostSurprise = 1.5;    // a step slower than expected by more than this was disturbed
constexpr double kUnknownRow = 1 / 8.0;  // of the first row, while prompts have not told

}  // namespace

void StepCost::measured(int rows, double seconds) {
  if (rows <= 0 || seconds <= 0) return;
  const auto n = static_cast<size_t>(std::min(rows, kMostRows));
  if (shape_[n] == 0) {
    shape_[n] = seconds / level_;
  } else {
    const double surprise = std::clamp(seconds / (level_ * shape_[n]), 1 / kMostSurprise, kMostSurprise);
    level_ *= std::pow(surprise, kLevelStep);
    shape_[n] *= std::pow(surprise, kShapeStep);
  }
  for (size_t i = 1; i < shape_.size(); ++i) {
    if (shape_[i] == 0) continue;
    shape_[i] = i < n ? std::min(shape_[i], shape_[n]) : std::max(shape_[i], shape_[n]);
  }
}

double StepCost::seconds(int rows) const { return level_ * shape(std::clamp(rows, 1, kMostRows)); }

// Between two measured counts by a straight line; beyond the last by the cost of a prompt's row.
double StepCost::shape(int rows) const {
  if (shape_[static_cast<size_t>(rows)] > 0) return shape_[static_cast<size_t>(rows)];
  int below = rows;
  int above = rows;
  while (below > 0 && shape_[static_cast<size_t>(below)] == 0) --below;
  while (above <= kMostRows && shape_[static_cast<size_t>(above)] == 0) ++above;
  if (below == 0 && above > kMostRows) return 0;
  if (below == 0) return shape_[static_cast<size_t>(above)];
  const double low = shape_[static_cast<size_t>(below)];
  if (above > kMostRows) {
    const double row = assumed_row_ > 0 ? assumed_row_ / level_ : low * kUnknownRow / below;
    return low + row * (rows - below);
  }
  const double high = shape_[static_cast<size_t>(above)];
  return low + (high - low) * (rows - below) / (above - below);
}

}  // namespace pingti
