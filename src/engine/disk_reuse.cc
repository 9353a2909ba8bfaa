#include "engine/disk_reuse.h"

#include <algorithm>
#include <utility>

namespace pingti {
namespace {

// Steps with fewer rows say little about long prompts.
constexpr int kTellingRows = 16;

}  // namespace

DiskReuse::DiskReuse(KvSpace* space, Parts parts) : space_(space), parts_(std::move(parts)) {
  for (const KvPool* pool : space_->pools()) block_bytes_ += static_cast<size_t>(pool->page_bytes());
}

DiskReuse::~DiskReuse() { end_loads(); }

// The names of the sequence's first `count` pages.
void DiskReuse::name_pages(Sequence& sequence, size_t count) const {
  auto& names = sequence.reuse.names;
  const auto page_tokens = static_cast<size_t>(space_->page_tokens());
  if (names.empty() && count > 0)
    names.push_back(root_block_name(parts_.fingerprint, sequence.request->request.cache_salt));
  while (names.size() < count + 1) {
    const size_t page = names.size() - 1;
    names.push_back(
        block_name(names.back(), std::span(sequence.tokens).subspan(page * page_tokens, page_tokens)));
  }
}

bool DiskReuse::is_being_read(const BlockName& name) const {
  return std::ranges::any_of(
      loads_, [&](const Load& load) { return std::ranges::find(load.names, name) != load.names.end(); });
}

bool DiskReuse::pays(size_t blocks) const {
  const double per_byte = parts_.store->stats().seconds_per_byte;
  if (parts_.always_load || per_byte == 0 || seconds_per_token_ == 0) return blocks > 0;
  const auto count = static_cast<double>(blocks);
  return blocks > 0 && count * static_cast<double>(block_bytes_) * per_byte <
                           count * space_->page_tokens() * seconds_per_token_;
}

// How many pages from `first` on are on disk, one after another.
size_t DiskReuse::blocks_from(const Sequence& sequence, size_t first, size_t end) const {
  size_t page = first;
  while (page < end && parts_.store->has(sequence.reuse.names[page + 1])) ++page;
  return page - first;
}

bool DiskReuse::should_wait(Sequence& sequence, std::span<const int32_t> tokens, int64_t remembered,
                            int64_t spare) {
  const auto page_tokens = static_cast<size_t>(space_->page_tokens());
  const auto first = static_cast<size_t>(remembered) / page_tokens;
  const size_t end = tokens.size() / page_tokens;
  if (first >= end) return false;
  name_pages(sequence, end);
  if (is_being_read(sequence.reuse.names[first + 1])) return true;
  if (sequence.reuse.loaded) return false;
  const size_t blocks = blocks_from(sequence, first, end);
  if (blocks == 0) return false;
  if (pays(blocks)) {
    // Where memory is short it may not be enough to take the sequence in either: asked again then.
    if (!begin(sequence, tokens.first((first + blocks) * page_tokens), remembered, spare)) return false;
    sequence.reuse.loaded = true;  // once: what cannot be read is computed
    return true;
  }
  sequence.reuse.loaded = true;
  return false;
}

bool DiskReuse::begin(Sequence& sequence, std::span<const int32_t> tokens, int64_t remembered,
                      int64_t spare) {
  const auto page_tokens = static_cast<size_t>(space_->page_tokens());
  const auto first = static_cast<size_t>(remembered) / page_tokens;
  Load load{.salt = sequence.request->request.cache_salt,
            .tokens = {tokens.begin(), tokens.end()},
            .table = space_->make_table(),
            .remembered = remembered};
  if (!space_->prepare_load(tokens, load.table, spare, load.salt)) return false;
  std::vector<BlockRequest> requests;
  for (size_t page = first; page < tokens.size() / page_tokens; ++page) {
    const auto run = tokens.subspan(page * page_tokens, page_tokens);
    BlockRequest request{.name = sequence.reuse.names[page + 1],
                         .parent = sequence.reuse.names[page],
                         .tokens = {run.begin(), run.end()}};
    for (size_t group = 0; group < space_->pools().size(); ++group) {
      const KvPool& pool = *space_->pools()[group];
      const PageId id = load.table.pages[group][page];
      request.pages.push_back(
          {id == kNoPage ? nullptr : pool.data(id), static_cast<size_t>(pool.page_bytes())});
    }
    load.names.push_back(request.name);
    requests.push_back(std::move(request));
  }
  load.work = parts_.store->load(std::move(requests));
  loads_.push_back(std::move(load));
  return true;
}

void DiskReuse::take_over(Load& load) {
  const int64_t read = load.work->loaded() * space_->page_tokens();
  hit_tokens_ += static_cast<uint64_t>(read);
  const auto length = static_cast<size_t>(load.remembered + read);
  space_->shorten(load.table, static_cast<int64_t>(length));
  space_->remember(std::span(load.tokens).first(length), load.table, load.salt);
  space_->release(load.table);
}

void DiskReuse::collect() {
  for (auto load = loads_.begin(); load != loads_.end();) {
    if (!load->work->done()) {
      ++load;
      continue;
    }
    take_over(*load);
    load = loads_.erase(load);
  }
}

void DiskReuse::wait(std::chrono::milliseconds time) {
  if (!loads_.empty()) loads_.front().work->wait_for(time);
}

bool DiskReuse::end_loads() {
  if (loads_.empty()) return false;
  for (Load& load : loads_) load.work->cancel();
  for (Load& load : loads_) load.work->wait();
  collect();
  return true;
}

Block DiskReuse::make_block(const Sequence& sequence, size_t page) const {
  const auto page_tokens = static_cast<size_t>(space_->page_tokens());
  const auto run = std::span(sequence.tokens).subspan(page * page_tokens, page_tokens);
  Block block{.name = sequence.reuse.names[page + 1],
              .parent = sequence.reuse.names[page],
              .tokens = {run.begin(), run.end()}};
  block.payload.reserve(block_bytes_);
  for (size_t group = 0; group < space_->pools().size(); ++group) {
    const KvPool& pool = *space_->pools()[group];
    const std::byte* data = pool.data(sequence.table.pages[group][page]);
    block.payload.insert(block.payload.end(), data, data + pool.page_bytes());
  }
  return block;
}

void DiskReuse::computed(Sequence& sequence) {
  SequenceReuse& reuse = sequence.reuse;
  const auto pages = static_cast<size_t>(sequence.computed / space_->page_tokens());
  if (reuse.stored >= pages) return;
  name_pages(sequence, pages);
  for (; reuse.stored < pages; ++reuse.stored) {
    if (parts_.store->has(reuse.names[reuse.stored + 1])) continue;
    // Of a sequence that began from memory, a window may have left pages behind that never went to disk.
    const bool there = std::ranges::none_of(
        sequence.table.pages, [&](const auto& table) { return table[reuse.stored] == kNoPage; });
    if (!there) {
      reuse.stored = SequenceReuse::kNotStored;
      return;
    }
    if (!parts_.store->accepts(block_bytes_)) return;  // tried again with the next page
    parts_.store->write(make_block(sequence, reuse.stored));
  }
}

void DiskReuse::leaving(Sequence& sequence) {
  const auto& names = sequence.reuse.names;
  const auto pages = static_cast<size_t>(sequence.computed / space_->page_tokens());
  if (names.size() < 2 || pages == 0) return;
  parts_.store->touch(
      {names.begin() + 1, names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), pages + 1))});
}

void DiskReuse::measured(int prompt_rows, double seconds) {
  if (prompt_rows < kTellingRows) return;
  const double rate = seconds / prompt_rows;
  seconds_per_token_ = seconds_per_token_ == 0 ? rate : 0.8 * seconds_per_token_ + 0.2 * rate;
}

}  // namespace pingti
