// The kernel tables this CPU can run, best first.
#pragma once

#include <vector>

#include "kernels/kernels.h"

namespace pingti {

inline std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> tables;
  for (const Kernels* table : all_kernels()) {
    if (is_runnable(*table)) tables.push_back(table);
  }
  return tables;
}

}  // namespace pingti
