#include "serving/host_state.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <exception>

#include "serving/eviction.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

constexpr double kMiB = 1 << 20;

// A loader's exceptions are its model's errors: they harm no other.
template <class Call>
auto guarded(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& exception) {
    return fail(ErrorKind::kExhausted, "host.load_failed",
                fmt::format("loading the model failed: {}", exception.what()));
  }
}

}  // namespace

size_t longest_token(const Engine& engine) {
  size_t longest = 1;
  const Tokenizer& tokenizer = engine.tokenizer();
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    longest = std::max(longest, tokenizer.token_bytes(id).size());
  }
  return longest;
}

// Counts down when the last copy goes; the rest is the keeper's.
struct ModelHost::State::Hold {
  std::shared_ptr<State> state;
  Entry* entry;
  bool use;
  Hold(std::shared_ptr<State> owner, Entry* of, bool counts_as_use)
      : state(std::move(owner)), entry(of), use(counts_as_use) {}
  Hold(const Hold&) = delete;
  ~Hold() {
    const std::lock_guard lock(state->mutex);
    --(use ? entry->leases : entry->watchers);
    if (use) entry->last_used = Clock::now();
    if (entry->leases == 0 && entry->watchers == 0) state->changed.notify_all();
  }
};

ModelHost::State::State(std::vector<ModelSpec> models, std::shared_ptr<ModelLoader> with, HostOptions how)
    : options(how), loader(std::move(with)) {
  for (ModelSpec& spec : models) {
    auto entry = std::make_unique<Entry>();
    entry->spec = std::move(spec);
    entry->load_asked = entry->at_start = entry->spec.preload;
    entry->load_asked_since = Clock::now();
    entries.push_back(std::move(entry));
  }
}

Lease ModelHost::State::lease(Entry& entry, const std::shared_ptr<State>& self) {
  ++entry.leases;
  entry.last_used = Clock::now();
  return {entry.engine.get(), entry.spec.name, entry.longest_token, entry.loads,
          std::make_shared<Hold>(self, &entry, true)};
}

std::shared_ptr<void> ModelHost::State::watch(Entry& entry, const std::shared_ptr<State>& self) {
  ++entry.watchers;
  return std::make_shared<Hold>(self, &entry, false);
}

int64_t ModelHost::State::used() const {
  int64_t bytes = options.base;
  for (const auto& entry : entries) bytes += entry->memory;
  return bytes;
}

// Bytes a model should come to, so that a few of them find room together.
int64_t ModelHost::State::share() const {
  constexpr size_t kTogether = 4;
  if (options.budget == 0) return 0;
  return (options.budget - options.base) / static_cast<int64_t>(std::min(entries.size(), kTogether));
}

size_t ModelHost::State::waiting() const {
  size_t count = 0;
  for (const auto& entry : entries) count += entry->waiters.size();
  return count;
}

void ModelHost::State::refuse_waiters(Entry& entry, const Error& error, Calls* calls) {
  for (Waiter& waiter : entry.waiters) calls->emplace_back(std::move(waiter.ready), std::unexpected(error));
  entry.waiters.clear();
}

void ModelHost::State::run(const std::weak_ptr<State>& weak) {
  Lock lock(mutex);
  while (!stop) {
    const auto now = Clock::now();
    Calls calls;
    Entry* next = nullptr;
    {
      const auto self = weak.lock();  // the host holds it as long as this thread runs
      expire_waiters(now, &calls);
      if ((next = to_unload(now)) != nullptr) {
        unload(*next, lock);
      } else if ((next = to_load(now, &calls)) != nullptr) {
        load(*next, lock, &calls);
      }
      serve_waiters(self, &calls);
    }
    if (!calls.empty()) {
      lock.unlock();
      for (auto& [ready, result] : calls) ready(std::move(result));
      calls.clear();
      lock.lock();
    } else if (next == nullptr && !stop) {
      const auto until = next_event();
      if (until == Clock::time_point::max()) {
        changed.wait(lock);
      } else {
        changed.wait_until(lock, until);
      }
    }
  }
}

void ModelHost::State::serve_waiters(const std::shared_ptr<State>& self, Calls* calls) {
  for (const auto& entry : entries) {
    if (!entry->takes_leases()) continue;
    for (Waiter& waiter : entry->waiters) calls->emplace_back(std::move(waiter.ready), lease(*entry, self));
    entry->waiters.clear();
  }
}

void ModelHost::State::expire_waiters(Clock::time_point now, Calls* calls) {
  for (const auto& entry : entries) {
    std::erase_if(entry->waiters, [&](Waiter& waiter) {
      if (waiter.deadline > now) return false;
      const bool loading = entry->state == ModelState::kLoading;
      calls->emplace_back(
          std::move(waiter.ready),
          fail(ErrorKind::kExhausted, "host.memory",
               loading ? fmt::format("the model {} is still being loaded", entry->spec.name)
                       : fmt::format("there is no room for the model {} yet: others are at work",
                                     entry->spec.name),
               "ask again later"));
      return true;
    });
  }
}

ModelHost::State::Entry* ModelHost::State::to_unload(Clock::time_point now) {
  for (const auto& entry : entries) {
    if (entry->state != ModelState::kReady || entry->external) continue;
    if (entry->leases > 0 || entry->watchers > 0) continue;
    const bool idle = !entry->spec.pinned && entry->spec.idle_seconds > 0 && entry->waiters.empty() &&
                      now - entry->last_used >= std::chrono::duration<double>(entry->spec.idle_seconds);
    if (entry->unload_asked || entry->leaving || idle) return entry.get();
  }
  return nullptr;
}

// The first in line that can be loaded now. One that fits beside the others may pass one that waits for room.
ModelHost::State::Entry* ModelHost::State::to_load(Clock::time_point now, Calls* calls) {
  if (closed) return nullptr;
  std::vector<Entry*> line;
  for (const auto& entry : entries) {
    const bool absent = entry->state == ModelState::kUnloaded || entry->state == ModelState::kFailed;
    if (absent && entry->wanted()) line.push_back(entry.get());
  }
  std::ranges::stable_sort(line, {}, &Entry::wanted_since);
  Entry* loadable = nullptr;
  std::vector<Entry*> left_before;
  for (const auto& entry : entries) {
    if (std::exchange(entry->leaving, false)) left_before.push_back(entry.get());
  }
  bool first = true;
  for (Entry* entry : line) {
    const bool fits = !entry->needs || options.budget == 0 || entry->least() <= options.budget - used();
    if (fits && loadable == nullptr) loadable = entry;
    if (fits || !std::exchange(first, false)) continue;
    // Choices once made are kept, so that who leaves does not change with every request.
    for (Entry* old : left_before) old->leaving = true;
    if (!make_room(*entry, now, calls)) first = true;
  }
  return loadable;
}

// Marks those that leave for `entry`, if they can leave now or it has waited long enough. False: it never
// fits.
bool ModelHost::State::make_room(Entry& entry, Clock::time_point now, Calls* calls) {
  const int64_t needed = entry.least() - (options.budget - used());
  std::vector<EvictionCandidate> idle;
  std::vector<EvictionCandidate> all;
  for (size_t i = 0; i < entries.size(); ++i) {
    Entry& other = *entries[i];
    const bool leaving = std::exchange(other.leaving, false);
    if (other.state != ModelState::kReady || other.external) continue;
    if (other.spec.pinned && !other.unload_asked) continue;
    const EvictionCandidate candidate{i, other.memory, leaving, other.last_used};
    all.push_back(candidate);
    if (other.leases == 0 && other.waiters.empty()) idle.push_back(candidate);
  }
  const bool alone = entry.at_start && entry.waiters.empty();
  auto victims = alone ? std::vector<size_t>{} : choose_victims(idle, needed);
  const auto possible = alone ? std::vector<size_t>{} : choose_victims(all, needed);
  if (possible.empty()) {
    fail_load(entry,
              {ErrorKind::kExhausted, "host.memory",
               fmt::format("the model {} needs {:.0f} MiB, but {:.0f} of the budget of {:.0f} MiB can be had",
                           entry.spec.name, static_cast<double>(entry.least()) / kMiB,
                           static_cast<double>(std::max<int64_t>(0, entry.least() - needed)) / kMiB,
                           static_cast<double>(options.budget) / kMiB),
               "a larger --memory-budget, a smaller context or fewer pinned models make room"},
              calls);
    return false;
  }
  if (victims.empty() && now - std::max(entry.wanted_since(), last_load) >= options.patience)
    victims = possible;
  for (const size_t victim : victims) entries[victim]->leaving = true;
  return true;
}

ModelHost::Clock::time_point ModelHost::State::next_event() const {
  auto next = Clock::time_point::max();
  for (const auto& entry : entries) {
    for (const Waiter& waiter : entry->waiters) next = std::min(next, waiter.deadline);
    const bool ready = entry->state == ModelState::kReady;
    if (ready && entry->spec.idle_seconds > 0 && !entry->spec.pinned && entry->leases == 0) {
      next = std::min(next, entry->last_used + std::chrono::ceil<Clock::duration>(
                                                   std::chrono::duration<double>(entry->spec.idle_seconds)));
    }
    if (!closed && !ready && entry->wanted()) {
      const auto patient = std::max(entry->wanted_since(), last_load) + options.patience;
      if (patient > Clock::now()) next = std::min(next, patient);
    }
  }
  return next;
}

void ModelHost::State::unload(Entry& entry, Lock& lock) {
  entry.state = ModelState::kUnloading;
  auto engine = std::exchange(entry.engine, nullptr);
  lock.unlock();
  engine.reset();
  ::malloc_trim(0);  // many small pieces: the system gets them back
  lock.lock();
  entry.state = ModelState::kUnloaded;
  entry.memory = 0;
  entry.unload_asked = entry.leaving = false;
}

void ModelHost::State::load(Entry& entry, Lock& lock, Calls* calls) {
  if (!entry.needs) {
    lock.unlock();
    auto needs = guarded([&] { return loader->needs(entry.spec, share()); });
    lock.lock();
    if (!needs) return fail_load(entry, needs.error(), calls);
    entry.needs = *std::move(needs);
    return;  // now its place in line can be judged
  }
  MemoryGrant grant;
  if (options.budget > 0) {
    const int64_t wanted = std::max(entry.least(), std::min(entry.most(), share()));
    const int64_t whole = std::min(wanted, options.budget - used());
    grant = {.kv_memory = whole - entry.needs->fixed, .context = entry.needs->context};
    entry.memory = whole;
  } else {
    entry.memory = entry.needs->fixed;
  }
  entry.state = ModelState::kLoading;
  entry.progress = 0;
  entry.unload_asked = entry.leaving = false;
  lock.unlock();
  auto engine = guarded([&] {
    return loader->load(entry.spec, grant, [&entry](double fraction) { entry.progress = fraction; });
  });
  const size_t longest = engine ? longest_token(**engine) : 1;
  lock.lock();
  last_load = Clock::now();
  if (!engine) return fail_load(entry, engine.error(), calls);
  entry.engine = *std::move(engine);
  entry.longest_token = longest;
  entry.state = ModelState::kReady;
  const int64_t kv = entry.engine->info().kv_bytes;
  // What was set aside stays so where the engine does not know better.
  if (kv > 0 && (options.budget == 0 || kv < grant.kv_memory)) entry.memory = entry.needs->fixed + kv;
  entry.error.reset();
  entry.failures = 0;
  entry.load_asked = entry.at_start = false;
  entry.last_used = Clock::now();
  ++entry.loads;
  settled.notify_all();
}

void ModelHost::State::fail_load(Entry& entry, Error error, Calls* calls) {
  entry.state = ModelState::kFailed;
  entry.memory = 0;
  entry.needs.reset();  // the file may be another one next time
  entry.load_asked = entry.at_start = false;
  const auto back_off =
      std::min(options.most_back_off, options.first_back_off * (1 << std::min(entry.failures, 16)));
  ++entry.failures;
  entry.retry_at = Clock::now() + back_off;
  refuse_waiters(entry, error, calls);
  entry.error = std::move(error);
  settled.notify_all();
}

}  // namespace pingti
