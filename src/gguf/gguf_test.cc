#include "gguf/gguf.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>

#include "gguf/raw_file.h"
#include "gguf/writer.h"

namespace pingti::gguf {
namespace {

using std::literals::operator""sv;

constexpr const char* kSample = PINGTI_SOURCE_DIR "/src/gguf/testdata/sample.gguf";

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : result.error().code;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "gguf_test.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

TEST(Gguf, ReadsEveryMetadataTypeOfThePythonPackage) {
  const auto file = File::open(kSample);
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->alignment(), 64u);
  EXPECT_TRUE(file->complete());
  EXPECT_EQ(*file->get<std::string>("general.architecture"), "sample");
  EXPECT_EQ(std::get<uint8_t>(*file->find("u8")), 200);
  EXPECT_EQ(std::get<int8_t>(*file->find("i8")), -100);
  EXPECT_EQ(std::get<uint16_t>(*file->find("u16")), 60000);
  EXPECT_EQ(std::get<int16_t>(*file->find("i16")), -30000);
  EXPECT_EQ(std::get<uint32_t>(*file->find("u32")), 4000000000u);
  EXPECT_EQ(std::get<int32_t>(*file->find("i32")), -2000000000);
  EXPECT_EQ(std::get<float>(*file->find("f32")), 0.1f);
  EXPECT_EQ(std::get<bool>(*file->find("bool")), true);
  EXPECT_EQ(std::get<std::string_view>(*file->find("string")), "平替 \"quoted\"\n"sv);
  EXPECT_EQ(std::get<uint64_t>(*file->find("u64")), uint64_t{1} << 63);
  EXPECT_EQ(std::get<int64_t>(*file->find("i64")), -(int64_t{1} << 62));
  EXPECT_EQ(std::get<double>(*file->find("f64")), 0.1);
  EXPECT_EQ(*file->get_array<int32_t>("ints"), (std::vector<int32_t>{1, -2, 3}));
  EXPECT_EQ(*file->get_array<double>("floats"), (std::vector<double>{0.5, -1.25}));
  EXPECT_EQ(*file->get_array<bool>("bools"), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(*file->get_strings("strings"), (std::vector<std::string_view>{"a", "", "平替", "Ġthe"}));
  EXPECT_EQ(file->find("u9"), nullptr);
}

TEST(Gguf, ReadsTensorsOfEveryFormat) {
  const auto file = File::open(kSample);
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  ASSERT_EQ(file->tensors().size(), all_formats().size());
  uint64_t bytes = 0;
  for (size_t index = 0; index < file->tensors().size(); ++index) {
    const TensorInfo& tensor = file->tensors()[index];
    EXPECT_EQ(tensor.name, std::string("tensor.") + tensor.format->name);
    EXPECT_EQ(file->find_tensor(tensor.name), &tensor);
    EXPECT_EQ(tensor.dim_count, 2);
    EXPECT_EQ(tensor.cols(), 256);
    EXPECT_EQ(tensor.rows(), 3);
    ASSERT_EQ(tensor.data.size(), static_cast<size_t>(3 * tensor.format->bytes_for(256)));
    for (size_t i = 0; i < tensor.data.size(); ++i) {
      ASSERT_EQ(std::to_integer<size_t>(tensor.data[i]), (i * 7 + index) % 251) << tensor.name;
    }
    bytes += tensor.data.size();
    file->release(tensor);
    EXPECT_EQ(std::to_integer<size_t>(tensor.data[1]), 7 + index);
  }
  EXPECT_EQ(file->tensor_bytes(), bytes);
  EXPECT_EQ(file->file_bytes(), std::filesystem::file_size(kSample));
  EXPECT_EQ(file->find_tensor("tensor.F64"), nullptr);
}

TEST(Gguf, ViewsSurviveAMove) {
  auto file = File::open(kSample);
  ASSERT_TRUE(file.has_value());
  const auto text = *file->get<std::string_view>("string");
  const File moved = *std::move(file);
  EXPECT_EQ(text.data(), moved.get<std::string_view>("string")->data());
  EXPECT_NE(moved.find_tensor("tensor.Q4_K"), nullptr);
}

TEST(Gguf, ConvertsNumbersThatFit) {
  const auto file = File::open(kSample);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(*file->get<int32_t>("u8"), 200);
  EXPECT_EQ(*file->get<int64_t>("u32"), 4000000000);
  EXPECT_EQ(*file->get<double>("i16"), -30000.0);
  EXPECT_EQ(*file->get<float>("f64"), 0.1f);
  EXPECT_EQ(code_of(file->get<int32_t>("u32")), "gguf.out_of_range");
  EXPECT_EQ(code_of(file->get<int64_t>("u64")), "gguf.out_of_range");
  EXPECT_EQ(code_of(file->get<uint32_t>("i8")), "gguf.out_of_range");
  EXPECT_EQ(code_of(file->get_array<uint32_t>("ints")), "gguf.out_of_range");
}

TEST(Gguf, RefusesOtherTypes) {
  const auto file = File::open(kSample);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(code_of(file->get<int32_t>("f32")), "gguf.wrong_type");
  EXPECT_EQ(code_of(file->get<int32_t>("bool")), "gguf.wrong_type");
  EXPECT_EQ(code_of(file->get<bool>("u8")), "gguf.wrong_type");
  EXPECT_EQ(code_of(file->get<std::string>("ints")), "gguf.wrong_type");
  EXPECT_EQ(code_of(file->get_strings("ints")), "gguf.wrong_type");
  EXPECT_EQ(code_of(file->get_array<int32_t>("strings")), "gguf.wrong_type");
  EXPECT_EQ(code_of(file->get_array<int32_t>("u8")), "gguf.wrong_type");
  EXPECT_EQ(code_of(file->get<int32_t>("absent")), "gguf.missing_key");
  EXPECT_EQ(code_of(file->get_strings("absent")), "gguf.missing_key");
  EXPECT_EQ(*file->get_or<int32_t>("absent", 5), 5);
  EXPECT_EQ(*file->get_or<int32_t>("u8", 5), 200);
  EXPECT_EQ(code_of(file->get_or<int32_t>("string", 5)), "gguf.wrong_type");
}

TEST(Gguf, GivesScalarsAndArraysPerLayer) {
  const auto file = File::open(kSample);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(*file->get_per_layer<int32_t>("u8", 2), (std::vector<int32_t>{200, 200}));
  EXPECT_EQ(*file->get_per_layer<int32_t>("ints", 3), (std::vector<int32_t>{1, -2, 3}));
  EXPECT_EQ(code_of(file->get_per_layer<int32_t>("ints", 4)), "gguf.wrong_length");
}

TEST(Gguf, OpensATruncatedFileOnlyWhenAskedTo) {
  const auto map = MappedFile::open(kSample);
  ASSERT_TRUE(map.has_value());
  const std::vector<std::byte> whole(map->bytes().begin(), map->bytes().end());
  const auto full = File::open_memory(whole);
  ASSERT_TRUE(full.has_value()) << full.error().to_string();
  const TensorInfo& cut = *full->find_tensor("tensor.Q5_1");
  const auto bytes = std::span(whole).first(cut.offset + 10);

  const auto refused = File::open_memory(bytes);
  ASSERT_EQ(code_of(refused), "gguf.truncated");
  EXPECT_NE(refused.error().message.find("'tensor.Q5_1'"), std::string::npos) << refused.error().message;

  const auto opened = File::open_memory(bytes, {.allow_missing_data = true});
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  EXPECT_FALSE(opened->complete());
  EXPECT_EQ(opened->tensors().size(), full->tensors().size());
  EXPECT_TRUE(opened->find_tensor("tensor.Q5_0")->present());
  EXPECT_FALSE(opened->find_tensor("tensor.Q5_1")->present());
  EXPECT_EQ(opened->find_tensor("tensor.Q5_1")->byte_size(), cut.byte_size());
  EXPECT_EQ(opened->tensor_bytes(), full->tensor_bytes());
}

TEST(Gguf, NamesTheFileInErrors) {
  TemporaryFolder folder;
  const auto missing = File::open(folder / "none.gguf");
  EXPECT_EQ(code_of(missing), "file.not_found");
  ASSERT_TRUE(write_file_atomically(folder / "text.gguf", "hello, this is text").has_value());
  const auto text = File::open(folder / "text.gguf");
  EXPECT_EQ(code_of(text), "gguf.bad_magic");
  EXPECT_NE(text.error().message.find("text.gguf"), std::string::npos);
  ASSERT_TRUE(write_file_atomically(folder / "empty.gguf", "").has_value());
  EXPECT_EQ(code_of(File::open(folder / "empty.gguf")), "gguf.bad_magic");
}

// A model of three parts, one F32 tensor "t<i>" of four values i in each.
struct SplitModel {
  TemporaryFolder folder;
  std::array<std::array<float, 4>, 3> data{};

  std::filesystem::path part(int index) const {
    return folder / ("model-0000" + std::to_string(index + 1) + "-of-00003.gguf");
  }
  void write(int index, uint16_t number, uint16_t count, int32_t tensors, const std::string& name) {
    data[static_cast<size_t>(index)].fill(static_cast<float>(index));
    Writer writer;
    if (index == 0) writer.set("general.architecture", "llama");
    writer.set("split.no", number);
    writer.set("split.count", count);
    writer.set("split.tensors.count", tensors);
    const std::array<int64_t, 1> dims{4};
    const auto bytes = std::as_bytes(std::span(data[static_cast<size_t>(index)]));
    ASSERT_TRUE(writer.add_tensor(name, find_format("F32"), dims, bytes).has_value());
    ASSERT_TRUE(writer.write(part(index)).has_value());
  }
  SplitModel() {
    for (int i = 0; i < 3; ++i) write(i, static_cast<uint16_t>(i), 3, 3, "t" + std::to_string(i));
  }
};

TEST(GgufSplit, OpensAllPartsFromAny) {
  SplitModel model;
  for (int given = 0; given < 3; ++given) {
    const auto file = File::open(model.part(given));
    ASSERT_TRUE(file.has_value()) << file.error().to_string();
    EXPECT_EQ(file->part_count(), 3);
    EXPECT_EQ(*file->get<std::string>("general.architecture"), "llama");
    ASSERT_EQ(file->tensors().size(), 3u);
    for (int i = 0; i < 3; ++i) {
      const TensorInfo& tensor = file->tensors()[static_cast<size_t>(i)];
      EXPECT_EQ(tensor.part, i);
      float value;
      std::memcpy(&value, tensor.data.data() + 12, 4);
      EXPECT_EQ(value, static_cast<float>(i));
      file->release(tensor);
    }
  }
}

TEST(GgufSplit, RefusesPartsThatDoNotBelong) {
  {
    SplitModel model;
    model.write(1, 2, 3, 3, "t1");
    EXPECT_EQ(code_of(File::open(model.part(0))), "gguf.bad_split");
  }
  {
    SplitModel model;
    model.write(1, 1, 4, 3, "t1");
    EXPECT_EQ(code_of(File::open(model.part(0))), "gguf.bad_split");
  }
  {
    SplitModel model;
    model.write(0, 0, 3, 4, "t0");
    EXPECT_EQ(code_of(File::open(model.part(0))), "gguf.bad_split");
  }
  {
    SplitModel model;
    model.write(2, 2, 3, 3, "t0");
    EXPECT_EQ(code_of(File::open(model.part(0))), "gguf.duplicate_tensor");
  }
  SplitModel model;
  std::filesystem::rename(model.part(0), model.folder / "renamed.gguf");
  EXPECT_EQ(code_of(File::open(model.folder / "renamed.gguf")), "gguf.split_name");
}

TEST(GgufSplit, MissesLaterPartsOnlyWhenAllowed) {
  SplitModel model;
  std::filesystem::remove(model.part(1));
  const auto refused = File::open(model.part(0));
  EXPECT_EQ(code_of(refused), "file.not_found");
  EXPECT_NE(refused.error().message.find("-00002-of-00003"), std::string::npos);
  const auto opened = File::open(model.part(0), {.allow_missing_data = true});
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  EXPECT_FALSE(opened->complete());
  EXPECT_EQ(opened->tensors().size(), 2u);
  EXPECT_EQ(opened->find_tensor("t2")->part, 1);
}

}  // namespace
}  // namespace pingti::gguf
