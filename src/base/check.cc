#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace pingti {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "pingti: internal error: check failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace pingti
