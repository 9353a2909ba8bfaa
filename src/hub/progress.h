// What a pull tells while it works. Events arrive on the thread that called pull(), in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pingti {

struct PullEvent {
  enum class Kind {
    kNote,      // `text` says what happens: a source tried, a retry, a wait for another pull
    kStart,     // `file` begins; `done` bytes are already there from an earlier try
    kProgress,  // at most about ten times a second
    kVerify,    // `file` is being read again to check its sha256
    kDone,      // `file` is whole, checked and in its place
  };
  Kind kind = Kind::kNote;
  std::string file{};               // name without folders
  std::string text{};               // for people
  uint64_t done = 0;                // bytes
  std::optional<uint64_t> total{};  // bytes, where known
  double bytes_per_second = 0;      // over the last seconds
};

class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void on_event(const PullEvent& event) = 0;
};

// For callers that want no progress.
class NoProgress : public ProgressSink {
 public:
  void on_event(const PullEvent&) override {}
};

}  // namespace pingti
