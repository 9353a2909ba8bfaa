// KV blocks kept on disk: found again after a restart, a crash or by another process.
//
// One thread of its own does all reading and writing, reads first. The engine's thread only asks and hands
// over: nothing here waits for the disk but flush(), BlockLoad::wait_for() and the destructor. Content lies
// under its own name (block.h), so a block is either exactly what it says or is deleted and counted (healed);
// a lost one costs time, never an answer.
//
// Bounded in bytes: the blocks used longest ago go first, later blocks of a prefix before earlier ones. A
// disk that refuses a write stops the writing for a while, growing with each refusal; reading goes on. All
// methods may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "store/block.h"
#include "store/block_files.h"

namespace pingti {

struct KvStoreOptions {
  int64_t max_bytes = int64_t{10} << 30;
  int64_t queue_bytes = 64 << 20;           // blocks waiting to be written; more are left out
  std::chrono::milliseconds rescan{60000};  // how often what other processes did is looked up
  std::chrono::milliseconds pause{5000};    // after a refused write; doubles with each, up to 64 times
  std::chrono::seconds touch{60};           // a block's last use is written down no more often
};

struct KvStoreStats {
  int64_t blocks = 0;
  int64_t bytes = 0;
  uint64_t blocks_read = 0;
  uint64_t bytes_read = 0;
  uint64_t blocks_written = 0;
  uint64_t bytes_written = 0;
  uint64_t evictions = 0;
  uint64_t healed = 0;          // damaged blocks deleted
  uint64_t skipped = 0;         // not written: the queue was full or the disk refused
  uint64_t write_errors = 0;    // refusals
  double seconds_per_byte = 0;  // of recent reads; 0: none yet
};

// A block to be read and where its pages go.
struct BlockRequest {
  BlockName name{};
  BlockName parent{};
  std::vector<int32_t> tokens;
  struct Page {
    std::byte* to = nullptr;  // null: not wanted
    size_t bytes = 0;
  };
  std::vector<Page> pages;  // in payload order
};

// Some blocks being read, one after another, up to the first that cannot be had. The memory they go to stays
// the load's until it is done.
class BlockLoad {
 public:
  bool done() const { return done_; }
  bool wait_for(std::chrono::milliseconds time);  // done()
  void wait();
  // No further block is begun.
  void cancel() { cancelled_ = true; }
  // Blocks read, from the first on. Only when done.
  int64_t loaded() const { return loaded_; }

 private:
  friend class KvStore;
  std::vector<BlockRequest> requests_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> done_ = false;
  std::atomic<bool> cancelled_ = false;
  int64_t loaded_ = 0;
};

class KvStore {
 public:
  // Finds what is there. Errors: "kv_store.folder", "kv_store.io".
  static Result<std::unique_ptr<KvStore>> open(const std::filesystem::path& folder, KvStoreOptions options);
  static Result<std::unique_ptr<KvStore>> open(std::unique_ptr<BlockFiles> files, KvStoreOptions options);
  // Writes what is queued.
  ~KvStore();

  bool has(const BlockName& name) const;  // on disk, or on the way there
  // Whether a block of so many bytes would be queued now; if not, one is counted as skipped.
  bool accepts(size_t bytes);
  void write(Block block);
  // Read soon; the caller keeps the pages' memory until the load is done.
  std::shared_ptr<BlockLoad> load(std::vector<BlockRequest> requests);
  // These blocks, each the parent of the next, were used.
  void touch(std::vector<BlockName> path);
  // Waits until everything asked for so far is done.
  void flush();

  KvStoreStats stats() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    int64_t bytes = 0;
    Clock::time_point touched{};  // on disk
    std::list<BlockName>::iterator place;
  };

  KvStore(std::unique_ptr<BlockFiles> files, KvStoreOptions options);
  Result<void> scan();
  void loop();
  void run(const std::shared_ptr<BlockLoad>& load);
  bool read(const BlockRequest& request);
  void write_now(const Block& block);
  void touch_now(const std::vector<BlockName>& path);
  void add(const BlockName& name, int64_t bytes, std::list<BlockName>::iterator before);
  void forget(const BlockName& name);
  void refused();
  void evict(std::unique_lock<std::mutex>& lock);

  KvStoreOptions options_;
  std::unique_ptr<BlockFiles> files_;  // the thread's alone, once it runs

  mutable std::mutex mutex_;  // what follows
  std::condition_variable work_;
  std::condition_variable quiet_;
  std::deque<std::shared_ptr<BlockLoad>> loads_;
  std::deque<Block> writes_;
  std::deque<std::vector<BlockName>> touches_;
  std::unordered_set<BlockName, BlockNameHash> queued_;  // in writes_ or being written
  int64_t queued_bytes_ = 0;
  std::unordered_map<BlockName, Entry, BlockNameHash> index_;
  std::list<BlockName> order_;  // used longest ago first, a block before its parent
  KvStoreStats stats_;
  Clock::time_point paused_until_{};
  std::chrono::milliseconds pause_;
  Clock::time_point scanned_ = Clock::now();
  bool busy_ = false;
  bool stop_ = false;

  std::thread thread_;
};

}  // namespace pingti
