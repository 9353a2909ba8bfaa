#include "gguf/summary.h"

#include <gtest/gtest.h>

#include "gguf/raw_file.h"

namespace pingti::gguf {
namespace {

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ8_0 = 8;

RawFile& number(RawFile& file, std::string_view key, uint32_t value) {
  return file.key(key, ValueType::kUint32).put(value);
}

Summary summary_of(const RawFile& file) {
  const auto opened = File::open_memory(file.bytes(), {.allow_missing_data = true});
  EXPECT_TRUE(opened.has_value()) << opened.error().to_string();
  return summarize(*opened);
}

TEST(Summary, CountsFormatsAndWhatOneTokenReads) {
  RawFile file;
  file.head(3, 6).key("general.architecture", ValueType::kString).string("toy");
  number(file, "toy.block_count", 1);
  number(file, "toy.embedding_length", 64);
  number(file, "toy.attention.head_count", 4);
  number(file, "toy.expert_count", 8);
  number(file, "toy.expert_used_count", 2);
  file.tensor("token_embd.weight", {64, 100}, kQ8_0, 0);
  file.tensor("blk.0.ffn_up_exps.weight", {64, 32, 8}, kQ8_0, 6816);
  file.tensor("output_norm.weight", {64}, kF32, 24224);
  const Summary summary = summary_of(file);
  EXPECT_EQ(summary.architecture, "toy");
  EXPECT_EQ(summary.layers, 1);
  EXPECT_EQ(summary.head_dim, 16);
  EXPECT_EQ(summary.kv_heads, 4);
  EXPECT_FALSE(summary.context.has_value());
  EXPECT_EQ(summary.parameters, 6400 + 16384 + 64);
  // Tied embedding: read whole as the output layer. Two of eight experts.
  EXPECT_EQ(summary.decode_bytes, 6800 + 17408 / 4 + 256);
  ASSERT_EQ(summary.formats.size(), 2u);
  EXPECT_STREQ(summary.formats[0].format->name, "Q8_0");
  EXPECT_EQ(summary.formats[0].tensors, 2);
  EXPECT_EQ(summary.formats[0].bytes, 6800 + 17408);
  EXPECT_EQ(summary.formats[1].values, 64);
}

TEST(Summary, ReadsOneRowOfASeparateEmbedding) {
  RawFile file;
  file.head(2, 0);
  file.tensor("token_embd.weight", {64, 100}, kQ8_0, 0);
  file.tensor("output.weight", {64, 100}, kQ8_0, 6816);
  EXPECT_EQ(summary_of(file).decode_bytes, 68 + 6800);
}

TEST(Summary, LeavesNonsenseOut) {
  RawFile file;
  file.head(0, 4).key("general.architecture", ValueType::kUint32).put(uint32_t{7});
  file.key(".block_count", ValueType::kInt64).put(int64_t{-3});
  file.key(".embedding_length", ValueType::kString).string("wide");
  file.key(".attention.head_count", ValueType::kArray).put(uint32_t{5}).put(uint64_t{2}).put(8).put(16);
  const Summary summary = summary_of(file);
  EXPECT_EQ(summary.architecture, "");
  EXPECT_FALSE(summary.layers.has_value());
  EXPECT_FALSE(summary.hidden.has_value());
  EXPECT_EQ(summary.heads, 16);
}

}  // namespace
}  // namespace pingti::gguf
