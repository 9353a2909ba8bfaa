// What each instruction set defines, and the tables made of it.
//
// Files under isa/ are compiled with their own flags (../CMakeLists.txt). They must not emit code that other
// files could link instead of their own: no standard-library templates, no inline functions of shared headers
// unless always_inline; helpers live in an anonymous namespace or in the instruction set's.
#pragma once

#include "kernels/kernel_table.h"

namespace pingti {

namespace reference {
#include "kernels/isa/functions.inc"
extern const Kernels kKernels;
}  // namespace reference

namespace avx2 {
#include "kernels/isa/functions.inc"
extern const Kernels kKernels;
}  // namespace avx2

namespace avxvnni {  // the other functions are avx2's
void linear_int8(const LinearArgs& args);
LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning);
PeakRun int8_peak(int64_t iterations);
extern const Kernels kKernels;
}  // namespace avxvnni

namespace avx512vnni {
#include "kernels/isa/functions.inc"
extern const Kernels kKernels;
}  // namespace avx512vnni

namespace neon {
#include "kernels/isa/functions.inc"
extern const Kernels kKernels;
}  // namespace neon

namespace neondot {  // the other functions are neon's
void linear_int8(const LinearArgs& args);
LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning);
PeakRun int8_peak(int64_t iterations);
extern const Kernels kKernels;
}  // namespace neondot

namespace neoni8mm {  // the other functions are neon's
void linear_int8(const LinearArgs& args);
LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning);
PeakRun int8_peak(int64_t iterations);
extern const Kernels kKernels;
}  // namespace neoni8mm

}  // namespace pingti
