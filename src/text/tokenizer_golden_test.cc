// Ids of the original tokenizers, written by tools/tokenizer_golden.py. Small vocabularies are in testdata;
// PINGTI_TOKENIZER_GOLDEN names a folder with more (real vocabularies, too large to commit).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "text/detokenizer.h"
#include "text/test_vocab.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

using nlohmann::json;

std::vector<int32_t> parse_ids(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<int32_t>(in), {}};
}

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> folders{PINGTI_SOURCE_DIR "/src/text/testdata/tokenizers"};
  if (const char* more = std::getenv("PINGTI_TOKENIZER_GOLDEN")) folders.emplace_back(more);
  std::vector<std::filesystem::path> files;
  for (const auto& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

class GoldenTest : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoldenTest, SameIdsAsTheOriginal) {
  const json golden = json::parse(read_file(GetParam()).value());
  auto tokenizer = Tokenizer::create(vocab_from_json(golden.at("vocab")));
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
  size_t compared = 0, different = 0;
  for (const auto& [kind, rows] : golden.at("cases").items()) {
    const EncodeOptions options{.add_special = false, .parse_special = kind == "parse_special"};
    for (const json& row : rows) {
      const auto text = row.at(0).get<std::string>();
      ++compared;
      const auto ids = (*tokenizer)->encode(text, options);
      if (ids == parse_ids(row.at(1).get<std::string>())) continue;
      if (++different <= 5) {
        EXPECT_EQ(ids, parse_ids(row.at(1).get<std::string>())) << kind << ": " << row.at(0);
      }
    }
  }
  EXPECT_GT(compared, 100u);
  EXPECT_EQ(different, 0u) << "of " << compared;
  RecordProperty("compared", static_cast<int>(compared));
}

INSTANTIATE_TEST_SUITE_P(Originals, GoldenTest, testing::ValuesIn(golden_files()), [](const auto& info) {
  std::string name = info.param.parent_path().stem().string() + "_" + info.param.stem().string();
  std::ranges::replace_if(name, [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace pingti
