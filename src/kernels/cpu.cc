#include <string>

#include "kernels/isa/functions.h"
#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>

#include <fstream>
#endif

namespace pingti {
namespace {

#if defined(__x86_64__)

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

constexpr bool bit(unsigned word, int index) { return (word >> index) & 1; }

// The register states the operating system saves (XCR0). Needs OSXSAVE.
unsigned enabled_states() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::string brand_name() {
  std::string name;
  for (unsigned leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    const Registers r = cpuid(leaf);
    for (unsigned word : {r.eax, r.ebx, r.ecx, r.edx}) name.append(reinterpret_cast<const char*>(&word), 4);
  }
  name.resize(name.find_last_not_of(std::string_view(" \0", 2)) + 1);
  return name;
}

CpuFeatures detect() {
  static const std::string kName = brand_name();
  CpuFeatures f;
  f.cpu_name = kName;
  const Registers basic = cpuid(1);
  f.signature = basic.eax;
  if (!bit(basic.ecx, 27)) return f;  // OSXSAVE
  constexpr unsigned kYmm = 0x6, kZmm = 0xe6;
  const unsigned states = enabled_states();
  const Registers extended = cpuid(7);
  const Registers more = cpuid(7, 1);
  if ((states & kYmm) == kYmm) {
    f.avx2 = bit(basic.ecx, 28) && bit(basic.ecx, 12) && bit(basic.ecx, 29) && bit(extended.ebx, 5);
    f.avx_vnni = f.avx2 && bit(more.eax, 4);
  }
  if (f.avx2 && (states & kZmm) == kZmm) {
    f.avx512 =
        bit(extended.ebx, 16) && bit(extended.ebx, 30) && bit(extended.ebx, 17) && bit(extended.ebx, 31);
    f.avx512_vnni = f.avx512 && bit(extended.ecx, 11);
  }
  return f;
}

#elif defined(__aarch64__)

// The main ID register as Linux shows it: implementer, part and revision.
std::string core_name() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1");
  std::string midr;
  return file >> midr ? "AArch64, MIDR " + midr : "AArch64";
}

CpuFeatures detect() {
  static const std::string name = core_name();
  constexpr unsigned long kAsimdDp = 1ul << 20;  // of AT_HWCAP
  constexpr unsigned long kI8mm = 1ul << 13;     // of AT_HWCAP2
  CpuFeatures f;
  f.cpu_name = name;
  f.neon_dot = (getauxval(AT_HWCAP) & kAsimdDp) != 0;
  f.neon_i8mm = (getauxval(AT_HWCAP2) & kI8mm) != 0;
  return f;
}

#else

CpuFeatures detect() { return {}; }

#endif

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures kFeatures = detect();
  return kFeatures;
}

}  // namespace pingti
