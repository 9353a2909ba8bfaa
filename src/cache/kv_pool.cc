#include "cache/kv_pool.h"

#include "base/check.h"

namespace pingti {

Result<KvPool> KvPool::create(int64_t page_bytes, int64_t page_count) {
  PT_CHECK(page_bytes > 0 && page_count > 0);
  KvPool pool;
  PT_TRY(pool.memory_, HugeBuffer::allocate(static_cast<size_t>(page_bytes * page_count)));
  pool.page_bytes_ = page_bytes;
  pool.references_.assign(static_cast<size_t>(page_count), 0);
  pool.free_.reserve(static_cast<size_t>(page_count));
  for (int64_t page = page_count - 1; page >= 0; --page) pool.free_.push_back(static_cast<PageId>(page));
  return pool;
}

PageId KvPool::allocate() {
  if (free_.empty()) return kNoPage;
  const PageId page = free_.back();
  free_.pop_back();
  references_[static_cast<size_t>(page)] = 1;
  return page;
}

void KvPool::add_reference(PageId page) {
  PT_CHECK(references_[static_cast<size_t>(page)] > 0);
  ++references_[static_cast<size_t>(page)];
}

void KvPool::release(PageId page) {
  int& count = references_[static_cast<size_t>(page)];
  PT_CHECK(count > 0);
  if (--count == 0) free_.push_back(page);
}

}  // namespace pingti
