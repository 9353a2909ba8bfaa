#include "engine/vocab_from_gguf.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "gguf/writer.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

namespace fs = std::filesystem;

gguf::Writer sample() {
  gguf::Writer writer;
  writer.set("general.architecture", "llama");
  writer.set("tokenizer.ggml.model", "llama");
  const std::vector<std::string> tokens{"<unk>", "<s>", "</s>", "▁a", "<eot>"};
  const std::vector<float> scores{0, 0, 0, -1, 0};
  const std::vector<int32_t> types{2, 3, 3, 1, 3};
  writer.set_strings("tokenizer.ggml.tokens", tokens);
  writer.set_array<float>("tokenizer.ggml.scores", scores);
  writer.set_array<int32_t>("tokenizer.ggml.token_type", types);
  writer.set("tokenizer.ggml.eot_token_id", uint32_t{4});
  writer.set("tokenizer.ggml.padding_token_id", uint32_t{99999});  // outside, as some files have it
  writer.set("tokenizer.ggml.add_space_prefix", false);
  writer.set("tokenizer.chat_template", "{{ messages }}");
  return writer;
}

Result<Vocab> round_trip(const gguf::Writer& writer) {
  const fs::path path =
      fs::temp_directory_path() / ("pingti_vocab_test" + std::to_string(::getpid()) + ".gguf");
  PT_TRY_VOID(writer.write(path));
  auto file = gguf::File::open(path);
  fs::remove(path);
  if (!file) return std::unexpected(file.error());
  return read_vocab(*file);
}

TEST(VocabFromGguf, ReadsKeysAndFillsInTheKindsDefaults) {
  const auto vocab = round_trip(sample());
  ASSERT_TRUE(vocab) << vocab.error().to_string();
  EXPECT_EQ(vocab->tokens.size(), 5u);
  EXPECT_EQ(vocab->tokens[3], "▁a");
  EXPECT_EQ(vocab->scores[3], -1.0f);
  EXPECT_EQ(vocab->types[4], 3);
  EXPECT_EQ(vocab->bos, 1);
  EXPECT_EQ(vocab->eos, 2);
  EXPECT_EQ(vocab->eot, 4);
  EXPECT_EQ(vocab->pad, -1);
  EXPECT_TRUE(vocab->add_bos);
  EXPECT_FALSE(vocab->add_space_prefix);
  EXPECT_EQ(vocab->chat_template, "{{ messages }}");
  EXPECT_TRUE(Tokenizer::create(*vocab));
}

TEST(VocabFromGguf, NamesWhatIsMissingOrWrong) {
  gguf::Writer empty;
  empty.set("general.architecture", "llama");
  EXPECT_EQ(round_trip(empty).error().code, "vocab.missing");
  gguf::Writer wrong = sample();
  wrong.set("tokenizer.ggml.add_bos_token", "yes");
  EXPECT_EQ(round_trip(wrong).error().code, "gguf.wrong_type");
}

// The default model's file against the original pipeline (tools/tokenizer_golden.py gguf).
TEST(VocabFromGguf, DefaultModelGivesTheOriginalIds) {
  const char* folder = std::getenv("PINGTI_MODELS");
  const fs::path path =
      fs::path(folder ? folder : PINGTI_SOURCE_DIR "/models") / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!fs::exists(path)) GTEST_SKIP() << path << " is not there";
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file) << file.error().to_string();
  const auto tokenizer = Tokenizer::create(read_vocab(*file).value());
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
  const auto golden =
      nlohmann::json::parse(read_file(PINGTI_SOURCE_DIR "/src/engine/testdata/smollm2_ids.json").value());
  size_t compared = 0;
  for (const auto& [kind, rows] : golden.at("cases").items()) {
    for (const auto& row : rows) {
      const auto ids = (*tokenizer)
                           ->encode(row.at(0).get<std::string>(),
                                    {.add_special = false, .parse_special = kind == "parse_special"});
      std::string joined;
      for (const int32_t id : ids) joined += (joined.empty() ? "" : " ") + std::to_string(id);
      EXPECT_EQ(joined, row.at(1).get<std::string>()) << kind << ": " << row.at(0);
      ++compared;
    }
  }
  EXPECT_GT(compared, 300u);
}

}  // namespace
}  // namespace pingti
