#include "store/kv_store.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"

namespace pingti {

bool BlockLoad::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return done_.load(); });
}

void BlockLoad::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_.load(); });
}

Result<std::unique_ptr<KvStore>> KvStore::open(const std::filesystem::path& folder, KvStoreOptions options) {
  PT_TRY(auto files, FolderFiles::open(folder));
  return open(std::move(files), options);
}

Result<std::unique_ptr<KvStore>> KvStore::open(std::unique_ptr<BlockFiles> files, KvStoreOptions options) {
  std::unique_ptr<KvStore> store(new KvStore(std::move(files), options));
  PT_TRY_VOID(store->scan());
  store->thread_ = std::thread([raw = store.get()] { raw->loop(); });
  return store;
}

KvStore::KvStore(std::unique_ptr<BlockFiles> files, KvStoreOptions options)
    : options_(options), files_(std::move(files)), pause_(options.pause) {}

KvStore::~KvStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool KvStore::has(const BlockName& name) const {
  const std::lock_guard lock(mutex_);
  return index_.contains(name) || queued_.contains(name);
}

bool KvStore::accepts(size_t bytes) {
  const std::lock_guard lock(mutex_);
  const bool room = queued_bytes_ + static_cast<int64_t>(bytes) <= options_.queue_bytes || writes_.empty();
  if (room && Clock::now() >= paused_until_) return true;
  ++stats_.skipped;
  return false;
}

void KvStore::write(Block block) {
  const std::lock_guard lock(mutex_);
  if (index_.contains(block.name) || !queued_.insert(block.name).second) return;
  queued_bytes_ += static_cast<int64_t>(block.payload.size());
  writes_.push_back(std::move(block));
  work_.notify_one();
}

std::shared_ptr<BlockLoad> KvStore::load(std::vector<BlockRequest> requests) {
  auto load = std::make_shared<BlockLoad>();
  load->requests_ = std::move(requests);
  const std::lock_guard lock(mutex_);
  loads_.push_back(load);
  work_.notify_one();
  return load;
}

void KvStore::touch(std::vector<BlockName> path) {
  const std::lock_guard lock(mutex_);
  touches_.push_back(std::move(path));
  work_.notify_one();
}

void KvStore::flush() {
  std::unique_lock lock(mutex_);
  quiet_.wait(lock, [this] { return !busy_ && loads_.empty() && writes_.empty() && touches_.empty(); });
}

KvStoreStats KvStore::stats() const {
  const std::lock_guard lock(mutex_);
  KvStoreStats stats = stats_;
  stats.blocks = static_cast<int64_t>(index_.size());
  return stats;
}

void KvStore::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    busy_ = false;
    quiet_.notify_all();
    const auto something = [this] {
      return stop_ || !loads_.empty() || !writes_.empty() || !touches_.empty();
    };
    if (!work_.wait_until(lock, scanned_ + options_.rescan, something)) {
      scanned_ = Clock::now();
      lock.unlock();
      (void)scan();  // a folder that cannot be listed now is looked at again later
      lock.lock();
      continue;
    }
    busy_ = true;
    if (!loads_.empty()) {
      const auto load = std::move(loads_.front());
      loads_.pop_front();
      lock.unlock();
      run(load);
    } else if (!touches_.empty()) {
      const auto path = std::move(touches_.front());
      touches_.pop_front();
      lock.unlock();
      touch_now(path);
    } else if (!writes_.empty()) {
      const Block block = std::move(writes_.front());
      writes_.pop_front();
      lock.unlock();
      write_now(block);
    } else {
      return;
    }
    lock.lock();
  }
}

// Takes over what is in the folder: at the start everything, later what other processes added and removed.
Result<void> KvStore::scan() {
  PT_TRY(auto found, files_->scan());
  std::ranges::sort(found, {}, &BlockFiles::Entry::used);
  std::unique_lock lock(mutex_);
  std::unordered_set<BlockName, BlockNameHash> there;
  for (const BlockFiles::Entry& entry : found) {
    there.insert(entry.name);
    if (!index_.contains(entry.name)) add(entry.name, entry.bytes, order_.end());
  }
  std::vector<BlockName> gone;
  for (const auto& [name, entry] : index_) {
    if (!there.contains(name)) gone.push_back(name);
  }
  for (const BlockName& name : gone) forget(name);
  evict(lock);
  return {};
}

void KvStore::run(const std::shared_ptr<BlockLoad>& load) {
  for (const BlockRequest& request : load->requests_) {
    try {
      if (load->cancelled_ || !read(request)) break;
    } catch (const std::bad_alloc&) {
      break;
    }
    ++load->loaded_;
  }
  const std::lock_guard lock(load->mutex_);
  load->done_ = true;
  load->changed_.notify_all();
}

bool KvStore::read(const BlockRequest& request) {
  const auto begin = Clock::now();
  size_t payload = 0;
  for (const BlockRequest::Page& page : request.pages) payload += page.bytes;
  const auto size = static_cast<size_t>(block_file_bytes(request.tokens.size(), payload));
  const auto file = files_->read(request.name, size);
  if (!file) {
    const std::lock_guard lock(mutex_);
    if (file.error().kind == ErrorKind::kNotFound) forget(request.name);
    return false;
  }
  const auto block = decode_block(*file);
  const bool right = block && block->name == request.name && block->parent == request.parent &&
                     block->tokens == request.tokens && block->payload.size() == payload;
  if (!right) {
    files_->remove(request.name);
    const std::lock_guard lock(mutex_);
    forget(request.name);
    ++stats_.healed;
    return false;
  }
  const std::byte* from = block->payload.data();
  for (const BlockRequest::Page& page : request.pages) {
    if (page.to != nullptr) std::memcpy(page.to, from, page.bytes);
    from += page.bytes;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const double rate = seconds / static_cast<double>(size);
  const std::lock_guard lock(mutex_);
  ++stats_.blocks_read;
  stats_.bytes_read += size;
  stats_.seconds_per_byte = stats_.seconds_per_byte == 0 ? rate : 0.8 * stats_.seconds_per_byte + 0.2 * rate;
  return true;
}

void KvStore::write_now(const Block& block) {
  const int64_t size = block_file_bytes(block.tokens.size(), block.payload.size());
  const auto write = [&]() -> Result<void> {
    try {
      return files_->write(block.name, encode_block(block));
    } catch (const std::bad_alloc&) {
      return fail(ErrorKind::kExhausted, "kv_store.memory", "no memory to write a block");
    }
  };
  const auto written = write();
  std::unique_lock lock(mutex_);
  queued_.erase(block.name);
  queued_bytes_ -= static_cast<int64_t>(block.payload.size());
  if (!written) return refused();
  pause_ = options_.pause;
  ++stats_.blocks_written;
  stats_.bytes_written += static_cast<uint64_t>(size);
  if (index_.contains(block.name)) return;  // another process was quicker
  const auto parent = index_.find(block.parent);
  add(block.name, size, parent == index_.end() ? order_.end() : parent->second.place);
  evict(lock);
}

void KvStore::refused() {
  ++stats_.write_errors;
  paused_until_ = Clock::now() + pause_;
  pause_ = std::min(2 * pause_, 64 * options_.pause);
  // What is queued would be refused as well, or come without its parent.
  stats_.skipped += writes_.size() + 1;
  for (const Block& other : writes_) queued_.erase(other.name);
  writes_.clear();
  queued_bytes_ = 0;
}

void KvStore::touch_now(const std::vector<BlockName>& path) {
  std::vector<std::pair<BlockName, int64_t>> stale;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    for (auto name = path.rbegin(); name != path.rend(); ++name) {
      const auto entry = index_.find(*name);
      if (entry == index_.end()) continue;
      order_.splice(order_.end(), order_, entry->second.place);
      if (entry->second.touched != Clock::time_point{} && now - entry->second.touched < options_.touch)
        continue;
      entry->second.touched = now;
      stale.emplace_back(*name, name - path.rbegin());
    }
  }
  // So that the order of one path is the same after a restart: later blocks are older.
  const auto now = BlockFiles::Time::clock::now();
  const auto length = static_cast<int64_t>(path.size());
  for (const auto& [name, rank] : stale) files_->touch(name, now - std::chrono::microseconds(length - rank));
}

void KvStore::add(const BlockName& name, int64_t bytes, std::list<BlockName>::iterator before) {
  const auto place = order_.insert(before, name);
  const bool added = index_.emplace(name, Entry{.bytes = bytes, .place = place}).second;
  PT_CHECK(added);
  stats_.bytes += bytes;
}

void KvStore::forget(const BlockName& name) {
  const auto entry = index_.find(name);
  if (entry == index_.end()) return;
  stats_.bytes -= entry->second.bytes;
  order_.erase(entry->second.place);
  index_.erase(entry);
}

// Down to the bound. The files are removed with the lock given up.
void KvStore::evict(std::unique_lock<std::mutex>& lock) {
  std::vector<BlockName> gone;
  while (stats_.bytes > options_.max_bytes && !order_.empty()) {
    gone.push_back(order_.front());
    forget(gone.back());
  }
  stats_.evictions += gone.size();
  lock.unlock();
  for (const BlockName& name : gone) files_->remove(name);
  lock.lock();
}

}  // namespace pingti
