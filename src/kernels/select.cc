#include <array>
#include <cstdlib>
#include <string>

#include "kernels/isa/functions.h"
#include "kernels/kernels.h"

namespace pingti {
namespace {

struct Isa {
  const Kernels* kernels;
  bool (*runs_on)(const CpuFeatures& cpu);
};

constexpr Isa kIsas[] = {
#define PT_ISA(name, condition) \
  {&name::kKernels, []([[maybe_unused]] const CpuFeatures& cpu) { return condition; }},
#include "kernels/isa/isas.inc"
#undef PT_ISA
};

constexpr const Kernels* kTables[] = {
#define PT_ISA(name, condition) &name::kKernels,
#include "kernels/isa/isas.inc"
#undef PT_ISA
};

std::string runnable_names() {
  std::string names;
  for (const Kernels* table : kTables) {
    if (!is_runnable(*table)) continue;
    if (!names.empty()) names += ", ";
    names += table->isa;
  }
  return names;
}

}  // namespace

std::span<const Kernels* const> all_kernels() { return kTables; }

bool is_runnable(const Kernels& kernels) {
  for (const Isa& isa : kIsas) {
    if (isa.kernels == &kernels) return isa.runs_on(cpu_features());
  }
  return false;
}

Result<const Kernels*> select_kernels(std::string_view isa) {
  if (isa.empty()) {
    if (const char* forced = std::getenv("PINGTI_ISA")) isa = forced;
  }
  for (const Kernels* table : kTables) {
    if (!isa.empty() && isa != table->isa) continue;
    if (is_runnable(*table)) return table;
    if (isa.empty()) continue;
    return fail(ErrorKind::kUnsupported, "kernels.isa_missing",
                "this CPU cannot run the instruction set \"" + std::string(isa) + "\"",
                "it can run: " + runnable_names());
  }
  return fail(ErrorKind::kInvalid, "kernels.isa_unknown",
              "there is no instruction set named \"" + std::string(isa) + "\"",
              "this CPU can run: " + runnable_names());
}

}  // namespace pingti
