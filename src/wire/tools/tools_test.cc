// Tool calls and reasoning read from text, however it is cut into pieces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/choice_output.h"
#include "wire/reasoning_splitter.h"
#include "wire/tools/json_scanner.h"
#include "wire/tools/tool_format.h"

namespace pingti::wire {
namespace {

using Kind = OutputPart::Kind;

struct Read {
  std::string reasoning;
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;  // name, arguments
  size_t ended = 0;

  bool operator==(const Read&) const = default;
};

void PrintTo(const Read& read, std::ostream* out) {
  *out << "reasoning '" << read.reasoning << "' content '" << read.content << "'";
  for (const auto& [name, arguments] : read.calls) *out << " " << name << "(" << arguments << ")";
  *out << " ended " << read.ended;
}

// Also checks what a splitter promises of its parts.
Read gather(const std::vector<OutputPart>& parts, std::string_view text) {
  Read read;
  for (const OutputPart& part : parts) {
    switch (part.kind) {
      case Kind::kReasoning:
        read.reasoning += part.text;
        break;
      case Kind::kContent:
        EXPECT_EQ(text.substr(part.begin, part.text.size()), part.text);
        read.content += part.text;
        break;
      case Kind::kCallBegin:
        EXPECT_EQ(part.call, static_cast<int>(read.calls.size()));
        read.calls.emplace_back(part.text, "");
        break;
      case Kind::kCallArguments:
        EXPECT_EQ(part.call + 1, static_cast<int>(read.calls.size()));
        read.calls.back().second += part.text;
        break;
      case Kind::kCallEnd:
        ++read.ended;
        break;
    }
  }
  return read;
}

using MakeSplitter = std::function<std::unique_ptr<OutputSplitter>()>;

Read read_pieces(const MakeSplitter& make, std::string_view text, const std::vector<size_t>& cuts) {
  const auto splitter = make();
  std::vector<OutputPart> parts;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    splitter->push(text.substr(begin, cut - begin), &parts);
    begin = cut;
  }
  splitter->push(text.substr(begin), &parts);
  splitter->finish(&parts);
  EXPECT_EQ(splitter->settled(), text.size());
  return gather(parts, text);
}

// Cut nowhere, everywhere, at each place, and at each two places of a short text.
void expect_read(const MakeSplitter& make, std::string_view text, const Read& wanted) {
  SCOPED_TRACE(text);
  EXPECT_EQ(read_pieces(make, text, {}), wanted);
  std::vector<size_t> everywhere;
  for (size_t i = 1; i < text.size(); ++i) everywhere.push_back(i);
  EXPECT_EQ(read_pieces(make, text, everywhere), wanted);
  for (size_t i = 0; i <= text.size(); ++i) {
    ASSERT_EQ(read_pieces(make, text, {i}), wanted) << "cut at " << i;
    if (text.size() > 160) continue;
    for (size_t j = i; j <= text.size(); ++j)
      ASSERT_EQ(read_pieces(make, text, {i, j}), wanted) << "cut at " << i << " and " << j;
  }
}

MakeSplitter of_format(const char* name) {
  const ToolFormat* format = find_tool_format(name);
  EXPECT_NE(format, nullptr) << name;
  return [format] { return format->splitter({"f", "g", "get_weather"}); };
}

TEST(JsonScanner, KnowsWhereAValueEnds) {
  const auto end = [](std::string_view text) {
    const JsonSpan span = scan_json(text, 0);
    return span.state == JsonScanner::State::kDone   ? static_cast<int>(span.end)
           : span.state == JsonScanner::State::kOpen ? -1
                                                     : -2;
  };
  EXPECT_EQ(end(R"( {"a": [1, "}\"", {}], "b": null} x)"), 33);
  EXPECT_EQ(end("12.5e3,"), 6);
  EXPECT_EQ(end("[]]"), 2);
  EXPECT_EQ(end("{}"), 2);
  EXPECT_EQ(end("tru"), -1);
  EXPECT_EQ(end("{\"a\""), -1);
  for (const char* bad :
       {"}", "{a", "{\"a\" 1", "[1,]x", "trux,", "\"\n\"", "\"\\x\"", "{,", "[1 2", "{\"a\":1,}", "01,"})
    EXPECT_EQ(end(bad), -2) << bad;
  EXPECT_EQ(end(std::string(64, '[')), -1);
  EXPECT_EQ(end(std::string(65, '[')), -2);
}

TEST(ToolFormats, Hermes) {
  const auto make = of_format("hermes");
  expect_read(make,
              "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"city\": \"Ulm "
              "</tool_call>\"}}\n</tool_call>",
              {"", "Let me see.", {{"f", R"({"city": "Ulm </tool_call>"})"}}, 1});
  expect_read(make,
              "<tool_call>{\"name\":\"f\",\"arguments\":{}}</"
              "tool_call>\n<tool_call>{\"arguments\":{\"a\":[1]},\"name\":\"g\"}</tool_call> ",
              {"", "", {{"f", "{}"}, {"g", R"({"a":[1]})"}}, 2});
  expect_read(make, R"(<tool_call>{"name": "f", "arguments": "{\"a\": \"é\"}"}</tool_call>)",
              {"", "", {{"f", R"({"a": "é"})"}}, 1});
  expect_read(make, R"(<tool_call>{"name": "f"}</tool_call> done)", {"", "done", {{"f", "{}"}}, 1});
  expect_read(make, R"(<tool_call>{"name": "f", "arguments": null, "id": 3}</tool_call>)",
              {"", "", {{"f", "{}"}}, 1});
  expect_read(make, R"(<tool_call>{"name": "f", "arguments": {}}}</tool_call>x)",
              {"", "x", {{"f", "{}"}}, 1});
  expect_read(make, R"(<tool_call>{"name": "f", "arguments": {}}<tool_call>{"name": "g"}</tool_call>)",
              {"", "", {{"f", "{}"}, {"g", "{}"}}, 2});
}

TEST(ToolFormats, WhatOnlyLooksLikeACallIsContent) {
  const auto make = of_format("hermes");
  for (const char* text :
       {"a < b <tool> <tool_cal", "<tool_call>hello</tool_call>", "<tool_call>", "<tool_call>{\"name\": 3}",
        "<tool_call>[]</tool_call>", "  <tool_call>{\"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"argu", "<tool_call>{\"name\": \"\", \"arguments\": {}}", "  \n ",
        "x <tool_call> {\"name\": \"f\", \"arguments\": [1]}"})
    expect_read(make, text, {"", text, {}, 0});
  expect_read(make, "<tool_call>no\n<tool_call>{\"name\": \"f\"}</tool_call>",
              {"", "<tool_call>no", {{"f", "{}"}}, 1});
}

TEST(ToolFormats, ArgumentsThatAreCutOffOrNotJsonArePassedOn) {
  const auto make = of_format("hermes");
  expect_read(make, R"(<tool_call>{"name": "f", "arguments": {"a": "b)", {"", "", {{"f", R"({"a": "b)"}}, 1});
  expect_read(make, R"(<tool_call>{"name": "f", "arguments": {a: 1}}</tool_call>ok)",
              {"", "ok", {{"f", "{a: 1}}"}}, 1});
  const auto llama = of_format("llama3");
  expect_read(llama, R"({"name": "f", "parameters": {'a': 1}})", {"", "", {{"f", "{'a': 1}}"}}, 1});
}

TEST(ToolFormats, AHeadThatNeverEndsIsContent) {
  const auto make = of_format("hermes");
  const std::string text = "<tool_call>{\"arguments\": \"" + std::string(40000, 'x');
  EXPECT_EQ(read_pieces(make, text, {100, 20000, 30000}), (Read{"", text, {}, 0}));
}

TEST(ToolFormats, Llama3) {
  const auto make = of_format("llama3");
  expect_read(make, R"( {"name": "f", "parameters": {"a": {"b": 1}}})",
              {"", "", {{"f", R"({"a": {"b": 1}})"}}, 1});
  expect_read(make,
              R"({"type": "function", "name": "f", "arguments": {}}; {"name": "g", "parameters": {"x": 2}})",
              {"", "", {{"f", "{}"}, {"g", R"({"x": 2})"}}, 2});
  expect_read(make, R"(<|python_tag|>{"name": "anything", "parameters": {}})",
              {"", "", {{"anything", "{}"}}, 1});
  expect_read(make, "{\"name\": \"f\"}\n<|python_tag|>{\"name\": \"g\"}",
              {"", "", {{"f", "{}"}, {"g", "{}"}}, 2});
  for (const char* text : {R"({"name": "Bob", "parameters": {}})", R"({"name": "f", "age": 3})",
                           R"({"a": 1})", "{", "a {\"name\": \"f\"}", "<|python_tag|>print(1)", "<|python"})
    expect_read(make, text, {"", text, {}, 0});
}

TEST(ToolFormats, Mistral) {
  const auto make = of_format("mistral");
  expect_read(
      make,
      R"([TOOL_CALLS][{"name": "f", "arguments": {"a": "]"}, "id": "abcdefghi"}, {"name": "g", "arguments": {}}])",
      {"", "", {{"f", R"({"a": "]"})"}, {"g", "{}"}}, 2});
  expect_read(make, R"(Well. [TOOL_CALLS]get_weather[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]123456789[ARGS]{} )",
              {"", "Well.", {{"get_weather", R"({"a": 1})"}, {"g", "{}"}}, 2});
  expect_read(make, R"([TOOL_CALLS] {"name": "f", "arguments": {}})", {"", "", {{"f", "{}"}}, 1});
  for (const char* text : {"[TOOL_CALLS]", "[TOOL_CALLS][]", "[TOOL_CALLS] some words", "[TOOL_CALLS][1]",
                           "[TOOL_CALLS]f[ARGS]x", "[TOOL"})
    expect_read(make, text, {"", text, {}, 0});
}

TEST(ToolFormats, DeepSeek) {
  for (const char* name : {"deepseek", "deepseek-v3.1"}) {
    const auto make = of_format(name);
    expect_read(make,
                "Hm.\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": "
                "\"```\"}\n```<｜tool▁call▁end｜>\n"
                "<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><"
                "｜tool▁calls▁end｜>",
                {"", "Hm.", {{"f", R"({"a": "```"})"}, {"g", "{}"}}, 2});
    expect_read(make,
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>"
                "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                {"", "", {{"f", R"({"a": 1})"}, {"g", "{}"}}, 2});
    for (const char* text : {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁begin｜>oh", "<｜tool",
                             "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\nwords"})
      expect_read(make, text, {"", text, {}, 0});
  }
}

TEST(ToolFormats, EachReadsWhatItWrites) {
  const Json calls = Json::array({{{"function", {{"name", "f"}, {"arguments", R"({"a": "x"})"}}}},
                                  {{"function", {{"name", "g"}, {"arguments", "{}"}}}}});
  for (const ToolFormat* format : tool_formats()) {
    SCOPED_TRACE(format->name);
    expect_read([&] { return format->splitter({"f", "g"}); }, format->written(calls),
                {"", "", {{"f", R"({"a": "x"})"}, {"g", "{}"}}, 2});
  }
}

TEST(ToolFormats, SectionForTheGrammar) {
  const Json tools = Json::parse(
      R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}},
                                     {"type": "function", "function": {"name": "g"}}])");
  const CallSection section = call_section(*find_tool_format("mistral"), tools, false);
  EXPECT_EQ(section.begin + section.calls[1].begin + "{}" + section.calls[1].end + section.end,
            R"([TOOL_CALLS][{"name": "g", "arguments": {}}])");
  EXPECT_EQ(section.calls[0].parameters["properties"]["a"]["type"], "string");
  const Json tag = structural_tag(section);
  EXPECT_EQ(tag["format"]["elements"][1]["tags"].size(), 2u);
  const Json one = structural_tag(call_section(*find_tool_format("hermes"), Json::array({tools[0]}), true));
  EXPECT_EQ(one["format"]["type"], "tag");
  EXPECT_EQ(one["format"]["begin"], "<tool_call>\n{\"name\": \"f\", \"arguments\": ");
}

TEST(ReasoningSplitter, ThinkingThenContent) {
  const MakeSplitter open = [] {
    return std::make_unique<ReasoningSplitter>(ReasoningMarkers{}, true, nullptr);
  };
  const MakeSplitter closed = [] {
    return std::make_unique<ReasoningSplitter>(ReasoningMarkers{}, false, nullptr);
  };
  expect_read(open, "\nI  think\n</think>\n\nYes. </think>", {"I  think", "Yes. </think>", {}, 0});
  expect_read(closed, "<think>\nHm < </thin\n</think>\n\nYes <think>", {"Hm < </thin", "Yes <think>", {}, 0});
  expect_read(closed, " \n<think></think>a", {"", "a", {}, 0});
  expect_read(closed, " No <think>a</think>", {"", " No <think>a</think>", {}, 0});
  expect_read(closed, "<thin", {"", "<thin", {}, 0});
  expect_read(open, "never ends </thin", {"never ends </thin", "", {}, 0});
  expect_read(open, "</think>\n", {"", "", {}, 0});
}

TEST(ReasoningSplitter, CallsComeAfterThinking) {
  const MakeSplitter make = [] {
    return std::make_unique<ReasoningSplitter>(ReasoningMarkers{}, true,
                                               find_tool_format("hermes")->splitter({}));
  };
  expect_read(make, "a <tool_call>\n</think>\nb\n<tool_call>{\"name\": \"f\"}</tool_call>",
              {"a <tool_call>", "b", {{"f", "{}"}}, 1});
}

TEST(ChoiceOutput, OrdersPartsAndScoresContentOnly) {
  OutputReading reading;
  reading.splitter = [] {
    return std::make_unique<ReasoningSplitter>(ReasoningMarkers{}, true,
                                               find_tool_format("hermes")->splitter({}));
  };
  reading.call_id = [n = 0]() mutable { return "id" + std::to_string(n++); };
  const std::string text =
      "ab</think>xy<tool_call>{\"name\": \"f\"}</tool_call>z<tool_call>{\"name\": \"g\"}</tool_call>";
  ChoicePart whole;
  std::string order;
  ChoiceOutput output(0, reading);
  const auto take = [&](std::vector<ChoicePart> parts) {
    for (ChoicePart& part : parts) {
      if (!part.reasoning.empty()) order += 'r';
      if (!part.text.empty()) order += 'c';
      if (!part.tool_calls.empty()) order += 't';
      append(std::move(part), &whole);
    }
  };
  for (const char c : text)
    take(output.push(std::string(1, c), std::vector<TokenScore>{{std::string(1, c), -1.0f, {}}}));
  take(output.finish("stop"));
  EXPECT_EQ(whole.reasoning, "ab");
  EXPECT_EQ(whole.text, "xyz");
  ASSERT_EQ(whole.tool_calls.size(), 2u);
  EXPECT_EQ(whole.tool_calls[1].id, "id1");
  EXPECT_EQ(whole.tool_calls[1].name, "g");
  EXPECT_EQ(whole.finish_reason, "tool_calls");
  std::string scored;
  for (const TokenScore& score : *whole.logprobs) scored += score.bytes;
  EXPECT_EQ(scored, "xyz");
  EXPECT_EQ(order.substr(0, 5), "rrcct");

  ChoiceOutput at_once(0, reading);
  std::vector<ChoicePart> parts = at_once.push(text, std::nullopt);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].reasoning + "|" + parts[0].text + "|" + parts[0].tool_calls[0].name, "ab|xy|f");
  EXPECT_EQ(parts[1].text + "|" + parts[1].tool_calls[0].name, "z|g");

  reading.one_call = true;
  ChoiceOutput single(0, reading);
  ChoicePart one;
  for (ChoicePart& part : single.push(text, std::nullopt)) append(std::move(part), &one);
  ASSERT_EQ(one.tool_calls.size(), 1u);
  EXPECT_EQ(one.tool_calls[0].name, "f");
  EXPECT_EQ(one.text, "xyz");
}

}  // namespace
}  // namespace pingti::wire
