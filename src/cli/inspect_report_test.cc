#include "cli/inspect_report.h"

#include <gtest/gtest.h>

namespace pingti {
namespace {

constexpr const char* kSample = PINGTI_SOURCE_DIR "/src/gguf/testdata/sample.gguf";

TEST(Inspect, ReportsAFileTheEngineDoesNotRun) {
  auto report = make_report(kSample, 4096);
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  report->read_bandwidth = 1e9;
  EXPECT_NE(report->unsupported, "");
  EXPECT_FALSE(report->kv_bytes.has_value());
  EXPECT_EQ(report->missing_tensors, 0);
  const nlohmann::json json = to_json(*report, true);
  EXPECT_EQ(json["model"]["supported"], false);
  EXPECT_EQ(json["model"]["parameters"], 13 * 768);
  EXPECT_EQ(json["formats"].size(), 13u);
  EXPECT_EQ(json["formats"][0]["format"], "F32");
  EXPECT_EQ(json["tensors"].size(), 13u);
  EXPECT_EQ(json["tensors"][0]["dims"], (std::vector<int64_t>{256, 3}));
  EXPECT_EQ(json["metadata"]["u64"]["value"], uint64_t{1} << 63);
  EXPECT_EQ(json["metadata"]["bools"]["first"], (std::vector<bool>{true, false, true}));
  EXPECT_EQ(json["metadata"]["strings"]["count"], 4);
  EXPECT_EQ(json["metadata"]["strings"]["first"][3], "Ġthe");
  EXPECT_DOUBLE_EQ(json["speed_estimate"]["decode_tokens_per_second"].get<double>(),
                   1e9 / static_cast<double>(report->file.tensor_bytes()));
  EXPECT_FALSE(to_json(*report, false).contains("tensors"));
}

TEST(Inspect, WritesText) {
  auto report = make_report(kSample, 4096);
  ASSERT_TRUE(report.has_value());
  const std::string text = to_text(*report, true);
  for (const char* part : {"architecture  sample", "runs here     no", "Q4_K", "4.5", "平替 \"quoted\"\\n",
                           "3 x bool: [true, false, true]", "tensor.Q6_K", "256 x 3"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  }
}

TEST(Inspect, MakesTextSafeForATerminal) {
  EXPECT_EQ(printable("plain 平替 Ġ", 100), "plain 平替 Ġ");
  EXPECT_EQ(printable("\x1b[31mred\a\x7f", 100), "\\x1b[31mred\\x07\\x7f");
  EXPECT_EQ(printable("\xc2\x9b", 100), "\\xc2\\x9b");  // C1 control sequence introducer
  EXPECT_EQ(printable("\xc0\x80\xed\xa0\x80", 100), "\\xc0\\x80\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xe5\xb9", 100), "\\xe5\\xb9");  // half a character
  EXPECT_EQ(printable("12345678", 4), "1234...");
}

}  // namespace
}  // namespace pingti
