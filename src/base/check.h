// PT_CHECK(condition): states an invariant. A false one is a bug in pingti, never the user's fault;
// it prints the place and ends the process. Input errors are Results (result.h).
#pragma once

namespace pingti {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define PT_CHECK(condition)                          \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? void(0)                                     \
       : ::pingti::check_failed(#condition, __FILE__, __LINE__))
