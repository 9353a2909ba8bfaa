// Many models in one process under one memory budget: loaded when they are asked for, unloaded when others
// need their memory or nobody uses them.
//
// Who uses a model holds a Lease; a model is never unloaded while one lives. A lease may be dropped on any
// thread, the engine's own included: that only counts down. Loading, unloading and the engines' end happen on
// one thread of the host, one after another. All methods may be called from any thread; callbacks run on the
// host's thread, or on the caller's, never under a lock, and must be quick.
//
// Memory: before a model is loaded, its need (MemoryNeeds, an upper bound) is set aside in the budget, so
// that the sum of what is loaded, being loaded and being unloaded never passes it. To make room, idle models
// that are not pinned go, the longest unused first, and no more of them than needed. When those are not
// enough, the request waits for busy ones to become idle; after `patience` they take no new requests (these
// wait in turn), so that no model is kept out by others in steady use. Loads are made in the order in which
// they were first asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "serving/model_loader.h"

namespace pingti {

enum class ModelState { kUnloaded, kLoading, kReady, kUnloading, kFailed };

struct HostOptions {
  int64_t budget = 0;  // bytes of the whole process; 0: none, and engines bound themselves
  int64_t base = 0;    // of these, what the process takes without any model
  std::chrono::milliseconds patience{10'000};
  // After a failure a model is tried again on demand no sooner than this, doubled with each further failure.
  std::chrono::milliseconds first_back_off{5'000};
  std::chrono::milliseconds most_back_off{300'000};
  size_t max_waiting = 1024;  // requests waiting for models
};

// A model in use.
struct Lease {
  Engine* engine = nullptr;
  std::string name;            // the model's own, whatever it was asked for by
  size_t longest_token = 1;    // bytes
  uint64_t load = 0;           // which of its loads, from 1
  std::shared_ptr<void> hold;  // the engine lives as long as this does
};

struct ModelStatus {
  std::string name;
  std::vector<std::string> aliases;
  ModelState state = ModelState::kUnloaded;
  double progress = 0;  // while loading
  bool pinned = false;
  int64_t leases = 0;
  int64_t waiting = 0;                // requests waiting for it to be loaded
  int64_t memory = 0;                 // bytes set aside for it
  uint64_t loads = 0;                 // so far
  std::optional<Error> error;         // of the last load, when it failed
  std::optional<MemoryNeeds> needs;   // once its header was read
  Engine* engine = nullptr;           // when ready
  std::shared_ptr<void> engine_hold;  // keeps it there while this status lives; counts as no use
};

struct MemoryUse {
  int64_t budget = 0;  // 0: none
  int64_t used = 0;    // the base and all that is set aside
};

class ModelHost {
 public:
  using Clock = std::chrono::steady_clock;
  // What a name means. An adapter of a model ("model:adapter") will be a further member.
  struct Name {
    size_t model = 0;
    bool operator==(const Name&) const = default;
  };

  // Errors: "host.name" for two models of one name, "host.empty".
  static Result<std::unique_ptr<ModelHost>> create(std::vector<ModelSpec> models,
                                                   std::shared_ptr<ModelLoader> loader, HostOptions options);
  // One model that is there already and is never unloaded; the engine outlives the host.
  static std::unique_ptr<ModelHost> of(Engine& engine, std::vector<std::string> names);
  ModelHost(const ModelHost&) = delete;
  // Ends the engines; leases should be gone, answers of others are cut.
  ~ModelHost();

  // The one place where names are given meaning. Empty: the first model.
  std::optional<Name> resolve(std::string_view name) const;
  std::vector<std::string> names() const;  // each model's own

  // A lease at once, if the model is loaded and may be used.
  std::optional<Lease> try_acquire(Name name);
  // Calls `ready` once: with a lease when the model is there, having loaded it if need be, or with an error
  // when it cannot be loaded or `deadline` passes: "host.memory" (what it needs is held by others, or more
  // than there is), "host.waiting" (too many wait), "host.closed", or why loading failed. Returns a ticket
  // for cancel().
  using Ready = std::function<void(Result<Lease>)>;
  uint64_t acquire(Name name, Clock::time_point deadline, Ready ready);
  void cancel(uint64_t ticket);  // `ready` is not called any more, unless it is being called now
  // Whole seconds until asking again makes sense, for an error of acquire().
  int retry_after(Name name, const Error& error) const;

  // Loads a model as if a request had asked, at once even after failures. Returns without waiting.
  void load(Name name);
  // Takes no new requests and goes when its last lease does; pinned or not. The next request loads it again.
  void unload(Name name);

  std::vector<ModelStatus> list() const;
  MemoryUse memory() const;
  // Whether the models to be loaded at start were loaded, or have failed; and how far that is, 0 to 1.
  bool preloaded() const;
  double preload_progress() const;
  void wait_preloaded() const;

  // Refuses everything new and lets answers finish, as Engine::drain does. Blocks.
  void drain(std::optional<std::chrono::milliseconds> limit);

 private:
  struct State;
  explicit ModelHost(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

const char* spelled(ModelState state);

}  // namespace pingti
