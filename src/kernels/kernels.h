// The compute functions of one instruction set (ISA), as a table of plain function pointers
// (kernel_table.h), and the choice of the table.
//
// All functions are pure over the memory they are given, take no locks and may run on any thread; work is
// split over threads by the caller through the ranges in the arguments. Numerics contract: the bits of a
// result depend on the ISA and on the inputs of that one result only, never on how many columns, queries
// or keys-blocks were computed beside it, nor on how the range was split (docs/architecture.md,
// "Same answer at any load").
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "kernels/attention.h"
#include "kernels/kernel_table.h"
#include "kernels/linear.h"

namespace pingti {

// CPU abilities found at start by CPUID (and the operating system's consent to the registers), or told by the
// kernel on AArch64.
struct CpuFeatures {
  bool avx2 = false;  // with FMA and F16C
  bool avx_vnni = false;
  bool avx512 = false;  // F, BW, DQ, VL
  bool avx512_vnni = false;
  bool neon_dot = false;   // FEAT_DotProd; NEON itself is on every AArch64 CPU
  bool neon_i8mm = false;  // FEAT_I8MM
  std::string_view cpu_name;
  unsigned signature = 0;  // x86: family, model and stepping as CPUID has them
};
const CpuFeatures& cpu_features();

// All tables built into this binary, best first (isa/isas.inc).
std::span<const Kernels* const> all_kernels();
// Whether this CPU can run the table.
bool is_runnable(const Kernels& kernels);

// The best table this CPU runs, or the one forced by `isa` (empty: PINGTI_ISA, then automatic). An unknown
// name, or one this CPU lacks, is an error that lists what it has.
Result<const Kernels*> select_kernels(std::string_view isa = {});

}  // namespace pingti
