// For tests: a loader whose models are made of nothing, and that counts the memory they would hold.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "serving/model_loader.h"
#include "text/chat_template.h"
#include "text/small_vocabs.h"
#include "text/tokenizer.h"

namespace pingti {

// Holds `bytes` of `total` while it lives. Its requests end on a thread of its own.
class NoEngine final : public Engine {
 public:
  NoEngine(std::string name, int64_t bytes, int64_t kv_bytes, std::atomic<int64_t>* total)
      : bytes_(bytes), total_(total) {
    *total_ += bytes_;
    info_.model_name = std::move(name);
    info_.kv_bytes = kv_bytes;
    thread_ = std::thread([this] { run(); });
  }
  ~NoEngine() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
    *total_ -= bytes_;
  }

  const EngineInfo& info() const override { return info_; }
  const Tokenizer& tokenizer() const override {
    static const auto shared = *Tokenizer::create(small_byte_level_vocab("gpt-2"));
    return *shared;
  }
  const ChatTemplate& chat_template() const override {
    static const auto shared = *ChatTemplate::create(std::string(ChatTemplate::fallback()), "", "");
    return shared;
  }
  Result<uint64_t> submit(GenerationRequest, std::shared_ptr<EventSink> sink) override {
    const std::lock_guard lock(mutex_);
    sinks_.push_back(std::move(sink));
    changed_.notify_all();
    return 1;
  }
  void cancel(uint64_t) override {}
  EngineStats stats() const override { return {}; }
  void drain(std::optional<std::chrono::milliseconds>) override { drained = true; }

  std::atomic<bool> drained{false};

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stop_ || !sinks_.empty()) {
      std::vector<std::shared_ptr<EventSink>> sinks;
      sinks.swap(sinks_);
      lock.unlock();
      for (auto& sink : sinks) sink->finish({});
      sinks.clear();
      lock.lock();
      if (sinks_.empty() && !stop_) changed_.wait(lock);
    }
  }

  EngineInfo info_;
  int64_t bytes_;
  std::atomic<int64_t>* total_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<EventSink>> sinks_;
  bool stop_ = false;
  std::thread thread_;
};

class FakeLoader final : public ModelLoader {
 public:
  struct Script {
    int64_t fixed = 100;
    int64_t kv_least = 10;
    int64_t kv_most = 10;
    std::optional<Error> needs_error;
    std::optional<Error> load_error;
    bool throws = false;
  };

  // Before a host uses it, or under lock().
  std::map<std::string, Script> scripts;
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

  // While shut, loads begin and do not end.
  void shut(bool value) {
    const std::lock_guard lock(mutex_);
    shut_ = value;
    changed_.notify_all();
  }

  Result<MemoryNeeds> needs(const ModelSpec& spec, int64_t share) override {
    const std::lock_guard lock(mutex_);
    const Script& script = scripts[spec.name];
    if (script.needs_error) return std::unexpected(*script.needs_error);
    last_share = share;
    return MemoryNeeds{.fixed = script.fixed,
                       .kv_least = script.kv_least,
                       .kv_most = script.kv_most,
                       .context = 64,
                       .model_name = spec.name};
  }
  Result<std::unique_ptr<Engine>> load(const ModelSpec& spec, const MemoryGrant& grant,
                                       std::function<void(double)> progress) override {
    std::unique_lock lock(mutex_);
    const Script script = scripts[spec.name];
    ++loads[spec.name];
    last_grant = grant;
    progress(0.5);
    changed_.wait(lock, [this] { return !shut_; });
    if (script.throws) throw std::bad_alloc();
    if (script.load_error) return std::unexpected(*script.load_error);
    const int64_t kv = grant.kv_memory > 0 ? grant.kv_memory : script.kv_most;
    auto engine = std::make_unique<NoEngine>(spec.name, script.fixed + kv, kv, &held);
    int64_t most = highest;
    while (held > most && !highest.compare_exchange_weak(most, held)) {
    }
    return engine;
  }

  std::atomic<int64_t> held{0};     // bytes of all engines alive
  std::atomic<int64_t> highest{0};  // most of them at once
  std::map<std::string, int> loads;
  MemoryGrant last_grant;
  int64_t last_share = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_ = false;
};

}  // namespace pingti
