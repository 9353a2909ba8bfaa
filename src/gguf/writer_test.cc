#include "gguf/writer.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"

namespace pingti::gguf {
namespace {

constexpr const char* kSample = PINGTI_SOURCE_DIR "/src/gguf/testdata/sample.gguf";

std::string content(const std::filesystem::path& path) {
  auto text = read_file(path);
  EXPECT_TRUE(text.has_value());
  return text.value_or("");
}

class WriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "gguf_writer_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path target() const { return folder_ / "out.gguf"; }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()));
  }

  std::filesystem::path folder_;
};

TEST_F(WriterTest, MakesTheSameBytesAsThePythonPackage) {
  Writer writer;
  writer.set("general.architecture", "sample");
  writer.set("general.alignment", uint32_t{64});
  writer.set("u8", uint8_t{200});
  writer.set("i8", int8_t{-100});
  writer.set("u16", uint16_t{60000});
  writer.set("i16", int16_t{-30000});
  writer.set("u32", uint32_t{4000000000});
  writer.set("i32", int32_t{-2000000000});
  writer.set("f32", 0.1f);
  writer.set("bool", true);
  writer.set("string", std::string("平替 \"quoted\"\n"));
  writer.set("u64", uint64_t{1} << 63);
  writer.set("i64", -(int64_t{1} << 62));
  writer.set("f64", 0.1);
  writer.set_array<int32_t>("ints", std::array{1, -2, 3});
  writer.set_array<float>("floats", std::array{0.5f, -1.25f});
  writer.set_array<bool>("bools", std::array{true, false, true});
  writer.set_strings("strings", std::array<std::string, 4>{"a", "", "平替", "Ġthe"});
  const std::array<int64_t, 2> dims{256, 3};
  size_t index = 0;
  for (const Format* format : all_formats()) {
    auto provider = [=](const Writer::Sink& sink) -> Result<void> {
      for (int64_t i = 0; i < 3 * format->bytes_for(256);
           ++i) {  // in single bytes: pieces may be of any size
        const auto byte = static_cast<std::byte>((static_cast<size_t>(i) * 7 + index) % 251);
        PT_TRY_VOID(sink(std::span(&byte, 1)));
      }
      return {};
    };
    ASSERT_TRUE(writer.add_tensor(std::string("tensor.") + format->name, format, dims, provider).has_value());
    ++index;
  }
  const auto written = writer.write(target());
  ASSERT_TRUE(written.has_value()) << written.error().to_string();
  EXPECT_EQ(content(target()), content(kSample));
  EXPECT_EQ(files(), 1u);
}

TEST_F(WriterTest, CopiesWhatTheReaderReads) {
  const auto file = File::open(kSample);
  ASSERT_TRUE(file.has_value());
  Writer writer;
  writer.copy_metadata(*file);
  for (const TensorInfo& tensor : file->tensors()) {
    const auto dims = std::span(tensor.dims).first(static_cast<size_t>(tensor.dim_count));
    ASSERT_TRUE(writer.add_tensor(tensor.name, tensor.format, dims, tensor.data).has_value());
  }
  ASSERT_TRUE(writer.write(target()).has_value());
  EXPECT_EQ(content(target()), content(kSample));
}

TEST_F(WriterTest, ReplacesAKeyInItsPlace) {
  Writer writer;
  writer.set("a", int32_t{1});
  writer.set("b", int32_t{2});
  writer.set("a", "text");
  ASSERT_TRUE(writer.write(target()).has_value());
  const auto file = File::open(target());
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  ASSERT_EQ(file->metadata().size(), 2u);
  EXPECT_EQ(file->metadata()[0].first, "a");
  EXPECT_EQ(*file->get<std::string>("a"), "text");
  EXPECT_TRUE(file->tensors().empty());
}

TEST_F(WriterTest, LeavesTheOldFileWholeWhenAProviderFails) {
  std::ofstream(target()) << "old";
  Writer writer;
  const std::array<int64_t, 1> dims{4};
  auto provider = [](const Writer::Sink& sink) -> Result<void> {
    const std::array<std::byte, 8> some{};
    PT_TRY_VOID(sink(some));
    return fail(ErrorKind::kIo, "test.source", "the source broke");
  };
  ASSERT_TRUE(writer.add_tensor("t", find_format("F32"), dims, provider).has_value());
  const auto written = writer.write(target());
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, "test.source");
  EXPECT_EQ(content(target()), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(WriterTest, RefusesTheWrongNumberOfBytes) {
  const std::array<int64_t, 1> dims{4};
  for (const size_t size : {15, 17}) {
    Writer writer;
    const std::vector<std::byte> data(size);
    ASSERT_TRUE(writer.add_tensor("t", find_format("F32"), dims, data).has_value());
    const auto written = writer.write(target());
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, "gguf.bad_tensor");
    EXPECT_EQ(files(), 0u);
  }
}

TEST_F(WriterTest, RefusesTensorsTheReaderWouldRefuse) {
  Writer writer;
  const std::span<const std::byte> none;
  auto add = [&](std::string_view name, const char* format, std::vector<int64_t> dims) {
    return writer.add_tensor(name, find_format(std::string_view(format)), dims, none).has_value();
  };
  EXPECT_FALSE(add("", "F32", {4}));
  EXPECT_FALSE(add(std::string(2000, 'x'), "F32", {4}));
  EXPECT_FALSE(add("t", "F32", {}));
  EXPECT_FALSE(add("t", "F32", {1, 1, 1, 1, 1}));
  EXPECT_FALSE(add("t", "F32", {4, 0}));
  EXPECT_FALSE(add("t", "F32", {-4}));
  EXPECT_FALSE(add("t", "F32", {int64_t{1} << 40, int64_t{1} << 40}));
  EXPECT_FALSE(add("t", "Q4_K", {128}));
  EXPECT_TRUE(add("t", "Q4_K", {256}));
  EXPECT_FALSE(add("t", "F32", {4}));
}

TEST_F(WriterTest, RefusesBadAlignmentAndAMissingFolder) {
  Writer writer;
  writer.set("general.alignment", uint32_t{48});
  EXPECT_EQ(writer.write(target()).error().code, "gguf.bad_alignment");
  EXPECT_EQ(Writer().write(folder_ / "none" / "out.gguf").error().code, "file.not_found");
}

}  // namespace
}  // namespace pingti::gguf
