#include "kernels/probe.h"

#include <gtest/gtest.h>

#include "support/runnable_kernels.h"

namespace pingti {
namespace {

// Two ports at 4 GHz, two threads.
PeakProbe sound() {
  return {.operations = 2.04e12,
          .one_thread = 1.024e12,
          .clock_hz = 4e9,
          .per_cycle = 256,
          .instructions = 2.0,
          .most_instructions = 2,
          .threads = 2};
}

TEST(PeakProbe, WholePortsArePlausible) {
  PeakProbe peak = sound();
  EXPECT_EQ(doubt_about(peak), "");
  peak.instructions = 0.97;  // one port, as where 512 bits take two cycles
  EXPECT_EQ(doubt_about(peak), "");
}

TEST(PeakProbe, AWeakProbeIsDoubted) {
  PeakProbe peak = sound();
  for (const double instructions : {0.0, 0.3, 0.8, 1.3, 1.5, 1.8}) {
    peak.instructions = instructions;
    EXPECT_NE(doubt_about(peak).find("probe is weak"), std::string::npos) << instructions;
  }
}

TEST(PeakProbe, MoreThanThePortsIsDoubted) {
  PeakProbe peak = sound();
  peak.instructions = 3.0;
  EXPECT_NE(doubt_about(peak).find("more than the 2"), std::string::npos);
}

TEST(PeakProbe, AClockOutOfRangeIsDoubted) {
  PeakProbe peak = sound();
  peak.clock_hz = 40e9;
  EXPECT_NE(doubt_about(peak).find("clock"), std::string::npos);
}

TEST(PeakProbe, ThreadsThatShareCoresAreDoubted) {
  PeakProbe peak = sound();
  peak.operations = 1.1e12;
  EXPECT_NE(doubt_about(peak).find("0.53"), std::string::npos) << doubt_about(peak);
}

TEST(PeakProbe, WithoutAKnownLimitNothingIsDoubted) {
  PeakProbe peak = sound();
  peak.instructions = 0;
  peak.most_instructions = 0;
  EXPECT_EQ(doubt_about(peak), "");
}

// What a run says it did grows with its length.
TEST(PeakProbe, RunsCountTheirOperations) {
  for (const Kernels* kernels : runnable_kernels()) {
    const PeakRun one = kernels->int8_peak(1), many = kernels->int8_peak(10);
    EXPECT_GT(one.operations, 0);
    EXPECT_EQ(many.operations, 10 * one.operations) << kernels->isa;
    EXPECT_EQ(many.instructions, 10 * one.instructions) << kernels->isa;
    EXPECT_EQ(one.most_per_cycle > 0, one.instructions > 0) << kernels->isa;
  }
}

}  // namespace
}  // namespace pingti
