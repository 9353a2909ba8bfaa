#include "cache/kv_pool.h"

#include <gtest/gtest.h>

#include <set>

namespace pingti {
namespace {

TEST(KvPool, HandsOutEveryPageOnceAndReusesFreedOnes) {
  auto pool = KvPool::create(/*page_bytes=*/4096, /*page_count=*/5);
  ASSERT_TRUE(pool);
  std::set<PageId> pages;
  for (int i = 0; i < 5; ++i) pages.insert(pool->allocate());
  EXPECT_EQ(pages.size(), 5u);
  EXPECT_EQ(pool->allocate(), kNoPage);
  pool->release(3);
  EXPECT_EQ(pool->allocate(), 3);
}

TEST(KvPool, APageLivesUntilItsLastReferenceIsGone) {
  auto pool = KvPool::create(4096, 1);
  const PageId page = pool->allocate();
  pool->add_reference(page);
  pool->release(page);
  EXPECT_EQ(pool->free_count(), 0);
  EXPECT_EQ(pool->references(page), 1);
  pool->release(page);
  EXPECT_EQ(pool->free_count(), 1);
}

TEST(KvPool, PagesDoNotOverlap) {
  auto pool = KvPool::create(4096, 2);
  const PageId a = pool->allocate();
  const PageId b = pool->allocate();
  EXPECT_EQ(std::abs(pool->data(a) - pool->data(b)), 4096);
}

}  // namespace
}  // namespace pingti
