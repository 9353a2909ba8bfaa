#include "hub/file_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pingti {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<RemoteFile> files(std::initializer_list<const char*> names) {
  std::vector<RemoteFile> result;
  for (const char* name : names) result.push_back({name, std::nullopt, ""});
  return result;
}

std::vector<std::string> chosen(const std::vector<RemoteFile>& from, std::string_view selector) {
  const auto result = choose_files(from, selector, "hf:o/r");
  if (!result) return {result.error().code};
  std::vector<std::string> names;
  for (const auto& file : *result) names.push_back(file.path);
  return names;
}

TEST(FileChoice, QuantNamesAreWholeWordsInAnyCase) {
  const auto repository = files({"README.md", "m-Q4_K_S.gguf", "m-Q4_K_M.gguf", "m.Q8_0.gguf", "m-f16.gguf"});
  EXPECT_THAT(chosen(repository, "Q4_K_M"), ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(chosen(repository, "q8_0"), ElementsAre("m.Q8_0.gguf"));
  EXPECT_THAT(chosen(repository, "F16"), ElementsAre("m-f16.gguf"));
  EXPECT_THAT(chosen(repository, "Q4_K"), ElementsAre("hub.no_such_file"));
  EXPECT_THAT(chosen(repository, ""), ElementsAre("m-Q4_K_M.gguf"));
}

TEST(FileChoice, DefaultTakesTheNextBestOrTheOnlyOne) {
  EXPECT_THAT(chosen(files({"m-Q8_0.gguf", "m-Q5_K_M.gguf", "mmproj-F16.gguf"}), ""),
              ElementsAre("m-Q5_K_M.gguf"));
  EXPECT_THAT(chosen(files({"odd.gguf", "x.txt"}), ""), ElementsAre("odd.gguf"));
  EXPECT_THAT(chosen(files({"one.gguf", "two.gguf"}), ""), ElementsAre("hub.no_such_file"));
}

TEST(FileChoice, SplitFilesComeWholeAndInOrder) {
  const auto repository = files({"q/m-Q8_0-00002-of-00002.gguf", "q/m-Q8_0-00001-of-00002.gguf",
                                 "m-Q4_0.gguf", "m-Q6_K-00001-of-00003.gguf", "m-Q6_K-00003-of-00003.gguf"});
  EXPECT_THAT(chosen(repository, "Q8_0"),
              ElementsAre("q/m-Q8_0-00001-of-00002.gguf", "q/m-Q8_0-00002-of-00002.gguf"));
  EXPECT_THAT(chosen(repository, "q/m-Q8_0-00002-of-00002.gguf"),
              ElementsAre("q/m-Q8_0-00001-of-00002.gguf", "q/m-Q8_0-00002-of-00002.gguf"));
  EXPECT_THAT(chosen(repository, "Q6_K"), ElementsAre("hub.no_such_file")) << "a part is missing";
  EXPECT_EQ(split_name("a.gguf", 2, 3), "a-00002-of-00003.gguf");
  EXPECT_EQ(split_name("a.gguf", 1, 1), "a.gguf");
}

TEST(FileChoice, AnyFileByItsPath) {
  EXPECT_THAT(chosen(files({"config.json", "m.gguf"}), "config.json"), ElementsAre("config.json"));
}

TEST(FileChoice, AmbiguityListsTheChoices) {
  const auto result = choose_files(files({"base-Q4_0.gguf", "chat-Q4_0.gguf"}), "Q4_0", "hf:o/r");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "hub.ambiguous");
  EXPECT_THAT(result.error().message, HasSubstr("base-Q4_0.gguf, chat-Q4_0.gguf"));
}

TEST(FileChoice, RepositoriesWithoutGgufSaySo) {
  const auto result = choose_files(files({"model.safetensors"}), "", "hf:o/r");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no whole GGUF file among its 1 files"));
}

}  // namespace
}  // namespace pingti
