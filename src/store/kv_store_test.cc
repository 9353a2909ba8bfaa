#include "store/kv_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

namespace pingti {
namespace {

namespace fs = std::filesystem;
constexpr size_t kTokens = 4;
constexpr size_t kPayload = 96;  // two pages
constexpr std::array<size_t, 2> kPages = {64, 32};

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "kv_store_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

// Block number `place` of chain `chain`; its payload tells both.
Block make_block(int chain, int place) {
  Block block{.name = root_block_name("model", std::to_string(chain))};
  for (int i = 0; i <= place; ++i) {
    block.parent = block.name;
    block.tokens.assign(kTokens, chain * 1000 + i);
    block.name = block_name(block.parent, block.tokens);
  }
  for (size_t i = 0; i < kPayload; ++i)
    block.payload.push_back(static_cast<std::byte>(chain * 31 + place * 7 + static_cast<int>(i)));
  return block;
}

BlockName name_of(int chain, int place) { return make_block(chain, place).name; }

struct Loaded {
  int64_t count = 0;
  bool right = true;
};

// Reads blocks [first, first + count) of a chain and compares them.
Loaded load(KvStore& store, int chain, int first, int count) {
  std::vector<std::vector<std::byte>> memory;
  std::vector<BlockRequest> requests;
  for (int i = first; i < first + count; ++i) {
    const Block block = make_block(chain, i);
    BlockRequest request{.name = block.name, .parent = block.parent, .tokens = block.tokens};
    for (const size_t bytes : kPages) {
      memory.emplace_back(bytes);
      request.pages.push_back({memory.back().data(), bytes});
    }
    requests.push_back(std::move(request));
  }
  const auto loading = store.load(std::move(requests));
  loading->wait();
  Loaded loaded{.count = loading->loaded()};
  for (int i = 0; i < loaded.count; ++i) {
    auto got = memory[static_cast<size_t>(2 * i)];
    const auto& second = memory[static_cast<size_t>(2 * i + 1)];
    got.insert(got.end(), second.begin(), second.end());
    loaded.right = loaded.right && got == make_block(chain, first + i).payload;
  }
  return loaded;
}

std::unique_ptr<KvStore> open(const fs::path& path, KvStoreOptions options = {}) {
  auto store = KvStore::open(path, options);
  EXPECT_TRUE(store) << store.error().to_string();
  return *std::move(store);
}

void write_chain(KvStore& store, int chain, int count) {
  for (int i = 0; i < count; ++i) store.write(make_block(chain, i));
  store.flush();
}

fs::path file_of(const fs::path& folder, const BlockName& name) {
  const std::string hex = to_hex(name);
  return folder / hex.substr(0, 2) / (hex.substr(2) + ".kv");
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(KvBlock, NamesDependOnEverything) {
  const std::vector<int32_t> tokens = {1, 2, 3};
  const std::vector<int32_t> other = {1, 2, 4};
  const BlockName root = root_block_name("a", "b");
  EXPECT_NE(root, root_block_name("ab", ""));
  EXPECT_NE(root, root_block_name("a", "c"));
  EXPECT_NE(block_name(root, tokens), block_name(root, other));
  EXPECT_NE(block_name(root, tokens), block_name(block_name(root, tokens), tokens));
  BlockName back{};
  EXPECT_TRUE(from_hex(to_hex(root), &back));
  EXPECT_EQ(back, root);
  EXPECT_FALSE(from_hex(to_hex(root).substr(1), &back));
  EXPECT_FALSE(from_hex(std::string(64, 'G'), &back));
}

TEST(KvBlock, EveryBitOfTheFileCounts) {
  const Block block = make_block(1, 2);
  const auto file = encode_block(block);
  EXPECT_EQ(static_cast<int64_t>(file.size()), block_file_bytes(kTokens, kPayload));
  const auto view = decode_block(file);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->name, block.name);
  EXPECT_EQ(view->parent, block.parent);
  EXPECT_EQ(view->tokens, block.tokens);
  EXPECT_TRUE(std::ranges::equal(view->payload, block.payload));
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    auto broken = file;
    broken[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto result = decode_block(broken);
    ASSERT_FALSE(result) << bit;
    ASSERT_EQ(result.error().code, "kv_block.damaged");
  }
  for (size_t size = 0; size < file.size(); ++size) ASSERT_FALSE(decode_block(std::span(file).first(size)));
  auto longer = file;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_block(longer));
}

TEST(KvStore, WhatWasWrittenIsThereAfterAReopening) {
  Folder folder;
  {
    const auto store = open(folder.path);
    EXPECT_FALSE(store->has(name_of(1, 0)));
    store->write(make_block(1, 0));
    EXPECT_TRUE(store->has(name_of(1, 0)));  // at once: it is on its way
    write_chain(*store, 1, 3);
    EXPECT_EQ(store->stats().blocks_written, 3u);
    store->write(make_block(2, 0));  // left to the destructor
  }
  const auto store = open(folder.path);
  EXPECT_EQ(store->stats().blocks, 4);
  EXPECT_EQ(store->stats().bytes, 4 * block_file_bytes(kTokens, kPayload));
  const Loaded loaded = load(*store, 1, 0, 4);
  EXPECT_EQ(loaded.count, 3);  // there is no fourth
  EXPECT_TRUE(loaded.right);
  EXPECT_EQ(store->stats().healed, 0u);
  EXPECT_GT(store->stats().seconds_per_byte, 0);
  EXPECT_EQ(load(*store, 2, 0, 1).count, 1);
}

TEST(KvStore, DamagedBlocksAreDeletedCountedAndWrittenAnew) {
  Folder folder;
  write_chain(*open(folder.path), 1, 8);
  const auto path = [&](int i) { return file_of(folder.path, name_of(1, i)); };
  const auto rewrite = [&](int i, const std::string& text) {
    std::ofstream(path(i), std::ios::binary | std::ios::trunc) << text;
  };
  rewrite(0, "");                                          // a power cut
  rewrite(1, content(path(1)).substr(0, 100));             // truncated
  rewrite(2, content(path(2)) + "x");                      // too long
  rewrite(3, content(path(4)));                            // another block, whole in itself
  rewrite(5, std::string(content(path(5)).size(), '\0'));  // zeros
  rewrite(6, content(path(6)).replace(150, 1, 1, content(path(6))[150] ^ 4));  // one bit
  fs::remove(path(7));                                                         // gone: no damage
  const auto store = open(folder.path);
  for (const int i : {0, 1, 2, 3, 5, 6, 7}) {
    EXPECT_EQ(load(*store, 1, i, 1).count, 0) << i;
    EXPECT_FALSE(store->has(name_of(1, i)));
    EXPECT_FALSE(fs::exists(path(i)));
  }
  EXPECT_EQ(load(*store, 1, 4, 1).count, 1);
  EXPECT_EQ(store->stats().healed, 6u);
  write_chain(*store, 1, 8);
  const Loaded loaded = load(*store, 1, 0, 8);
  EXPECT_EQ(loaded.count, 8);
  EXPECT_TRUE(loaded.right);
}

TEST(KvStore, ADifferentShapeUnderTheSameNameIsNotServed) {
  Folder folder;
  const auto store = open(folder.path);
  Block block = make_block(1, 0);
  block.payload.resize(kPayload - 1);
  store->write(block);
  store->flush();
  EXPECT_EQ(load(*store, 1, 0, 1).count, 0);
  EXPECT_EQ(store->stats().healed, 1u);
}

TEST(KvStore, FilesThatAreNoBlocksAreLeftAloneButForDeadWritersRemains) {
  Folder folder;
  fs::create_directories(folder.path / "ab");
  const fs::path strange[] = {folder.path / "notes.txt", folder.path / "ab" / "short.kv"};
  for (const auto& path : strange) std::ofstream(path) << "mine";
  const auto dead = folder.path / "writing-dead00";
  const auto alive = folder.path / "writing-alive0";
  for (const auto& path : {dead, alive}) std::ofstream(path) << "half a block";
  const int lock = ::open(alive.c_str(), O_RDONLY);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const auto store = open(folder.path);
  EXPECT_EQ(store->stats().blocks, 0);
  for (const auto& path : strange) EXPECT_TRUE(fs::exists(path));
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive));
  ::close(lock);
}

TEST(KvStore, TheOldestGoFirstAndLaterBlocksBeforeEarlierOnes) {
  Folder folder;
  const int64_t size = block_file_bytes(kTokens, kPayload);
  {
    const auto store = open(folder.path, {.max_bytes = 6 * size, .touch = std::chrono::seconds(0)});
    write_chain(*store, 1, 3);
    write_chain(*store, 2, 3);
    store->touch({name_of(1, 0), name_of(1, 1), name_of(1, 2)});
    write_chain(*store, 3, 2);
    EXPECT_EQ(store->stats().evictions, 2u);
    EXPECT_TRUE(store->has(name_of(2, 0)));
    EXPECT_FALSE(store->has(name_of(2, 1)));
    EXPECT_FALSE(store->has(name_of(2, 2)));
    EXPECT_TRUE(store->has(name_of(1, 2)));
    store->touch({name_of(2, 0)});
    store->touch({name_of(3, 0), name_of(3, 1)});
    store->flush();
  }
  // The order of use is known after a restart, and a smaller bound is kept at once.
  const auto store = open(folder.path, {.max_bytes = 4 * size});
  EXPECT_TRUE(store->has(name_of(1, 0)));
  EXPECT_FALSE(store->has(name_of(1, 1)));
  EXPECT_TRUE(store->has(name_of(2, 0)));
  EXPECT_TRUE(store->has(name_of(3, 1)));
  EXPECT_EQ(store->stats().bytes, 4 * size);
  const auto is_file = [](const fs::directory_entry& entry) { return entry.is_regular_file(); };
  EXPECT_EQ(std::count_if(fs::recursive_directory_iterator(folder.path), {}, is_file), 4);
}

TEST(KvStore, ProcessesOnOneFolderSeeEachOthersBlocksAndRemovals) {
  Folder folder;
  const KvStoreOptions options{.rescan = std::chrono::milliseconds(5)};
  const auto one = open(folder.path, options);
  const auto two = open(folder.path, options);
  write_chain(*one, 1, 2);
  const auto wait = [](const auto& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) ::usleep(5000);
    return condition();
  };
  EXPECT_TRUE(wait([&] { return two->has(name_of(1, 1)); }));
  EXPECT_EQ(load(*two, 1, 0, 2).count, 2);
  fs::remove(file_of(folder.path, name_of(1, 1)));
  EXPECT_TRUE(wait([&] { return !one->has(name_of(1, 1)) && !two->has(name_of(1, 1)); }));
  write_chain(*one, 1, 2);
  write_chain(*two, 1, 2);  // the same block from both
  EXPECT_EQ(load(*one, 1, 0, 2).count, 2);
  EXPECT_EQ(one->stats().healed + two->stats().healed, 0u);
}

// A disk in memory that can be told to fail.
class Scripted final : public BlockFiles {
 public:
  struct Disk {
    std::mutex mutex;
    std::map<std::string, std::vector<std::byte>> files;
    bool full = false;
    bool unreadable = false;
    std::atomic<bool> stuck = false;
  };
  explicit Scripted(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}
  Result<std::vector<Entry>> scan() override {
    const std::lock_guard lock(disk_->mutex);
    std::vector<Entry> entries;
    for (const auto& [hex, bytes] : disk_->files) {
      Entry entry{.bytes = static_cast<int64_t>(bytes.size())};
      from_hex(hex, &entry.name);
      entries.push_back(entry);
    }
    return entries;
  }
  Result<std::vector<std::byte>> read(const BlockName& name, size_t) override {
    const std::lock_guard lock(disk_->mutex);
    if (disk_->unreadable) return fail(ErrorKind::kIo, "kv_store.io", "scripted");
    const auto file = disk_->files.find(to_hex(name));
    if (file == disk_->files.end()) return fail(ErrorKind::kNotFound, "kv_store.io", "scripted");
    return file->second;
  }
  Result<void> write(const BlockName& name, std::span<const std::byte> bytes) override {
    while (disk_->stuck) ::usleep(1000);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->full) return fail(ErrorKind::kExhausted, "kv_store.io", "scripted");
    disk_->files[to_hex(name)].assign(bytes.begin(), bytes.end());
    return {};
  }
  void remove(const BlockName& name) override {
    const std::lock_guard lock(disk_->mutex);
    disk_->files.erase(to_hex(name));
  }
  void touch(const BlockName&, Time) override {}

 private:
  std::shared_ptr<Disk> disk_;
};

TEST(KvStore, AFullDiskStopsTheWritingForAWhileAndNothingElse) {
  const auto disk = std::make_shared<Scripted::Disk>();
  auto made = KvStore::open(std::make_unique<Scripted>(disk), {.pause = std::chrono::milliseconds(30)});
  ASSERT_TRUE(made);
  KvStore& store = **made;
  write_chain(store, 1, 2);
  disk->full = true;
  disk->stuck = true;
  for (int i = 0; i < 3; ++i) store.write(make_block(2, i));
  disk->stuck = false;
  store.flush();
  EXPECT_GE(store.stats().write_errors, 1u);
  EXPECT_GE(store.stats().skipped, 3u);
  EXPECT_FALSE(store.has(name_of(2, 0)));
  EXPECT_FALSE(store.has(name_of(2, 2)));
  EXPECT_FALSE(store.accepts(kPayload));
  EXPECT_EQ(load(store, 1, 0, 2).count, 2);
  disk->full = false;
  for (int i = 0; i < 5000 && !store.accepts(kPayload); ++i) ::usleep(1000);
  write_chain(store, 2, 3);
  EXPECT_EQ(load(store, 2, 0, 3).count, 3);
  disk->unreadable = true;
  EXPECT_EQ(load(store, 2, 0, 3).count, 0);
  EXPECT_EQ(store.stats().healed, 0u);  // a disk that fails is no damage of the block
  disk->unreadable = false;
  EXPECT_EQ(load(store, 2, 0, 3).count, 3);
}

TEST(KvStore, AFullQueueTakesNoMore) {
  const auto disk = std::make_shared<Scripted::Disk>();
  auto made = KvStore::open(std::make_unique<Scripted>(disk), {.queue_bytes = 3 * kPayload});
  ASSERT_TRUE(made);
  KvStore& store = **made;
  disk->stuck = true;
  int taken = 0;
  for (int i = 0; i < 20 && store.accepts(kPayload); ++i, ++taken) store.write(make_block(1, i));
  EXPECT_GE(taken, 3);
  EXPECT_LE(taken, 4);
  EXPECT_EQ(store.stats().skipped, 1u);
  disk->stuck = false;
  store.flush();
  EXPECT_TRUE(store.accepts(kPayload));
  EXPECT_EQ(load(store, 1, 0, taken).count, taken);
}

TEST(KvStore, ACancelledLoadEnds) {
  Folder folder;
  const auto store = open(folder.path);
  write_chain(*store, 1, 2);
  const auto loading = store->load({});
  loading->cancel();
  loading->wait();
  EXPECT_TRUE(loading->wait_for(std::chrono::milliseconds(0)));
  EXPECT_EQ(loading->loaded(), 0);
}

TEST(KvStore, AFolderThatCannotBeUsedIsNamed) {
  Folder folder;
  std::ofstream(folder.path / "file") << "x";
  const auto store = KvStore::open(folder.path / "file", KvStoreOptions{});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, "kv_store.folder");
  EXPECT_THAT(store.error().message, ::testing::HasSubstr("file"));
}

// Random writing, reading, damaging, removing, touching and reopening: a block is either served as it was
// written or not at all, and the bound is kept.
TEST(KvStore, RandomUseServesRightBlocksOnly) {
  std::mt19937 random(7);
  Folder folder;
  const int64_t size = block_file_bytes(kTokens, kPayload);
  const KvStoreOptions options{.max_bytes = 30 * size, .touch = std::chrono::seconds(0)};
  auto store = open(folder.path, options);
  int64_t served = 0;
  uint64_t healed = 0;
  for (int round = 0; round < 1500; ++round) {
    const int chain = static_cast<int>(random() % 6);
    const int place = static_cast<int>(random() % 10);
    const auto path = file_of(folder.path, name_of(chain, place));
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        write_chain(*store, chain, place + 1);
        break;
      case 3:
      case 4: {
        const Loaded loaded = load(*store, chain, 0, place + 1);
        ASSERT_TRUE(loaded.right);
        served += loaded.count;
        break;
      }
      case 5: {
        std::vector<BlockName> touched;
        for (int i = 0; i <= place; ++i) touched.push_back(name_of(chain, i));
        store->touch(touched);
        break;
      }
      case 6:
        store->flush();
        if (random() % 2 == 0) {
          fs::remove(path);
        } else if (std::string text = content(path); !text.empty()) {
          text[random() % text.size()] ^= static_cast<char>(1 << random() % 8);
          std::ofstream(path, std::ios::binary)
              << text.substr(0, random() % 2 == 0 ? text.size() : random() % text.size());
        }
        break;
      default:
        healed += store->stats().healed;
        store.reset();
        store = open(folder.path, options);
    }
    ASSERT_LE(store->stats().bytes, options.max_bytes);
  }
  EXPECT_GT(served, 500);
  EXPECT_GT(healed + store->stats().healed, 10u);
}

}  // namespace
}  // namespace pingti
