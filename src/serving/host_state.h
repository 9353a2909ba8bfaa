// What a ModelHost is behind its interface: the models, who waits for them, and the thread that loads and
// unloads.
//
// One mutex guards everything but what is marked; it is never held while an engine or a loader is called, nor
// while a callback runs. The keeper thread alone changes a model's state.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "serving/model_host.h"

namespace pingti {

struct ModelHost::State {
  struct Waiter {
    uint64_t ticket = 0;
    Clock::time_point since;
    Clock::time_point deadline;
    Ready ready;
  };

  struct Entry {
    ModelSpec spec;
    ModelState state = ModelState::kUnloaded;
    std::atomic<double> progress{0};  // not guarded
    std::shared_ptr<Engine> engine;
    bool external = false;  // the engine is not the host's
    size_t longest_token = 1;
    std::optional<MemoryNeeds> needs;
    int64_t memory = 0;  // set aside while loading, ready or unloading
    std::optional<Error> error;
    Clock::time_point retry_at{};
    int failures = 0;  // in a row
    uint64_t loads = 0;
    int64_t leases = 0;
    int64_t watchers = 0;  // who looks at the engine without using the model
    Clock::time_point last_used{};
    std::deque<Waiter> waiters;
    bool load_asked = false;
    bool at_start = false;  // asked for at start: does not push others out
    Clock::time_point load_asked_since{};
    bool unload_asked = false;
    bool leaving = false;  // makes room: takes no new leases

    bool takes_leases() const { return state == ModelState::kReady && !leaving && !unload_asked; }
    bool wanted() const { return !waiters.empty() || load_asked; }
    Clock::time_point wanted_since() const {
      return waiters.empty() ? load_asked_since : waiters.front().since;
    }
    int64_t least() const { return needs->fixed + needs->kv_least; }
    int64_t most() const { return needs->fixed + needs->kv_most; }
  };

  struct Hold;
  using Lock = std::unique_lock<std::mutex>;
  using Calls = std::vector<std::pair<Ready, Result<Lease>>>;

  State(std::vector<ModelSpec> models, std::shared_ptr<ModelLoader> loader, HostOptions options);

  // With the mutex held:
  Lease lease(Entry& entry, const std::shared_ptr<State>& self);
  std::shared_ptr<void> watch(Entry& entry, const std::shared_ptr<State>& self);
  int64_t used() const;
  int64_t share() const;  // needs no mutex
  size_t waiting() const;
  void refuse_waiters(Entry& entry, const Error& error, Calls* calls);

  // The keeper's:
  void run(const std::weak_ptr<State>& self);
  void serve_waiters(const std::shared_ptr<State>& self, Calls* calls);
  void expire_waiters(Clock::time_point now, Calls* calls);
  Entry* to_unload(Clock::time_point now);
  Entry* to_load(Clock::time_point now, Calls* calls);
  bool make_room(Entry& entry, Clock::time_point now, Calls* calls);
  Clock::time_point next_event() const;
  void unload(Entry& entry, Lock& lock);
  void load(Entry& entry, Lock& lock, Calls* calls);
  void fail_load(Entry& entry, Error error, Calls* calls);

  const HostOptions options;
  const std::shared_ptr<ModelLoader> loader;
  std::vector<std::unique_ptr<Entry>> entries;
  std::unordered_map<std::string, size_t> by_name;  // set before the keeper starts

  mutable std::mutex mutex;
  std::condition_variable changed;          // something for the keeper
  mutable std::condition_variable settled;  // a load has ended
  uint64_t last_ticket = 0;
  Clock::time_point last_load{};  // when one ended
  bool closed = false;
  bool stop = false;
  std::thread keeper;
};

// Bytes, of all tokens.
size_t longest_token(const Engine& engine);

}  // namespace pingti
