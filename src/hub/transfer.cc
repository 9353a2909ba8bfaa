#include "hub/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/file.h"
#include "hub/text.h"

namespace pingti {
namespace {
constexpr auto kEventInterval = std::chrono::milliseconds(100);
constexpr auto kSpeedWindow = std::chrono::seconds(5);
constexpr auto kLongestBackoff = std::chrono::milliseconds(30'000);
}  // namespace

void ProgressMeter::send(PullEvent::Kind kind, uint64_t done) {
  PullEvent event;
  event.kind = kind;
  event.file = file_;
  event.done = done;
  event.total = total_;
  const auto now = Clock::now();
  if (kind == PullEvent::Kind::kProgress) {
    samples_.push_back({now, done});
    while (samples_.size() > 2 && now - samples_.front().when > kSpeedWindow) samples_.pop_front();
    const std::chrono::duration<double> span = now - samples_.front().when;
    if (span.count() > 0) {
      event.bytes_per_second = static_cast<double>(done - samples_.front().bytes) / span.count();
    }
  }
  last_event_ = now;
  sink_.on_event(event);
}

bool ProgressMeter::due() { return Clock::now() - last_event_ >= kEventInterval; }

void ProgressMeter::note(std::string text) {
  PullEvent event;
  event.file = file_;
  event.text = std::move(text);
  sink_.on_event(event);
}

void ProgressMeter::start(uint64_t done, std::optional<uint64_t> total) {
  total_ = total;
  samples_.assign(1, {Clock::now(), done});
  send(PullEvent::Kind::kStart, done);
}

void ProgressMeter::progress(uint64_t done) {
  if (samples_.empty() || done < samples_.back().bytes) samples_.assign(1, {Clock::now(), done});
  if (due()) send(PullEvent::Kind::kProgress, done);
}

void ProgressMeter::verify(uint64_t done, std::optional<uint64_t> total) {
  total_ = total;
  if (due()) send(PullEvent::Kind::kVerify, done);
}

void ProgressMeter::done(uint64_t total) {
  total_ = total;
  send(PullEvent::Kind::kDone, total);
}

Result<void> check_room(const std::filesystem::path& target, uint64_t needed) {
  PT_TRY(const uint64_t free, free_disk_bytes(target));
  if (needed <= free) return {};
  return fail(ErrorKind::kExhausted, "hub.disk_full",
              fmt::format("{} needs {} more bytes ({}), the disk has {} free ({})", target.string(), needed,
                          human_bytes(needed), free, human_bytes(free)),
              "free some space, or choose another folder with --dir");
}

Result<void> wait_before_retry(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, delay, [] { return false; });
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "hub.cancelled", "the pull was cancelled");
  return {};
}

std::chrono::milliseconds backoff(int attempt) {
  return std::min(kLongestBackoff, std::chrono::milliseconds(500) * (1 << std::clamp(attempt, 0, 10)));
}

Result<void> finish_part(PartFile& part, const std::filesystem::path& target, const Expected& expected,
                         const std::string& source, const std::string& remembered, ProgressMeter& meter) {
  const uint64_t size = part.size();
  if (expected.size && *expected.size != size) {
    part.discard();
    return fail(ErrorKind::kInvalid, "hub.wrong_size",
                fmt::format("{} gave {} bytes for {}, wanted {}", source, size, target.filename().string(),
                            *expected.size));
  }
  const std::string found = part.sha256();
  if (!expected.sha256.empty() && found != expected.sha256) {
    part.discard();
    return fail(ErrorKind::kInvalid, "hub.sha256_mismatch",
                fmt::format("what {} gave for {} has the sha256 {}, wanted {}", source,
                            target.filename().string(), found, expected.sha256),
                "the file was changed on its way or at its source, and is not used");
  }
  remove_stamp(target);
  PT_TRY_VOID(part.publish());
  PT_TRY_VOID(write_stamp(target, found, remembered));
  meter.done(size);
  return {};
}

}  // namespace pingti
