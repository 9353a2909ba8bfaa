#include "base/output_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

#include "base/file.h"

namespace pingti {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("pingti_output_" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path target() const { return folder_ / "file"; }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_;
};

TEST_F(OutputFileTest, ReplacesTheTargetOnCommitOnly) {
  ASSERT_TRUE(write_file_atomically(target(), "old"));
  auto file = OutputFile::create(target());
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write(bytes_of("new")));
  ASSERT_TRUE(file->write_zeros(5000));
  EXPECT_EQ(read_file(target()).value(), "old");
  EXPECT_EQ(files(), 2u);
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read_file(target()).value(), "new" + std::string(5000, '\0'));
  EXPECT_EQ(files(), 1u);
}

TEST_F(OutputFileTest, LeavesNothingWithoutCommit) {
  {
    auto file = OutputFile::create(target());
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(bytes_of("half")));
    const OutputFile moved = *std::move(file);
    EXPECT_EQ(files(), 1u);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(OutputFileTest, TwoWritersOfOneTargetDoNotMix) {
  auto one = OutputFile::create(target());
  auto two = OutputFile::create(target());
  ASSERT_TRUE(one && two);
  ASSERT_TRUE(one->write(bytes_of("one")) && two->write(bytes_of("two")));
  ASSERT_TRUE(two->commit());
  EXPECT_EQ(read_file(target()).value(), "two");
  ASSERT_TRUE(one->commit());
  EXPECT_EQ(read_file(target()).value(), "one");
}

TEST_F(OutputFileTest, PermissionsAreWhatTheUmaskLeaves) {
  for (const mode_t mask : {0022, 0027, 0077}) {
    const mode_t before = ::umask(mask);
    EXPECT_TRUE(write_file_atomically(target(), "x"));
    ::umask(before);
    struct stat info{};
    ASSERT_EQ(::stat(target().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0666 & ~mask);
  }
}

TEST_F(OutputFileTest, ErrorsHaveStableCodes) {
  EXPECT_EQ(OutputFile::create(folder_ / "none" / "file").error().code, "file.not_found");
  std::filesystem::create_directory(folder_ / "taken");
  auto file = OutputFile::create(folder_ / "taken");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->commit().error().code, "file.io");  // a folder stands in the way
}

TEST_F(OutputFileTest, WhatDoesNotFitIsAFullDiskAndLeavesTheOldFile) {
  ASSERT_TRUE(write_file_atomically(target(), "old"));
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = write_file_atomically(target(), std::string(2000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, "file.disk_full");
  EXPECT_EQ(written.error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(read_file(target()).value(), "old");
  EXPECT_EQ(files(), 1u);
}

}  // namespace
}  // namespace pingti
