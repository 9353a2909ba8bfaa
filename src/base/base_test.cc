#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/huge_buffer.h"
#include "base/machine.h"
#include "base/thread_pool.h"

namespace pingti {
namespace {

std::filesystem::path scratch_file(const char* name) {
  return std::filesystem::temp_directory_path() /
         (std::string("pingti_base_test_") + name + std::to_string(::getpid()));
}

TEST(ThreadPool, DoesAllPiecesOnceWithEachIndexAtMostOnce) {
  constexpr int kPieces = 100;
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int run = 0; run < 500; ++run) {
      std::vector<std::atomic<int>> calls(static_cast<size_t>(threads));
      std::vector<std::atomic<int>> pieces(kPieces);
      std::atomic<int> next{0};
      pool.run([&](int index) {
        calls[static_cast<size_t>(index)]++;
        for (int piece; (piece = next++) < kPieces;) pieces[static_cast<size_t>(piece)]++;
      });
      ASSERT_EQ(calls[0].load(), 1);
      for (auto& count : calls) ASSERT_LE(count.load(), 1);
      for (auto& count : pieces) ASSERT_EQ(count.load(), 1);
    }
  }
}

TEST(ThreadPool, WakesWorkersThatWentToSleep) {
  ThreadPool pool(3);
  for (int run = 0; run < 3; ++run) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> there{0};
    pool.run([&](int) {
      ++there;
      // Waits for the whole team, within reason.
      for (int i = 0; i < 2000 && there < 3; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    EXPECT_EQ(there.load(), 3);
  }
}

TEST(ThreadPool, DoesNotWaitForWorkersThatNeverCame) {
  ThreadPool pool(64);
  for (int run = 0; run < 1000; ++run) {
    std::atomic<bool> inside{true};
    pool.run([&](int) { EXPECT_TRUE(inside.load()); });
    inside = false;  // a late worker would see it, and read a dead variable
  }
}

TEST(File, AtomicWriteReplacesAndReadsBack) {
  const auto path = scratch_file("atomic");
  ASSERT_TRUE(write_file_atomically(path, "one"));
  ASSERT_TRUE(write_file_atomically(path, "two"));
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(read_file(path, 2).error().code, "file.too_large");
  auto mapped = MappedFile::open(path);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->bytes().size(), 3u);
  std::filesystem::remove(path);
}

TEST(File, FailedWriteLeavesTheOldFileAndNoLitter) {
  EXPECT_FALSE(write_file_atomically("/proc/pingti/none", "x"));
  EXPECT_EQ(MappedFile::open("/nonexistent/file").error().code, "file.not_found");
  EXPECT_EQ(MappedFile::open("/tmp").error().code, "file.not_regular");
}

TEST(File, FreeDiskSpaceOfAPathThatDoesNotExistYet) {
  EXPECT_GT(free_disk_bytes("/tmp/not/yet/there").value(), 0u);
}

TEST(HugeBuffer, IsZeroedAlignedAndWritable) {
  for (size_t bytes : {size_t{100}, size_t{5} << 20}) {
    auto buffer = HugeBuffer::allocate(bytes);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
    EXPECT_EQ(buffer->data()[bytes - 1], std::byte{0});
    buffer->data()[bytes - 1] = std::byte{7};
  }
  EXPECT_EQ(HugeBuffer::allocate(size_t{1} << 60).error().code, "memory.exhausted");
}

TEST(Machine, GrantsAreSane) {
  EXPECT_GE(available_cpus(), 1);
  EXPECT_GT(available_memory(), 1u << 20);
  EXPECT_GT(resident_memory(), 1u << 20);
}

}  // namespace
}  // namespace pingti
