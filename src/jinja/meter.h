// What one rendering has used of its Limits. Owned by the interpreter; every value made while rendering holds
// a Charge against it, so it outlives them all. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "jinja/failure.h"

namespace pingti::jinja {

class Meter {
 public:
  Meter(int64_t steps, size_t memory_bytes) : steps_left_(steps), memory_limit_(memory_bytes) {}
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  void step(int64_t count = 1) {
    steps_left_ -= count;
    if (steps_left_ < 0) throw_limit("the template takes too many steps");
  }
  // Work on text or items costs less than evaluating a node.
  void touch_bytes(size_t count) { step(static_cast<int64_t>(count / 64)); }
  void touch_items(size_t count) { step(static_cast<int64_t>(count / 4)); }

  // Call before making something large: fails when it would not fit.
  void expect_bytes(size_t count) {
    if (count > memory_limit_ - used_) throw_limit("the template's values take too much memory");
  }
  void take(size_t count) {
    expect_bytes(count);
    used_ += count;
  }
  void give(size_t count) { used_ -= count; }

 private:
  int64_t steps_left_;
  size_t memory_limit_;
  size_t used_ = 0;
};

// Bytes held against a meter for as long as it lives; none for constants of the program.
class Charge {
 public:
  Charge() = default;
  Charge(Meter* meter, size_t bytes) : meter_(meter), bytes_(bytes) {
    if (meter_) meter_->take(bytes_);
  }
  Charge(Charge&& other) noexcept
      : meter_(std::exchange(other.meter_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Charge() {
    if (meter_) meter_->give(bytes_);
  }

 private:
  Meter* meter_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace pingti::jinja
