// Answers of /v1/responses kept for their client: to be read again, and to be continued.
//
// Bounded by number, bytes and age; the least recently used goes first. Kept in memory alone. What one API
// key stored, another cannot see. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace pingti {

struct ResponseStoreLimits {
  size_t count = 1000;
  size_t bytes = 64 << 20;
  std::chrono::seconds age{24 * 3600};
};

// One turn of a conversation: its items, as JSON text, and the turns before it. A turn outlives the response
// it was stored with as long as a later one continues it.
struct ResponseTurn {
  std::shared_ptr<const ResponseTurn> before;
  std::string input;   // an array of items
  std::string output;  // an array of items
};

struct StoredResponse {
  std::string response;  // JSON
  std::shared_ptr<const ResponseTurn> turn;
};

class ResponseStore {
 public:
  using Clock = std::chrono::steady_clock;
  // now: the clock, for tests.
  explicit ResponseStore(ResponseStoreLimits limits = {}, std::function<Clock::time_point()> now = Clock::now)
      : limits_(limits), now_(std::move(now)) {}

  // owner: the API key, or empty. Too large to be kept: not kept.
  void put(const std::string& owner, const std::string& id, StoredResponse response);
  std::optional<StoredResponse> get(const std::string& owner, const std::string& id);
  bool erase(const std::string& owner, const std::string& id);

  size_t count() const;
  size_t bytes() const;

 private:
  struct Entry {
    std::string owner;
    std::string id;
    StoredResponse stored;
    size_t bytes = 0;
    Clock::time_point expires;
  };
  using Place = std::list<Entry>::iterator;

  Place find(const std::string& owner, const std::string& id);
  void remove(Place place);
  void shrink();

  ResponseStoreLimits limits_;
  std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, Place> places_;
  size_t bytes_ = 0;
};

}  // namespace pingti
