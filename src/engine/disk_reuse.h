// Prefixes kept on disk for the engine: whole pages of running sequences go to a KvStore, and a waiting
// sequence whose next pages lie there is held back until they have been read into pages of its own.
//
// A block holds one page of every KV group. It is handed over when its page is complete, while a window still
// holds its page too, so every block can serve any prefix; reading fetches of a windowed group only what the
// next query sees. Pages being read are held by the load and come to the prefix tree when it is done, even if
// who asked for them has left. Blocks are read when that is estimated to take less time than computing them,
// from the rates measured last. Used by the engine's thread alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "cache/kv_space.h"
#include "engine/sequence.h"
#include "store/kv_store.h"

namespace pingti {

class DiskReuse {
 public:
  struct Parts {
    std::unique_ptr<KvStore> store;
    std::string fingerprint;   // whatever a page's bytes depend on, but the tokens and the salt
    bool always_load = false;  // without weighing the time
  };

  // space outlives this.
  DiskReuse(KvSpace* space, Parts parts);
  ~DiskReuse();

  // Whether the waiting sequence, of whose `tokens` the first `remembered` are in memory, should wait for
  // blocks being read; begins reading where that pays. spare: pages to leave free.
  bool should_wait(Sequence& sequence, std::span<const int32_t> tokens, int64_t remembered, int64_t spare);
  // Hands over the sequence's whole pages that are not on disk.
  void computed(Sequence& sequence);
  // The sequence is over: its blocks count as used.
  void leaving(Sequence& sequence);

  // Takes over what has been read.
  void collect();
  // Waits for a load, if there is one, at most so long.
  void wait(std::chrono::milliseconds time);
  // Ends all loads and gives their pages to the tree; false if there is none.
  bool end_loads();

  void measured(int prompt_rows, double seconds);
  uint64_t hit_tokens() const { return hit_tokens_; }
  KvStoreStats stats() const { return parts_.store->stats(); }

 private:
  struct Load {
    std::string salt;
    std::vector<int32_t> tokens;   // up to the last block
    std::vector<BlockName> names;  // of the blocks being read
    PageTable table;
    int64_t remembered = 0;  // tokens before the first block
    std::shared_ptr<BlockLoad> work;
  };

  void name_pages(Sequence& sequence, size_t count) const;
  size_t blocks_from(const Sequence& sequence, size_t first, size_t end) const;
  bool pays(size_t blocks) const;
  bool begin(Sequence& sequence, std::span<const int32_t> tokens, int64_t remembered, int64_t spare);
  bool is_being_read(const BlockName& name) const;
  Block make_block(const Sequence& sequence, size_t page) const;
  void take_over(Load& load);

  KvSpace* space_;
  Parts parts_;
  size_t block_bytes_ = 0;  // payload
  std::list<Load> loads_;
  double seconds_per_token_ = 0;  // of computing a prompt; 0: not known
  uint64_t hit_tokens_ = 0;
};

}  // namespace pingti
