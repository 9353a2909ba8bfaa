// linear_int8 with AVX-VNNI (avxvnni_tile.h, avx2_fold.h).
#include "kernels/isa/avxvnni_tile.h"
#include "kernels/isa/functions.h"

namespace pingti::avxvnni {

void linear_int8(const LinearArgs& args) { run_format<ByteDot>(args); }

LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning) {
  return plan<ByteDot>(layout, columns, tuning);
}

}  // namespace pingti::avxvnni
