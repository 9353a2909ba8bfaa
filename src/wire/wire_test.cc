#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "wire/chat_request.h"
#include "wire/completion_request.h"
#include "wire/responses.h"

namespace pingti::wire {
namespace {

ApiError chat_error(const std::string& extra) {
  auto parsed = parse_chat_request(R"({"messages":[{"role":"user","content":"hi"}],)" + extra + "}");
  EXPECT_FALSE(parsed.has_value()) << extra;
  return parsed ? ApiError{} : parsed.error();
}

ApiError body_error(std::string_view body) {
  auto parsed = parse_chat_request(body);
  EXPECT_FALSE(parsed.has_value()) << body;
  return parsed ? ApiError{} : parsed.error();
}

TEST(ParseJson, RefusesWhatIsNotStrictJson) {
  for (std::string_view text : {"", "{", "{} x", "{'a':1}", "[1,]", "{\"a\":1e999}", "\"\\ud800\"",
                                "// c\n{}", "\"\xff\"", "nul", "\xEF\xBB\xBF{}"}) {
    EXPECT_FALSE(parse_json(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_json(std::string_view("{}\0", 3)).has_value());
  EXPECT_FALSE(parse_json(std::string_view("\"a\0b\"", 5)).has_value());
  auto error = parse_json("{\"a\": 1,\n \"b\": oops}").error();
  EXPECT_NE(error.message.find("line 2, column 7"), std::string::npos) << error.message;
}

TEST(ParseJson, KeepsTheLastOfDuplicates) { EXPECT_EQ((*parse_json(R"({"a":1,"a":2})"))["a"], 2); }

TEST(ParseJson, BoundsDepthAndSize) {
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')).has_value());
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')).has_value());
  EXPECT_FALSE(parse_json(std::string(8'000'000, '[')).has_value());
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\"").has_value());
  std::string members = "{";
  for (int i = 0; i < 100'000; ++i) members += "\"" + std::to_string(i) + "\":1,";
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(members + "\"x\":1}").error().code, "json.limit");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(ChatRequest, ReadsEverything) {
  auto parsed = parse_chat_request(R"({
    "model": "m", "stream": true, "stream_options": {"include_usage": true}, "n": 2,
    "messages": [{"role": "developer", "content": "be brief"},
                 {"role": "user", "name": "ann", "content": [{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                 {"role": "assistant", "content": "c", "refusal": null, "tool_calls": null}],
    "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05,
    "typical_p": 0.8, "repeat_penalty": 1.1, "repeat_last_n": 64, "presence_penalty": 0.1,
    "frequency_penalty": -0.1, "stop": "END", "seed": -1, "logprobs": true, "top_logprobs": 3,
    "logit_bias": {"12": -100, "13": 2.5}, "dry_multiplier": 0.8, "dry_sequence_breakers": ["\n"],
    "xtc_probability": 0.1, "xtc_threshold": 0.2, "ignore_eos": true,
    "chat_template_kwargs": {"enable_thinking": false}, "user": "u", "metadata": {"x": "y"}, "tools": [],
    "response_format": {"type": "text"}, "service_tier": "auto"})");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->messages[0]["role"], "system");
  EXPECT_EQ(parsed->messages[1]["content"], "a\nb");
  EXPECT_EQ(parsed->messages[1]["name"], "ann");
  EXPECT_EQ(parsed->max_tokens, 7);
  EXPECT_EQ(parsed->top_logprobs, 3);
  EXPECT_EQ(parsed->template_kwargs["enable_thinking"], false);
  const CommonFields& common = parsed->common;
  EXPECT_TRUE(common.stream && common.include_usage && common.ignore_eos);
  EXPECT_EQ(common.n, 2);
  EXPECT_EQ(common.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(common.sampling.seed, UINT64_MAX);
  EXPECT_FLOAT_EQ(common.sampling.repetition_penalty, 1.1f);
  EXPECT_EQ(common.sampling.logit_bias[1], (std::pair<int32_t, float>(13, 2.5f)));
  EXPECT_EQ(common.sampling.dry_sequence_breakers, std::vector<std::string>{"\n"});
}

TEST(ChatRequest, PriorityIsTheFieldsOrTheTiers) {
  const auto common = [](const std::string& fields) {
    auto parsed = parse_chat_request(R"({"messages":[{"role":"user","content":"hi"}])" + fields + "}");
    EXPECT_TRUE(parsed.has_value());
    return parsed ? parsed->common : CommonFields{};
  };
  EXPECT_EQ(common("").priority(), 0);
  EXPECT_EQ(common("").tier_served(), "");
  EXPECT_EQ(common(R"(,"service_tier":"auto")").tier_served(), "default");
  EXPECT_EQ(common(R"(,"service_tier":"flex")").priority(), kFlexTier);
  EXPECT_EQ(common(R"(,"service_tier":"priority")").priority(), kPriorityTier);
  EXPECT_EQ(common(R"(,"service_tier":"flex","priority":-3)").priority(), -3);
  EXPECT_NEAR(common(R"(,"timeout":2.5)").timeout_seconds, 2.5, 1e-6);
}

TEST(ChatRequest, NullMeansAbsent) {
  auto parsed = parse_chat_request(
      R"({"messages":[{"role":"user","content":"hi"}],"temperature":null,"tools":null,"stop":null,"n":null})");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->common.n, 1);
}

TEST(ChatRequest, NamesTheFieldTheValueAndWhatIsWanted) {
  ApiError error = chat_error(R"("temperature": "hot")");
  EXPECT_EQ(error.param, "temperature");
  EXPECT_EQ(error.message, "'temperature' must be a number, not the string \"hot\".");
  EXPECT_EQ(chat_error(R"("temperature": -1)").message, "'temperature' must be from 0 to 100, not -1.");
  EXPECT_EQ(chat_error(R"("n": 1.5)").message, "'n' must be an integer, not the number 1.5.");
  EXPECT_EQ(chat_error(R"("n": 0)").param, "n");
  EXPECT_EQ(chat_error(R"("max_tokens": 99999999999999999999999)").param, "max_tokens");
  EXPECT_EQ(chat_error(R"("stream": "yes")").param, "stream");
  EXPECT_EQ(chat_error(R"("stop": ["a", 1])").param, "stop");
  EXPECT_EQ(chat_error(R"("stop": [""])").param, "stop");
  EXPECT_EQ(chat_error(R"("logit_bias": {"x": 1})").param, "logit_bias");
  EXPECT_EQ(chat_error(R"("top_logprobs": 3)").param, "top_logprobs");
  EXPECT_EQ(chat_error(R"("stream_options": {"include_usage": 1})").param, "stream_options.include_usage");
  EXPECT_EQ(body_error("[]").message, "The request body must be a JSON object, not an array of 0 items.");
  EXPECT_EQ(body_error("{}").param, "messages");
  EXPECT_EQ(body_error(R"({"messages":[]})").param, "messages");
  EXPECT_EQ(body_error(R"({"messages":["x"]})").param, "messages[0]");
  EXPECT_EQ(body_error(R"({"messages":[{"role":"user"}]})").param, "messages[0].content");
  EXPECT_EQ(body_error(R"({"messages":[{"content":"x"}]})").param, "messages[0].role");
  EXPECT_EQ(body_error(R"({"messages":[{"role":"king","content":"x"}]})").param, "messages[0].role");
  EXPECT_EQ(body_error(R"({"messages":[{"role":"user","content":[{"type":"text"}]}]})").param,
            "messages[0].content[0].text");
  Json body = error_body(error);
  EXPECT_EQ(body["error"]["type"], "invalid_request_error");
  EXPECT_EQ(body["error"]["code"], "invalid_type");
}

TEST(ChatRequest, ReadsTheFormOfTheAnswer) {
  using Kind = OutputFormat::Kind;
  const auto read = [](const std::string& extra) {
    const auto request = parse_chat_request(R"({"messages":[{"role":"user","content":"x"}],)" + extra + "}");
    EXPECT_TRUE(request) << extra;
    return request ? request->common.output : OutputFormat{};
  };
  EXPECT_EQ(read(R"("response_format": {"type": "text"})").kind, Kind::kFree);
  EXPECT_EQ(read(R"("grammar": "")").kind, Kind::kFree);
  EXPECT_EQ(read(R"("response_format": {"type": "json_object"})").kind, Kind::kJsonObject);
  OutputFormat format = read(
      R"("response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"b":1,"a":2}}})");
  EXPECT_EQ(format.kind, Kind::kJsonSchema);
  EXPECT_EQ(format.text, R"({"b":1,"a":2})");  // in its order
  EXPECT_EQ(format.param, "response_format.json_schema.schema");
  EXPECT_EQ(read(R"("structured_outputs": {"choice": ["a", "b"]})").choices.size(), 2u);
  EXPECT_EQ(read(R"("structured_outputs": {"json_object": true})").kind, Kind::kJsonObject);
  EXPECT_EQ(read(R"("guided_regex": "a+")").text, "a+");
  EXPECT_EQ(read(R"("grammar": "root ::= \"a\"")").kind, Kind::kGrammar);
  EXPECT_EQ(read(R"("json_schema": {})").param, "json_schema");
  EXPECT_EQ(chat_error(R"("guided_regex": "a", "json_schema": {})").param, "json_schema");
  EXPECT_EQ(chat_error(R"("response_format": {"type": "xml"})").param, "response_format.type");
}

TEST(ChatRequest, RefusesByNameWhatItDoesNotDo) {
  for (const char* extra : {R"("functions": [{}])", R"("audio": {})", R"("modalities": ["text","audio"])"}) {
    ApiError error = chat_error(extra);
    EXPECT_EQ(error.code, "unsupported_parameter") << extra;
    EXPECT_NE(std::string(extra).find(error.param), std::string::npos) << extra;
  }
  EXPECT_EQ(chat_error(R"("temperatur": 1)").code, "unknown_parameter");
  for (const char* name : {"add_generation_prompt", "messages", "tools"}) {
    ApiError error = chat_error(fmt::format(R"("chat_template_kwargs": {{"{}": null}})", name));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.code, "unsupported_parameter") << name;
    EXPECT_EQ(error.param, std::string("chat_template_kwargs.") + name);
  }
  EXPECT_EQ(body_error(R"({"messages":[{"role":"function","content":"x"}]})").code, "unsupported_parameter");
  EXPECT_EQ(
      body_error(R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]})")
          .code,
      "unsupported_parameter");
}

TEST(CompletionRequest, ReadsEveryKindOfPrompt) {
  auto prompts = [](const std::string& prompt) {
    auto parsed = parse_completion_request(R"({"prompt":)" + prompt + "}");
    EXPECT_TRUE(parsed.has_value()) << prompt;
    return parsed ? parsed->prompts : std::vector<Prompt>{};
  };
  EXPECT_EQ(prompts(R"("a")"), (std::vector<Prompt>{"a"}));
  EXPECT_EQ(prompts(R"(["a","b"])"), (std::vector<Prompt>{"a", "b"}));
  EXPECT_EQ(prompts("[1,2]"), (std::vector<Prompt>{std::vector<int32_t>{1, 2}}));
  EXPECT_EQ(prompts("[[1],[2,3]]"),
            (std::vector<Prompt>{std::vector<int32_t>{1}, std::vector<int32_t>{2, 3}}));
  for (const char* bad : {"[]", "{}", "3", "[1,\"a\"]", "[-1]", "[1.5]", "[[\"a\"]]", "[4294967296]"}) {
    auto parsed = parse_completion_request(std::string(R"({"prompt":)") + bad + "}");
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().param, "prompt") << bad;
  }
}

TEST(CompletionRequest, ReadsItsOwnFields) {
  auto parsed =
      parse_completion_request(R"({"prompt":"a","echo":true,"logprobs":2,"max_tokens":0,"n":2,"best_of":2})");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->echo);
  EXPECT_EQ(parsed->top_logprobs, 2);
  EXPECT_EQ(parsed->max_tokens, 0);
  EXPECT_EQ(parsed->best_of, 2);
  EXPECT_EQ(parse_completion_request(R"({"prompt":"a","best_of":4})")->best_of, 4);
  EXPECT_EQ(parse_completion_request(R"({"prompt":"a","n":3,"best_of":2})").error().param, "best_of");
  EXPECT_EQ(parse_completion_request(R"({"prompt":"a","best_of":2,"stream":true})").error().param, "best_of");
}

TEST(Responses, CharactersAreCountedByTheirFirstByte) {
  EXPECT_EQ(characters(""), 0u);
  EXPECT_EQ(characters("aé平"), 3u);
  EXPECT_EQ(characters("\xB9\xB3"), 0u);
}

TEST(Responses, ShapesOfTheOpenAiApi) {
  AnswerHead head{"chatcmpl-1", 5, "m", "fp"};
  ChoicePart part{.text = "hé",
                  .logprobs = std::vector<TokenScore>{{"h\xc3", -0.5f, {{"x", -INFINITY}}}},
                  .finish_reason = "stop"};
  Json answer = chat_answer(head, {part}, {3, 1, 2});
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "hé");
  EXPECT_EQ(answer["choices"][0]["logprobs"]["content"][0]["bytes"], Json({0x68, 0xc3}));
  EXPECT_EQ(answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0]["logprob"], -9999.0f);
  EXPECT_EQ(answer["usage"]["total_tokens"], 5);
  EXPECT_EQ(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 1);
  EXPECT_EQ(answer["usage"]["prompt_cache_hit_tokens"], 1);
  EXPECT_EQ(answer["usage"]["prompt_cache_miss_tokens"], answer["usage"]["prompt_tokens"].get<int>() - 1);
  EXPECT_TRUE(parse_json(to_text(answer)).has_value());  // half a character became U+FFFD

  Json first = chat_chunk(head, {}, true);
  EXPECT_EQ(first["choices"][0]["delta"], (Json{{"role", "assistant"}, {"content", ""}}));
  EXPECT_TRUE(first["choices"][0]["finish_reason"].is_null());
  EXPECT_FALSE(chat_chunk(head, part, false).contains("usage"));
  EXPECT_TRUE(chat_usage_chunk(head, {})["choices"].empty());

  ChoicePart echo{.index = 1,
                  .text = "ab",
                  .logprobs = std::vector<TokenScore>{{"a", std::nullopt, {}}, {"b", -1.0f, {{"b", -1.0f}}}},
                  .finish_reason = "length"};
  Json logprobs = completion_answer(head, {echo}, {})["choices"][0]["logprobs"];
  EXPECT_EQ(logprobs["token_logprobs"], Json({nullptr, -1.0f}));
  EXPECT_EQ(logprobs["text_offset"], Json({0, 1}));
  EXPECT_TRUE(logprobs["top_logprobs"][0].is_null());
  EXPECT_EQ(sse_event(Json{{"a", "\n"}}), "data: {\"a\":\"\\n\"}\n\n");
}

}  // namespace
}  // namespace pingti::wire
