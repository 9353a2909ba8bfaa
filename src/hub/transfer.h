// What the fetchers share: options, the speed meter, waiting between tries, the last checks of a file.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "hub/model_folder.h"
#include "hub/part_file.h"
#include "hub/progress.h"

namespace pingti {

struct TransferOptions {
  int retries = 5;                         // tries after the first that bring no progress
  std::chrono::seconds stall_timeout{30};  // a connection slower than 1 KiB/s for this long is given up
  std::stop_token stop;
};

// Tells a sink about one file's bytes, at most ten times a second, with the speed of the last seconds.
class ProgressMeter {
 public:
  ProgressMeter(ProgressSink& sink, std::string file) : sink_(sink), file_(std::move(file)) {}
  void note(std::string text);
  void start(uint64_t done, std::optional<uint64_t> total);
  void progress(uint64_t done);
  void verify(uint64_t done, std::optional<uint64_t> total);
  void done(uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  struct Sample {
    Clock::time_point when;
    uint64_t bytes;
  };
  void send(PullEvent::Kind kind, uint64_t done);
  bool due();

  ProgressSink& sink_;
  std::string file_;
  std::optional<uint64_t> total_;
  std::deque<Sample> samples_;
  Clock::time_point last_event_{};
};

// The error for a file system without room: both numbers in the message.
Result<void> check_room(const std::filesystem::path& target, uint64_t needed);

// Sleeps; kCancelled when stopped meanwhile.
Result<void> wait_before_retry(std::chrono::milliseconds delay, const std::stop_token& stop);
// Half a second, doubled at each try, 30 s at most.
std::chrono::milliseconds backoff(int attempt);

// Checks size and digest of a complete part file and puts it in its place with its stamp. A digest that
// differs discards the part file: error "hub.sha256_mismatch". Messages say `source`, the stamp `remembered`.
Result<void> finish_part(PartFile& part, const std::filesystem::path& target, const Expected& expected,
                         const std::string& source, const std::string& remembered, ProgressMeter& meter);

}  // namespace pingti
