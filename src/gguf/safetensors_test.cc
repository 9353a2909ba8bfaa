#include "gguf/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

namespace pingti::gguf {
namespace {

std::vector<std::byte> file_of(const std::string& header, size_t data_bytes) {
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < data_bytes; ++i) bytes[8 + header.size() + i] = static_cast<std::byte>(i);
  return bytes;
}

std::string code_of(const std::string& header, size_t data_bytes) {
  const auto bytes = file_of(header, data_bytes);
  const auto file = SafetensorsFile::open_memory(bytes);
  return file ? "" : file.error().code;
}

TEST(Safetensors, DescribesTensorsAsGgufFilesDo) {
  const auto bytes = file_of(
      R"({"b":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[1],"data_offsets":[20,28]}})",
      28);
  const auto file = SafetensorsFile::open_memory(bytes);
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  ASSERT_EQ(file->tensors().size(), 2u);
  EXPECT_EQ(file->tensors()[0].name, "a");
  const TensorInfo* b = file->find_tensor("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->format->type, DType::kF16);
  EXPECT_EQ(b->cols(), 3);
  EXPECT_EQ(b->rows(), 2);
  EXPECT_EQ(b->data.size(), 12u);
  EXPECT_EQ(static_cast<int>(b->data[0]), 8);
  EXPECT_EQ(file->find_tensor("n"), nullptr);
  EXPECT_EQ(file->skipped(), std::vector<std::string>{"n (I64)"});
}

TEST(Safetensors, RefusesLies) {
  EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8), "");
  EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7), "safetensors.truncated");
  EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9), "safetensors.truncated");
  EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8), "safetensors.size");
  EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), "safetensors.size");
  EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})", 9), "safetensors.layout");
  EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                    R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                    4),
            "safetensors.layout");
  for (const char* header :
       {"", "[]", "{", R"({"a":3})", R"({"a":{}})",
        R"({"a":{"dtype":"F99","shape":[],"data_offsets":[0,0]}})",
        R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
        R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})",
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})",
        R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,6]}})"}) {
    EXPECT_EQ(code_of(header, 8), "safetensors.header") << header;
  }
  std::vector<std::byte> bytes = file_of("{}", 0);
  bytes[7] = std::byte{0x7f};
  EXPECT_EQ(SafetensorsFile::open_memory(bytes).error().code, "safetensors.header");
  EXPECT_EQ(SafetensorsFile::open_memory(std::span(bytes).first(5)).error().code, "safetensors.truncated");
  EXPECT_EQ(SafetensorsFile::open("/nonexistent").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace pingti::gguf
