#include "hub/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hub/embedded.h"

namespace pingti {
namespace {

using testing::HasSubstr;

// Sets a variable for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

std::string error_of(const std::string& yaml) {
  const auto catalogue = Catalogue::parse(yaml, "mine.yaml");
  return catalogue ? "no error" : catalogue.error().message;
}

TEST(Catalogue, ShippedEntriesAreWhole) {
  const auto catalogue = Catalogue::parse(std::string(kEmbeddedCatalogue), "catalogue.yaml");
  ASSERT_TRUE(catalogue) << catalogue.error().to_string();
  EXPECT_GE(catalogue->entries().size(), 40u);
  for (const auto& entry : catalogue->entries()) {
    EXPECT_FALSE(entry.license.empty()) << entry.name;
    EXPECT_FALSE(entry.parameters.empty()) << entry.name;
    EXPECT_FALSE(entry.languages.empty()) << entry.name;
    EXPECT_TRUE(entry.context) << entry.name;
  }
}

TEST(Catalogue, FindsByNameAliasAndQuantWhateverTheCase) {
  const auto catalogue = Catalogue::parse(std::string(kEmbeddedCatalogue), "catalogue.yaml");
  ASSERT_TRUE(catalogue);
  const auto choice = catalogue->find(kDefaultModel, "");
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->quant.file, "SmolLM2-135M-Instruct.Q4_1.gguf");
  EXPECT_EQ(choice->quant.size, 98362432u);
  EXPECT_EQ(catalogue->find("SmolLM2", "q8_0")->quant.quant, "Q8_0");
  EXPECT_EQ(catalogue->find("deepseek-r1-7b", "")->entry.name, "deepseek-r1-distill-qwen-7b");
  const auto parts = catalogue->find("qwen2.5-coder-1.5b", "Q4_K_M");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->quant.sources.front().names.size(), 22u);
}

TEST(Catalogue, UnknownNamesGetTheNearestAndUnknownQuantsTheChoices) {
  const auto catalogue = Catalogue::parse(std::string(kEmbeddedCatalogue), "catalogue.yaml");
  ASSERT_TRUE(catalogue);
  const auto name = catalogue->find("qwen3-8", "");
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().code, "hub.unknown_model");
  EXPECT_THAT(name.error().hint, HasSubstr("qwen3-8b"));
  const auto quant = catalogue->find("qwen3-8b", "Q1");
  ASSERT_FALSE(quant);
  EXPECT_EQ(quant.error().code, "hub.unknown_quant");
  EXPECT_THAT(quant.error().message, HasSubstr("Q4_K_M, Q8_0"));
}

TEST(Catalogue, UserFileAddsAndReplaces) {
  const auto path =
      std::filesystem::temp_directory_path() / ("pingti_models_" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(path)
      << "models:\n"
         "  - name: SmolLM2-135M\n    license: mine\n    quants: [F16]\n    sources: [{hf: me/mine}]\n"
         "  - name: new\n    quants: [{quant: Q8_0, file: n.gguf, sources: [{url: 'https://h/n.gguf'}]}]\n";
  const Variable variable("PINGTI_CATALOGUE", path.string());
  const auto catalogue = Catalogue::load();
  std::filesystem::remove(path);
  ASSERT_TRUE(catalogue) << catalogue.error().to_string();
  EXPECT_EQ(catalogue->find("smollm2-135m", "")->entry.license, "mine");
  EXPECT_EQ(catalogue->find("smollm2-135m", "")->quant.file, "SmolLM2-135M-F16.gguf");
  EXPECT_EQ(catalogue->find("new", "")->quant.sources.front().names.front(), "https://h/n.gguf");
  EXPECT_TRUE(catalogue->find("qwen3-8b", ""));
}

TEST(Catalogue, NamedFileMustExistAndTheUsualOneNeedNot) {
  {
    const Variable variable("PINGTI_CATALOGUE", "/nonexistent/models.yaml");
    const auto catalogue = Catalogue::load();
    ASSERT_FALSE(catalogue);
    EXPECT_THAT(catalogue.error().message, HasSubstr("/nonexistent/models.yaml"));
  }
  const Variable config("XDG_CONFIG_HOME", "/nonexistent");
  EXPECT_TRUE(Catalogue::load());
}

TEST(Catalogue, ErrorsNameFileLineKeyFoundAndWanted) {
  const std::string head = "models:\n  - name: a\n";
  const std::string sources = "    sources: [{hf: o/r}]\n";
  EXPECT_THAT(error_of("models: [}"), HasSubstr("mine.yaml:1: not readable as YAML"));
  EXPECT_THAT(error_of("[]"), HasSubstr("wanted a map"));
  EXPECT_THAT(error_of("model: []"),
              HasSubstr("mine.yaml:1: 'model' is an unknown key, wanted one of models"));
  EXPECT_THAT(error_of(head + "    licence: x\n"), HasSubstr("mine.yaml:3: 'licence' is an unknown key"));
  EXPECT_THAT(error_of(head), HasSubstr("'quants' is missing or empty"));
  EXPECT_THAT(error_of(head + "    quants: [Q8_0]\n"), HasSubstr("'sources' is missing"));
  EXPECT_THAT(error_of(head + sources + "    context: many\n    quants: [Q8_0]\n"),
              HasSubstr("mine.yaml:4: 'context' is 'many', wanted a whole number of tokens"));
  EXPECT_THAT(error_of(head + sources + "    quants: [{quant: Q8_0, size: -1}]\n"),
              HasSubstr("'size' is '-1'"));
  EXPECT_THAT(error_of(head + sources + "    quants: [{quant: Q8_0, sha256: 12}]\n"),
              HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(error_of(head + sources + "    quants: [{quant: Q8_0, file: ../x}]\n"),
              HasSubstr("'file' is '../x'"));
  EXPECT_THAT(error_of(head + "    sources: [{hf: o}]\n    quants: [Q8_0]\n"),
              HasSubstr("'hf' is 'o', wanted ORG/REPO"));
  EXPECT_THAT(error_of(head + "    sources: [{pypi: '-r'}]\n    quants: [Q8_0]\n"),
              HasSubstr("'pypi' is '-r'"));
  EXPECT_THAT(error_of(head + "    sources: [{file: x}]\n    quants: [Q8_0]\n"),
              HasSubstr("one of hf, ms, url, pypi"));
  EXPECT_THAT(error_of(head + "    name: b\n"), HasSubstr("given twice"));
  EXPECT_THAT(
      error_of(head + sources + "    quants: [Q8_0]\n  - name: A\n" + sources + "    quants: [Q8_0]\n"),
      HasSubstr("a second time"));
}

}  // namespace
}  // namespace pingti
