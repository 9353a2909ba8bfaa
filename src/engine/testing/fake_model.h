// A model for tests whose answers depend on nothing but the tokens it can see, read back from the KV pages.
//
// forward() writes each token and its position into the pages of every group and makes a row's logits by
// hashing what the page tables show it. A wrong page, a wrong position, a write into a shared page or a
// reading of a page that was given away changes logits or counts as a fault. logits_of() computes the same
// from a plain token list, as the oracle.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "kernels/attention.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pingti::testing {

constexpr int kFakeVocab = 257;
constexpr int32_t kFakeEos = 256;
constexpr int kFakeHidden = 8;

// Byte-level vocabulary without merges: token b is the byte b in the printable alphabet's order.
inline Vocab fake_vocab() {
  Vocab vocab{.model = "gpt2", .pre = "gpt-2"};
  const auto utf8 = [](int code) {
    if (code < 0x80) return std::string(1, static_cast<char>(code));
    return std::string{static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
  };
  for (int byte = 0, extra = 256; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    vocab.tokens.push_back(utf8(printable ? byte : extra++));
    vocab.types.push_back(static_cast<int32_t>(TokenType::kNormal));
  }
  vocab.tokens.push_back("<|end|>");
  vocab.types.push_back(static_cast<int32_t>(TokenType::kControl));
  vocab.eos = kFakeEos;
  return vocab;
}

class FakeModel final : public Model {
 public:
  struct Cell {
    int32_t token;
    int32_t position;
  };

  // One KV group per window, 0 for a full one. Beside a window the first `sinks` tokens are seen.
  explicit FakeModel(std::vector<int> windows, int sinks = 0) : windows_(std::move(windows)), sinks_(sinks) {
    config_.architecture = "fake";
    config_.vocab = kFakeVocab;
    config_.hidden = kFakeHidden;
    config_.max_context = 1 << 20;
    for (const int window : windows_)
      groups_.push_back({.layers = {0},
                         .window = window,
                         .sinks = window == 0 ? 0 : sinks,
                         .page_bytes = kPageTokens * int64_t{sizeof(Cell)}});
  }

  const ModelConfig& config() const override { return config_; }
  const Kernels& kernels() const override { return *kernels_; }
  std::span<const KvGroup> kv_groups() const override { return groups_; }
  int64_t weight_bytes() const override { return 0; }
  int64_t bytes_per_token() const override { return 0; }

  void forward(const Batch& batch, std::span<KvPool* const> pools, float* logits) override {
    if (before_forward) before_forward(batch);
    rows += batch.tokens.size();
    for (const SequenceSlice& slice : batch.sequences) {
      for (int row = slice.first_row; row < slice.first_row + slice.row_count; ++row) {
        const int64_t position = slice.first_position + row - slice.first_row;
        write(slice, position, batch.tokens[static_cast<size_t>(row)], pools);
        const auto wanted = std::ranges::find(batch.logit_rows, row);
        const auto hidden = std::ranges::find(batch.hidden_rows, row);
        if (wanted == batch.logit_rows.end() && hidden == batch.hidden_rows.end()) continue;
        uint64_t hash = 1;
        for (size_t group = 0; group < groups_.size(); ++group) {
          for (int64_t p = 0; p <= position; ++p) {
            if (sees(group, position, p)) hash = mix(hash, read(slice, group, p, pools));
          }
        }
        if (wanted != batch.logit_rows.end())
          fill(hash, std::span(logits + (wanted - batch.logit_rows.begin()) * kFakeVocab, kFakeVocab));
        if (hidden != batch.hidden_rows.end())
          fill(hash,
               std::span(batch.hidden + (hidden - batch.hidden_rows.begin()) * kFakeHidden, kFakeHidden));
      }
    }
  }

  // The logits after these tokens.
  std::vector<float> logits_of(std::span<const int32_t> tokens) const { return row_of(tokens, kFakeVocab); }
  // The state of the last of these tokens.
  std::vector<float> state_of(std::span<const int32_t> tokens) const { return row_of(tokens, kFakeHidden); }

  std::function<void(const Batch&)> before_forward;  // may block or throw
  std::atomic<uint64_t> rows = 0;
  std::atomic<int> faults = 0;

 private:
  std::vector<float> row_of(std::span<const int32_t> tokens, size_t width) const {
    const auto position = static_cast<int64_t>(tokens.size()) - 1;
    uint64_t hash = 1;
    for (size_t group = 0; group < groups_.size(); ++group) {
      for (int64_t p = 0; p <= position; ++p) {
        if (sees(group, position, p)) hash = mix(hash, tokens[static_cast<size_t>(p)]);
      }
    }
    std::vector<float> row(width);
    fill(hash, row);
    return row;
  }

  bool sees(size_t group, int64_t position, int64_t key) const {
    return windows_[group] == 0 || key > position - windows_[group] || key < sinks_;
  }

  Cell* cell(const SequenceSlice& slice, size_t group, int64_t position, std::span<KvPool* const> pools,
             bool write) {
    const auto index = static_cast<size_t>(position / kPageTokens);
    const auto& table = slice.pages[group];
    if (index >= table.size() || table[index] == kNoPage) return nullptr;
    if (pools[group]->references(table[index]) != 1 && (write || pools[group]->references(table[index]) < 1))
      return nullptr;
    return reinterpret_cast<Cell*>(pools[group]->data(table[index])) + position % kPageTokens;
  }

  void write(const SequenceSlice& slice, int64_t position, int32_t token, std::span<KvPool* const> pools) {
    for (size_t group = 0; group < groups_.size(); ++group) {
      Cell* to = cell(slice, group, position, pools, /*write=*/true);
      if (to == nullptr) {
        ++faults;
      } else {
        *to = {token, static_cast<int32_t>(position)};
      }
    }
  }

  int32_t read(const SequenceSlice& slice, size_t group, int64_t position, std::span<KvPool* const> pools) {
    const Cell* from = cell(slice, group, position, pools, /*write=*/false);
    if (from == nullptr || from->position != position) {
      ++faults;
      return -1;
    }
    return from->token;
  }

  static uint64_t mix(uint64_t hash, int32_t token) {
    hash ^=
        static_cast<uint64_t>(static_cast<uint32_t>(token)) + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2);
    hash *= 0xD6E8FEB86659FD93u;
    return hash ^ (hash >> 32);
  }

  static void fill(uint64_t hash, std::span<float> row) {
    for (size_t i = 0; i < row.size(); ++i)
      row[i] = static_cast<float>(mix(hash, static_cast<int32_t>(i)) >> 40) / (1 << 21);  // [0, 8)
  }

  const Kernels* kernels_ = *select_kernels();
  std::vector<int> windows_;
  int sinks_;
  std::vector<KvGroup> groups_;
  ModelConfig config_;
};

}  // namespace pingti::testing
