#include "server/response_store.h"

#include <gtest/gtest.h>

namespace pingti {
namespace {

StoredResponse stored(const std::string& text, std::shared_ptr<const ResponseTurn> before = nullptr) {
  return {text, std::make_shared<ResponseTurn>(std::move(before), "[]", "[]")};
}

TEST(ResponseStore, OnlyItsOwnerSeesAResponse) {
  ResponseStore store;
  store.put("key", "resp_1", stored("one"));
  EXPECT_EQ(store.get("key", "resp_1")->response, "one");
  EXPECT_FALSE(store.get("other", "resp_1"));
  EXPECT_FALSE(store.get("", "resp_1"));
  EXPECT_FALSE(store.erase("other", "resp_1"));
  EXPECT_TRUE(store.erase("key", "resp_1"));
  EXPECT_FALSE(store.get("key", "resp_1"));
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(ResponseStore, TheLeastRecentlyUsedGoesFirst) {
  ResponseStore store({.count = 3});
  for (const char* id : {"a", "b", "c"}) store.put("", id, stored(id));
  EXPECT_TRUE(store.get("", "a"));
  store.put("", "d", stored("d"));
  EXPECT_FALSE(store.get("", "b"));
  for (const char* id : {"a", "c", "d"}) EXPECT_TRUE(store.get("", id)) << id;
  EXPECT_EQ(store.count(), 3u);
}

TEST(ResponseStore, BytesAreBounded) {
  ResponseStore store({.bytes = 100'000});
  for (int i = 0; i < 100; ++i) store.put("", std::to_string(i), stored(std::string(10'000, 'x')));
  EXPECT_LE(store.bytes(), 100'000u);
  EXPECT_GT(store.count(), 5u);
  EXPECT_TRUE(store.get("", "99"));
  store.put("", "huge", stored(std::string(200'000, 'x')));
  EXPECT_FALSE(store.get("", "huge"));
  EXPECT_EQ(store.count(), 0u);
}

TEST(ResponseStore, ResponsesExpire) {
  ResponseStore::Clock::time_point now{};
  ResponseStore store({.age = std::chrono::seconds(60)}, [&] { return now; });
  store.put("", "a", stored("a"));
  now += std::chrono::seconds(59);
  EXPECT_TRUE(store.get("", "a"));
  now += std::chrono::seconds(2);
  EXPECT_FALSE(store.get("", "a"));
  EXPECT_EQ(store.count(), 0u);
}

TEST(ResponseStore, ATurnOutlivesItsResponse) {
  ResponseStore store;
  store.put("", "a", stored("a"));
  store.put("", "b", stored("b", store.get("", "a")->turn));
  store.erase("", "a");
  EXPECT_EQ(store.get("", "b")->turn->before->input, "[]");
}

}  // namespace
}  // namespace pingti
