// How many drafted tokens of each sequence a step should verify.
#pragma once

#include <span>
#include <vector>

#include "engine/speculation/step_cost.h"

namespace pingti {

// Per drafted token of one sequence, the chance that it and all before it are kept: falling.
using DraftChances = std::vector<double>;

// A choice of rows, and what it brings compared with verifying nothing: expected tokens per second, 1 when
// nothing is verified.
struct DraftShare {
  std::vector<int> tokens;  // per sequence
  double gain = 1;
};

// Takes drafted tokens in order of their chance as long as the step's expected tokens per second,
//   (decode_rows + sum of chances) / (cost(decode_rows + tokens) + drafting),
// grow; nothing unless they grow noticeably. `drafting`: seconds spent on each further token of a sequence.
DraftShare share_draft_rows(std::span<const DraftChances> drafts, int decode_rows, int most_rows,
                            const StepCost& cost, double drafting = 0);

}  // namespace pingti
