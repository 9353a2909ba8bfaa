#include "cli/interrupt.h"

#include <csignal>

namespace pingti {
namespace {

volatile std::sig_atomic_t interrupted = 0;
struct sigaction previous;

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &previous);
}

InterruptGuard::~InterruptGuard() { ::sigaction(SIGINT, &previous, nullptr); }

bool InterruptGuard::pending() { return interrupted != 0; }

bool InterruptGuard::take() {
  const bool was = pending();
  interrupted = 0;
  return was;
}

}  // namespace pingti
