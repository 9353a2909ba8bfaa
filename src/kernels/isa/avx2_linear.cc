// linear_int8 with AVX2 (avx2_tile.h, avx2_fold.h).
#include "kernels/isa/avx2_tile.h"
#include "kernels/isa/functions.h"

namespace pingti::avx2 {

void linear_int8(const LinearArgs& args) { run_format<PairSums>(args); }

LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning) {
  return plan<PairSums>(layout, columns, tuning);
}

}  // namespace pingti::avx2
