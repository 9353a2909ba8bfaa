// Compiled grammars by what they were compiled from, bounded by bytes; the one used longest ago goes first.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

namespace pingti {

class CompiledGrammar;

class GrammarCache {
 public:
  explicit GrammarCache(size_t most_bytes) : most_bytes_(most_bytes) {}

  // Null if it is not there.
  std::shared_ptr<const CompiledGrammar> find(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->grammar;
  }

  // bytes: of the grammar. One larger than the cache is not kept.
  void add(const std::string& key, std::shared_ptr<const CompiledGrammar> grammar, size_t bytes) {
    bytes += 2 * key.size();
    if (bytes > most_bytes_ || index_.contains(key)) return;
    while (bytes_ + bytes > most_bytes_) {
      bytes_ -= entries_.back().bytes;
      index_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({key, std::move(grammar), bytes});
    index_.emplace(key, entries_.begin());
    bytes_ += bytes;
  }

  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const CompiledGrammar> grammar;
    size_t bytes;
  };
  size_t most_bytes_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // used last first
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
};

}  // namespace pingti
