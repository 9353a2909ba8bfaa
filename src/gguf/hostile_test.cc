// Files that lie: every corruption gives an error with a stable code, or a valid file, never a crash.
#include <gtest/gtest.h>

#include <vector>

#include "base/file.h"
#include "gguf/gguf.h"
#include "gguf/raw_file.h"

namespace pingti::gguf {
namespace {

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ4_K = 12;
constexpr uint64_t kHuge = ~uint64_t{0};

RawFile head(uint64_t tensors, uint64_t keys) { return RawFile().head(tensors, keys); }
RawFile key(std::string_view name, ValueType type) { return head(0, 1).key(name, type); }
RawFile array(uint32_t element, uint64_t count) {
  return key("k", ValueType::kArray).put(element).put(count);
}
RawFile tensor(std::initializer_list<uint64_t> dims, uint32_t type, uint64_t offset) {
  return head(1, 0).tensor("t", dims, type, offset).align(32).zeros(1024);
}
RawFile alignment(uint32_t value) { return key("general.alignment", ValueType::kUint32).put(value); }

TEST(GgufHostile, EveryLieHasItsCode) {
  const struct {
    const char* what;
    RawFile file;
    const char* code;
  } cases[] = {
      {"empty", RawFile(), "gguf.bad_magic"},
      {"older container", RawFile().text("tjgg").put(uint32_t{3}), "gguf.bad_magic"},
      {"version 1", RawFile().head(0, 0, 1), "gguf.unsupported_version"},
      {"version 0", RawFile().head(0, 0, 0), "gguf.unsupported_version"},
      {"version 4", RawFile().head(0, 0, 4), "gguf.unsupported_version"},
      {"big-endian", RawFile().head(0, 0, 0x03000000), "gguf.big_endian"},
      {"huge tensor count", head(kHuge, 0), "gguf.limit"},
      {"huge metadata count", head(0, kHuge), "gguf.limit"},
      {"tensor count beyond the file", head(1000, 0), "gguf.truncated"},
      {"metadata count beyond the file", head(0, 1000), "gguf.truncated"},
      {"huge key", head(0, 1).put(kHuge), "gguf.limit"},
      {"key beyond the file", head(0, 1).put(uint64_t{100}).text("k"), "gguf.truncated"},
      {"nameless key", key("", ValueType::kUint8).put(uint8_t{0}), "gguf.bad_key"},
      {"key twice",
       head(0, 2).key("k", ValueType::kUint8).put(uint8_t{0}).key("k", ValueType::kUint8).put(uint8_t{0}),
       "gguf.duplicate_key"},
      {"unknown value type", key("k", static_cast<ValueType>(13)), "gguf.unknown_value_type"},
      {"value cut off", key("k", ValueType::kFloat64).put(uint32_t{0}), "gguf.truncated"},
      {"bool of 2", key("k", ValueType::kBool).put(uint8_t{2}), "gguf.bad_bool"},
      {"huge string", key("k", ValueType::kString).put(kHuge), "gguf.limit"},
      {"string beyond the file", key("k", ValueType::kString).put(uint64_t{9}).text("12345678"),
       "gguf.truncated"},
      {"huge array", array(0, kHuge), "gguf.limit"},
      {"array whose size overflows", array(10, uint64_t{1} << 61), "gguf.limit"},
      {"array beyond the file", array(10, 1 << 20).zeros(64), "gguf.truncated"},
      {"array of arrays", array(9, 1), "gguf.nested_array"},
      {"array of unknown type", array(13, 1), "gguf.unknown_value_type"},
      {"array of strings beyond the file", array(8, 3).string("a").string("b"), "gguf.truncated"},
      {"array of bools with a 3", array(7, 2).put(uint8_t{1}).put(uint8_t{3}), "gguf.bad_bool"},
      {"alignment 0", alignment(0), "gguf.bad_alignment"},
      {"alignment 4", alignment(4), "gguf.bad_alignment"},
      {"alignment 48", alignment(48), "gguf.bad_alignment"},
      {"alignment 2^31", alignment(uint32_t{1} << 31), "gguf.bad_alignment"},
      {"alignment as text", key("general.alignment", ValueType::kString).string("32"), "gguf.bad_alignment"},
      {"split into 70000", key("split.count", ValueType::kUint32).put(uint32_t{70000}), "gguf.limit"},
      {"one part of two", key("split.count", ValueType::kUint16).put(uint16_t{2}), "gguf.bad_split"},
      {"long tensor name", head(1, 0).put(uint64_t{5000}).zeros(6000), "gguf.limit"},
      {"five dimensions", tensor({1, 1, 1, 1, 1}, kF32, 0), "gguf.bad_dims"},
      {"zero dimension", tensor({4, 0}, kF32, 0), "gguf.bad_dims"},
      {"product overflows", tensor({uint64_t{1} << 32, uint64_t{1} << 32, uint64_t{1} << 32}, kF32, 0),
       "gguf.bad_dims"},
      {"negative dimension", tensor({kHuge}, kF32, 0), "gguf.bad_dims"},
      {"row of part of a block", tensor({128, 2}, kQ4_K, 0), "gguf.bad_dims"},
      {"removed type", tensor({4}, 4, 0), "gguf.unknown_type"},
      {"unknown type", tensor({4}, 1000, 0), "gguf.unknown_type"},
      {"unaligned offset", tensor({4}, kF32, 16), "gguf.bad_offset"},
      {"huge offset", tensor({4}, kF32, uint64_t{1} << 63), "gguf.bad_offset"},
      {"offset beyond the file", tensor({4}, kF32, 1 << 20), "gguf.truncated"},
      {"data beyond the file", tensor({1024, 1024}, kF32, 0), "gguf.truncated"},
      {"tensor twice", head(2, 0).tensor("t", {4}, kF32, 0).tensor("t", {4}, kF32, 32).align(32).zeros(64),
       "gguf.duplicate_tensor"},
      {"overlapping tensors",
       head(2, 0).tensor("a", {16}, kF32, 0).tensor("b", {4}, kF32, 32).align(32).zeros(64), "gguf.overlap"},
  };
  for (const auto& c : cases) {
    const auto file = File::open_memory(c.file.bytes());
    EXPECT_EQ(file ? "ok" : file.error().code, c.code) << c.what;
    EXPECT_TRUE(file || !file.error().message.empty()) << c.what;
  }
}

TEST(GgufHostile, AcceptsWhatIsOnlyUnusual) {
  // Version 2; tensors out of order with a gap; a scalar without dimensions; an empty array; data up to the
  // last byte without padding.
  const RawFile file = RawFile()
                           .head(2, 1, 2)
                           .key("k", ValueType::kArray)
                           .put(uint32_t{8})
                           .put(uint64_t{0})
                           .tensor("second", {}, kF32, 128)
                           .tensor("first", {8}, kF32, 0)
                           .align(32)
                           .zeros(132);
  const auto opened = File::open_memory(file.bytes());
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  EXPECT_EQ(opened->version(), 2u);
  EXPECT_EQ(opened->find_tensor("second")->values(), 1);
  EXPECT_EQ(opened->find_tensor("second")->data.size(), 4u);
  EXPECT_TRUE(opened->get_strings("k")->empty());
}

// Reads all that a file offers.
void use(const File& file) {
  for (const auto& [key, value] : file.metadata()) {
    (void)file.get<int64_t>(key);
    (void)file.get<std::string>(key);
    (void)file.get_array<float>(key);
    (void)file.get_strings(key);
  }
  for (const TensorInfo& tensor : file.tensors()) {
    if (!tensor.present()) continue;
    std::vector<float> row(static_cast<size_t>(tensor.cols()));
    tensor.format->decode(tensor.data.data(), row.data(), tensor.cols());
  }
}

std::vector<std::byte> sample() {
  const auto map = MappedFile::open(PINGTI_SOURCE_DIR "/src/gguf/testdata/sample.gguf");
  EXPECT_TRUE(map.has_value());
  return {map->bytes().begin(), map->bytes().end()};
}

TEST(GgufHostile, SurvivesEveryTruncation) {
  const std::vector<std::byte> whole = sample();
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const auto file = File::open_memory(cut);
    // The last tensor ends before the padding that follows it.
    EXPECT_TRUE(!file || size / 64 == (whole.size() - 1) / 64) << size;
    for (const bool missing : {false, true}) {
      if (const auto opened = File::open_memory(cut, {.allow_missing_data = missing})) use(*opened);
    }
  }
}

TEST(GgufHostile, SurvivesEveryFlippedByteOfTheHeader) {
  std::vector<std::byte> bytes = sample();
  const auto whole = File::open_memory(bytes);
  ASSERT_TRUE(whole.has_value());
  const size_t header = whole->tensors()[0].offset;
  int refused = 0;
  for (size_t i = 0; i < header; ++i) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      bytes[i] ^= static_cast<std::byte>(mask);
      if (const auto file = File::open_memory(bytes)) {
        use(*file);
      } else {
        ++refused;
      }
      if (const auto file = File::open_memory(bytes, {.allow_missing_data = true})) use(*file);
      bytes[i] ^= static_cast<std::byte>(mask);
    }
  }
  EXPECT_GT(refused, static_cast<int>(header) / 2);
}

}  // namespace
}  // namespace pingti::gguf
