#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "support/fixtures.h"

namespace pingti {
namespace {

using Json = nlohmann::ordered_json;
const std::filesystem::path kData = PINGTI_SOURCE_DIR "/src/text/testdata";

ChatTemplateInput input_of(const Json& row) {
  ChatTemplateInput input;
  input.messages = row["messages"];
  input.tools = row.value("tools", Json());
  input.add_generation_prompt = row.value("add_generation_prompt", true);
  input.extra = row.value("extra", Json());
  input.now = oracle_clock();
  return input;
}

void expect_outcome(const std::string& where, const Result<std::string>& ours, const Json& oracle) {
  if (oracle.contains("output")) {
    ASSERT_TRUE(ours) << where << ": " << ours.error().to_string();
    EXPECT_EQ(*ours, oracle["output"].get<std::string>()) << where;
    return;
  }
  ASSERT_FALSE(ours) << where << ": expected " << oracle << ", got " << *ours;
  if (oracle["error"] == "raised") {
    EXPECT_EQ(ours.error().code, "template.raised") << where;
    EXPECT_EQ(ours.error().message, oracle["message"].get<std::string>()) << where;
  } else {
    EXPECT_NE(ours.error().code, "template.limit") << where;
  }
}

// Compares every template that `golden` names, in `folder`, with every case; returns how many were compared.
size_t compare_all(const std::filesystem::path& folder, const std::filesystem::path& golden) {
  const Json cases = read_json_fixture<Json>(kData / "chat_cases.json");
  const Json expected = read_json_fixture<Json>(golden);
  size_t compared = 0;
  for (const auto& [file, row] : expected.items()) {
    const auto created =
        ChatTemplate::create(read_fixture(folder / file), row["bos_token"], row["eos_token"]);
    for (const Json& one : cases) {
      const std::string name = one["name"];
      const Json& oracle = row["outcomes"][name];
      std::string where = file;
      where.append(" / ").append(name);
      if (!created) {
        EXPECT_EQ(oracle.value("error", ""), "syntax") << where << ": " << created.error().to_string();
        continue;
      }
      expect_outcome(where, created->render(input_of(one)), oracle);
      ++compared;
    }
  }
  return compared;
}

TEST(ChatTemplate, RendersAsTransformersDoes) {
  EXPECT_GT(compare_all(kData / "templates", kData / "chat_golden.json"), 500u);
}

// PINGTI_CHAT_TEMPLATES=FOLDER: compares further templates, with FOLDER/golden.json made by
// tools/template_golden.py.
TEST(ChatTemplate, RendersFurtherTemplatesAsTransformersDoes) {
  const char* folder = std::getenv("PINGTI_CHAT_TEMPLATES");
  if (!folder) GTEST_SKIP() << "PINGTI_CHAT_TEMPLATES is not set";
  const size_t compared = compare_all(folder, std::filesystem::path(folder) / "golden.json");
  std::printf("compared %zu outputs\n", compared);
}

TEST(ChatTemplate, FallbackIsChatMl) {
  const auto chat = ChatTemplate::create(std::string(ChatTemplate::fallback()), "", "<|im_end|>");
  ASSERT_TRUE(chat);
  ChatTemplateInput input;
  input.messages = Json::parse(R"([{"role": "system", "content": "S"}, {"role": "user", "content": "U"}])");
  EXPECT_EQ(*chat->render(input),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_TRUE(chat->supports_system());
  EXPECT_FALSE(chat->supports_tools());
  EXPECT_FALSE(chat->mentions_thinking());
}

TEST(ChatTemplate, ProbesSayWhatATemplateDoes) {
  auto probe = [](const char* file) {
    auto created = ChatTemplate::create(read_fixture(kData / "templates" / file), "<s>", "</s>");
    EXPECT_TRUE(created) << file;
    return *std::move(created);
  };
  const ChatTemplate qwen = probe("Qwen-Qwen2.5-7B-Instruct.jinja");
  EXPECT_TRUE(qwen.supports_system() && qwen.supports_tools());
  EXPECT_FALSE(qwen.mentions_thinking() || qwen.opens_thinking());
  const ChatTemplate r1 = probe("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja");
  EXPECT_TRUE(r1.supports_system() && r1.mentions_thinking() && r1.opens_thinking());
  EXPECT_FALSE(r1.supports_tools());
  EXPECT_TRUE(probe("Qwen-QwQ-32B.jinja").opens_thinking());

  const auto form = [&](const char* file) {
    const ToolSupport support = probe(file).tool_support();
    std::string text = support.calls ? "calls" : "none";
    if (support.parallel_calls) text += " parallel";
    if (support.results) text += " results";
    if (support.arguments_as_text) text += " text";
    if (support.null_content) text += " null";
    return text;
  };
  EXPECT_EQ(form("Qwen-Qwen3-0.6B.jinja"), "calls parallel results");
  EXPECT_EQ(form("mistralai-Mistral-Nemo-Instruct-2407.jinja"), "calls parallel results");
  EXPECT_EQ(form("deepseek-ai-DeepSeek-R1-Distill-Qwen-7B-gguf.jinja"), "calls parallel results text null");
  EXPECT_EQ(form("microsoft-Phi-3.5-mini-instruct.jinja"), "none");
  EXPECT_TRUE(ChatTemplate::ends_inside_thinking("<think>a</think><think>\n"));
  EXPECT_FALSE(ChatTemplate::ends_inside_thinking("<think>a</think>"));
  const ChatTemplate phi = probe("microsoft-Phi-3.5-mini-instruct.jinja");
  EXPECT_TRUE(phi.supports_system());
  EXPECT_FALSE(phi.supports_tools());
  const auto none = ChatTemplate::create(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') "
      "}}{% endif %}"
      "{{ m.content }}{% endfor %}",
      "", "");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->supports_system());
}

TEST(ChatTemplate, BadInputIsAnError) {
  EXPECT_EQ(ChatTemplate::create("{% if %}", "", "").error().code, "template.syntax");
  const auto chat = ChatTemplate::create(std::string(ChatTemplate::fallback()), "", "");
  ChatTemplateInput input;
  input.messages = "text";
  EXPECT_EQ(chat->render(input).error().code, "template.variables");
  input.messages = Json::array({1});
  EXPECT_EQ(chat->render(input).error().code, "template.variables");
  input.messages = Json::array();
  input.extra = 5;
  EXPECT_EQ(chat->render(input).error().code, "template.variables");
}

TEST(ChatTemplate, LongConversationsStayWithinTheLimits) {
  ChatTemplateInput input;
  input.messages = Json::array();
  for (int i = 0; i < 1000; ++i) {
    input.messages.push_back({{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(1000, 'x')}});
  }
  input.messages.push_back({{"role", "user"}, {"content", "last"}});
  for (const auto& entry : std::filesystem::directory_iterator(kData / "templates")) {
    if (entry.path().extension() != ".jinja") continue;
    const auto chat = ChatTemplate::create(read_fixture(entry.path()), "<s>", "</s>");
    ASSERT_TRUE(chat) << entry.path();
    const auto text = chat->render(input);
    EXPECT_TRUE(text) << entry.path() << text.error().to_string();
  }
}

}  // namespace
}  // namespace pingti
