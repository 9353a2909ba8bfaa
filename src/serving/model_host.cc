#include "serving/model_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "serving/host_state.h"

namespace pingti {
namespace {

Error closed_error() { return {ErrorKind::kExhausted, "host.closed", "the server is shutting down", ""}; }

}  // namespace

const char* spelled(ModelState state) {
  switch (state) {
    case ModelState::kUnloaded:
      return "unloaded";
    case ModelState::kLoading:
      return "loading";
    case ModelState::kReady:
      return "loaded";
    case ModelState::kUnloading:
      return "unloading";
    case ModelState::kFailed:
      return "failed";
  }
  return "unloaded";
}

Result<std::unique_ptr<ModelHost>> ModelHost::create(std::vector<ModelSpec> models,
                                                     std::shared_ptr<ModelLoader> loader,
                                                     HostOptions options) {
  if (models.empty()) return fail(ErrorKind::kInvalid, "host.empty", "there is no model to serve");
  auto state = std::make_shared<State>(std::move(models), std::move(loader), options);
  for (size_t i = 0; i < state->entries.size(); ++i) {
    const ModelSpec& spec = state->entries[i]->spec;
    std::vector<std::string> names = spec.aliases;
    names.push_back(spec.name);
    for (const std::string& name : names) {
      const auto [place, added] = state->by_name.emplace(name, i);
      if (name.empty() || (!added && place->second != i)) {
        return fail(
            ErrorKind::kInvalid, "host.name",
            name.empty() ? "a model has an empty name" : fmt::format("two models are called \"{}\"", name),
            "every name may stand for one model only");
      }
    }
  }
  return std::unique_ptr<ModelHost>(new ModelHost(std::move(state)));
}

std::unique_ptr<ModelHost> ModelHost::of(Engine& engine, std::vector<std::string> names) {
  ModelSpec spec{.pinned = true};
  spec.name = names.empty() ? engine.info().model_name : names.front();
  spec.aliases = std::move(names);
  std::vector<ModelSpec> specs;
  specs.push_back(std::move(spec));
  auto state = std::make_shared<State>(std::move(specs), nullptr, HostOptions{});
  State::Entry& entry = *state->entries.front();
  entry.engine = std::shared_ptr<Engine>(&engine, [](Engine*) {});
  entry.external = true;
  entry.state = ModelState::kReady;
  entry.loads = 1;
  entry.longest_token = longest_token(engine);
  state->by_name.emplace(entry.spec.name, 0);
  for (const std::string& alias : entry.spec.aliases) state->by_name.emplace(alias, 0);
  return std::unique_ptr<ModelHost>(new ModelHost(std::move(state)));
}

ModelHost::ModelHost(std::shared_ptr<State> state) : state_(std::move(state)) {
  state_->keeper = std::thread([state = state_.get(), weak = std::weak_ptr(state_)] { state->run(weak); });
}

ModelHost::~ModelHost() {
  State::Calls calls;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = state_->closed = true;
    for (const auto& entry : state_->entries) state_->refuse_waiters(*entry, closed_error(), &calls);
    state_->changed.notify_all();
  }
  for (auto& [ready, result] : calls) ready(std::move(result));
  state_->keeper.join();
  for (const auto& entry : state_->entries) {
    std::shared_ptr<Engine> engine;
    {
      const std::lock_guard lock(state_->mutex);
      entry->state = ModelState::kUnloaded;
      engine.swap(entry->engine);
    }
  }
}

std::optional<ModelHost::Name> ModelHost::resolve(std::string_view name) const {
  if (name.empty()) return Name{0};
  const auto found = state_->by_name.find(std::string(name));
  if (found == state_->by_name.end()) return std::nullopt;
  return Name{found->second};
}

std::vector<std::string> ModelHost::names() const {
  std::vector<std::string> names;
  for (const auto& entry : state_->entries) names.push_back(entry->spec.name);
  return names;
}

std::optional<Lease> ModelHost::try_acquire(Name name) {
  const std::lock_guard lock(state_->mutex);
  State::Entry& entry = *state_->entries[name.model];
  if (state_->closed || !entry.takes_leases()) return std::nullopt;
  return state_->lease(entry, state_);
}

uint64_t ModelHost::acquire(Name name, Clock::time_point deadline, Ready ready) {
  State::Entry& entry = *state_->entries[name.model];
  std::optional<Result<Lease>> now;
  uint64_t ticket = 0;
  {
    const std::lock_guard lock(state_->mutex);
    ticket = ++state_->last_ticket;
    if (state_->closed) {
      now = std::unexpected(closed_error());
    } else if (entry.takes_leases()) {
      now = state_->lease(entry, state_);
    } else if (entry.state == ModelState::kFailed && Clock::now() < entry.retry_at && !entry.load_asked) {
      now = std::unexpected(*entry.error);
    } else if (state_->waiting() >= state_->options.max_waiting) {
      now = fail(ErrorKind::kExhausted, "host.waiting",
                 fmt::format("{} requests wait for models already", state_->waiting()), "ask again later");
    } else {
      entry.waiters.push_back({ticket, Clock::now(), deadline, std::move(ready)});
      state_->changed.notify_all();
    }
  }
  if (now) ready(*std::move(now));
  return ticket;
}

void ModelHost::cancel(uint64_t ticket) {
  std::vector<Ready> dropped;  // what they hold goes after the lock
  const std::lock_guard lock(state_->mutex);
  for (const auto& entry : state_->entries) {
    std::erase_if(entry->waiters, [&](State::Waiter& waiter) {
      if (waiter.ticket != ticket) return false;
      dropped.push_back(std::move(waiter.ready));
      return true;
    });
  }
  state_->changed.notify_all();
}

int ModelHost::retry_after(Name name, const Error& error) const {
  constexpr int kForMemory = 10;
  if (error.code == "host.closed" || error.code == "host.waiting") return 5;
  const std::lock_guard lock(state_->mutex);
  const State::Entry& entry = *state_->entries[name.model];
  if (entry.state != ModelState::kFailed) return kForMemory;
  const auto left = std::chrono::ceil<std::chrono::seconds>(entry.retry_at - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(1, left));
}

void ModelHost::load(Name name) {
  const std::lock_guard lock(state_->mutex);
  State::Entry& entry = *state_->entries[name.model];
  entry.unload_asked = false;
  if (entry.takes_leases() || entry.state == ModelState::kLoading) return;
  entry.failures = 0;
  entry.load_asked = true;
  entry.load_asked_since = Clock::now();
  state_->changed.notify_all();
}

void ModelHost::unload(Name name) {
  const std::lock_guard lock(state_->mutex);
  State::Entry& entry = *state_->entries[name.model];
  entry.load_asked = entry.at_start = false;
  const bool loaded = entry.state == ModelState::kReady || entry.state == ModelState::kLoading;
  if (entry.external || !loaded) return;
  entry.unload_asked = true;
  state_->changed.notify_all();
}

std::vector<ModelStatus> ModelHost::list() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<ModelStatus> all;
  for (const auto& entry : state_->entries) {
    ModelStatus status{.name = entry->spec.name,
                       .aliases = entry->spec.aliases,
                       .state = entry->state,
                       .progress = entry->progress,
                       .pinned = entry->spec.pinned,
                       .leases = entry->leases,
                       .waiting = static_cast<int64_t>(entry->waiters.size()),
                       .memory = entry->memory,
                       .loads = entry->loads,
                       .error = entry->error,
                       .needs = entry->needs};
    if (entry->state == ModelState::kReady) {
      status.engine = entry->engine.get();
      status.engine_hold = state_->watch(*entry, state_);
    }
    all.push_back(std::move(status));
  }
  return all;
}

MemoryUse ModelHost::memory() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->options.budget, state_->used()};
}

bool ModelHost::preloaded() const {
  const std::lock_guard lock(state_->mutex);
  return std::ranges::none_of(state_->entries, [](const auto& entry) { return entry->at_start; });
}

double ModelHost::preload_progress() const {
  const std::lock_guard lock(state_->mutex);
  double done = 0;
  double all = 0;
  for (const auto& entry : state_->entries) {
    if (!entry->spec.preload) continue;
    all += 1;
    done += entry->at_start ? entry->progress.load() : 1;
  }
  return all > 0 ? done / all : 1;
}

void ModelHost::wait_preloaded() const {
  std::unique_lock lock(state_->mutex);
  state_->settled.wait(lock, [this] {
    return std::ranges::none_of(state_->entries, [](const auto& entry) { return entry->at_start; });
  });
}

void ModelHost::drain(std::optional<std::chrono::milliseconds> limit) {
  State::Calls calls;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    for (const auto& entry : state_->entries) state_->refuse_waiters(*entry, closed_error(), &calls);
  }
  for (auto& [ready, result] : calls) ready(std::move(result));
  const auto end = limit ? std::optional(Clock::now() + *limit) : std::nullopt;
  for (const ModelStatus& status : list()) {
    if (status.engine == nullptr) continue;
    if (!end) {
      status.engine->drain();
      continue;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end - Clock::now());
    status.engine->drain(std::max(left, std::chrono::milliseconds(0)));
  }
}

}  // namespace pingti
