#include "wire/tool_request.h"

#include <gtest/gtest.h>

#include "wire/chat_request.h"

namespace pingti::wire {
namespace {

constexpr const char* kTools =
    R"("tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
                 {"type": "function", "function": {"name": "g", "strict": true}}])";

ApiResult<ChatRequest> parse(const std::string& fields,
                             const std::string& messages = R"({"role":"user","content":"x"})") {
  return parse_chat_request("{\"messages\": [" + messages + "]" + (fields.empty() ? "" : ", ") + fields +
                            "}");
}

std::string refused(const std::string& fields,
                    const std::string& messages = R"({"role":"user","content":"x"})") {
  const auto request = parse(fields, messages);
  return request ? "accepted" : request.error().param;
}

TEST(ToolFields, ChoicesAndWhatMayBeCalled) {
  auto request = parse(kTools);
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->tools.offered() && request->tools.parallel && !request->tools.must_call());
  EXPECT_EQ(request->tools.callable().size(), 2u);
  request = parse(std::string(kTools) + R"(, "tool_choice": "none", "parallel_tool_calls": false)");
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->tools.offered() || request->tools.parallel);
  request =
      parse(std::string(kTools) + R"(, "tool_choice": {"type": "function", "function": {"name": "g"}})");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->tools.must_call());
  EXPECT_EQ(request->tools.callable()[0]["function"]["name"], "g");
  EXPECT_FALSE(parse(R"("tools": [], "tool_choice": "auto")")->tools.offered());
}

TEST(ToolFields, ProblemsNameTheField) {
  EXPECT_EQ(refused(R"("tools": {})"), "tools");
  EXPECT_EQ(refused(R"("tools": [{"type": "web_search"}])"), "tools[0].type");
  EXPECT_EQ(refused(R"("tools": [{"type": "function"}])"), "tools[0].function");
  EXPECT_EQ(refused(R"("tools": [{"function": {"name": "a b"}}])"), "tools[0].function.name");
  EXPECT_EQ(refused(R"("tools": [{"function": {"name": "a", "parameters": []}}])"),
            "tools[0].function.parameters");
  EXPECT_EQ(refused(R"("tools": [{"function": {"name": "a", "x": 1}}])"), "tools[0].function.x");
  EXPECT_EQ(refused(R"("tools": [{"function": {"name": "a"}}, {"function": {"name": "a"}}])"),
            "tools[1].function.name");
  EXPECT_EQ(refused(std::string(kTools) + R"(, "tool_choice": "maybe")"), "tool_choice");
  EXPECT_EQ(refused(R"("tool_choice": "required")"), "tool_choice");
  EXPECT_EQ(refused(std::string(kTools) + R"(, "tool_choice": {"function": {"name": "h"}})"),
            "tool_choice.function.name");
  EXPECT_EQ(refused(std::string(kTools) + R"(, "parallel_tool_calls": 1)"), "parallel_tool_calls");
}

TEST(ToolMessages, CallsAndResults) {
  const auto request = parse("", R"({"role":"user","content":"x"},
    {"role":"assistant","content":null,"reasoning":"r","tool_calls":[{"id":"1","type":"function","index":0,"function":{"name":"f","arguments":"{\"a\":1}"}},
                                                      {"id":"2","type":"function","function":{"name":"g","arguments":{"b":2}}}]},
    {"role":"tool","tool_call_id":"1","content":"5"})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->messages[1]["tool_calls"][1]["function"]["arguments"], R"({"b":2})");
  EXPECT_EQ(request->messages[1]["reasoning_content"], "r");
  EXPECT_EQ(request->messages[2]["tool_call_id"], "1");
  EXPECT_EQ(refused("", R"({"role":"tool","content":"x"})"), "messages[0].tool_call_id");
  EXPECT_EQ(refused("", R"({"role":"assistant","tool_calls":[{"function":{"name":"f"}}]})"),
            "messages[0].tool_calls[0].id");
  EXPECT_EQ(
      refused("", R"({"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":3}}]})"),
      "messages[0].tool_calls[0].function.arguments");
  EXPECT_EQ(refused("", R"({"role":"user","content":"x","tool_calls":[{}]})"), "messages[0].tool_calls");
  EXPECT_EQ(refused("", R"({"role":"assistant"})"), "messages[0].content");
}

TEST(ReasoningFields, OneThingUnderManyNames) {
  const auto read = [](const std::string& fields) { return parse(fields)->reasoning; };
  EXPECT_FALSE(read("").enabled);
  EXPECT_EQ(read(R"("thinking": {"type": "enabled", "budget_tokens": 1024})").budget, 1024);
  EXPECT_EQ(read(R"("thinking": {"type": "disabled"})").enabled, false);
  EXPECT_EQ(read(R"("chat_template_kwargs": {"enable_thinking": false})").enabled, false);
  EXPECT_EQ(read(R"("reasoning_effort": "none")").enabled, false);
  EXPECT_EQ(read(R"("reasoning_effort": "low")").effort, "low");
  EXPECT_EQ(read(R"("reasoning": {"max_tokens": 7, "exclude": true})").budget, 7);
  EXPECT_FALSE(read(R"("include_reasoning": false)").shown);
  EXPECT_EQ(read(R"("thinking_budget": 0)").enabled, false);
  EXPECT_EQ(read(R"("thinking_token_budget": 5, "thinking_budget": 5)").budget, 5);
  EXPECT_EQ(refused(R"("thinking_token_budget": 5, "thinking_budget": 6)"), "thinking_budget");
  EXPECT_EQ(refused(R"("thinking": {"type": "enabled"}, "reasoning_effort": "none")"), "reasoning_effort");
  EXPECT_EQ(refused(R"("thinking": {"budget_tokens": 3})"), "thinking.type");
  EXPECT_EQ(refused(R"("thinking": true)"), "thinking");
  EXPECT_EQ(refused(R"("reasoning_effort": "huge")"), "reasoning_effort");
  EXPECT_EQ(refused(R"("thinking_budget": -1)"), "thinking_budget");
}

}  // namespace
}  // namespace pingti::wire
