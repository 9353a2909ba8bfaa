// Ctrl-C as a flag instead of an end.
#pragma once

namespace pingti {

// While one lives, SIGINT sets a flag and interrupts system calls. One at a time, on the main thread.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // True once per Ctrl-C: asking takes the flag down.
  static bool take();
  static bool pending();
};

}  // namespace pingti
