// Requests of /v1/messages and /v1/responses as chat requests, and the events of both.
#include <gtest/gtest.h>

#include "wire/embeddings.h"
#include "wire/messages_answer.h"
#include "wire/messages_request.h"
#include "wire/request_schemas.h"
#include "wire/responses_answer.h"
#include "wire/responses_request.h"
#include "wire/text_requests.h"

namespace pingti::wire {
namespace {

// The data of each event; named: its name must be the data's type.
std::vector<Json> events_of(const std::string& text) {
  std::vector<Json> events;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find("\n\n", begin);
    const std::string event = text.substr(begin, end - begin);
    const size_t data = event.find("data: ");
    events.push_back(Json::parse(event.substr(data + 6)));
    EXPECT_EQ(event.substr(0, data), "event: " + events.back()["type"].get<std::string>() + "\n");
    begin = end + 2;
  }
  return events;
}

std::string kinds(const std::vector<Json>& events) {
  std::string text;
  for (const Json& event : events) text += event["type"].get<std::string>() + " ";
  return text;
}

std::vector<ChoicePart> streamed_parts() {
  return {{.reasoning = "let "},
          {.reasoning = "me", .text = "Hi"},
          {.text = " there"},
          {.tool_calls = {{0, "call_1", "f", ""}}},
          {.tool_calls = {{0, "", "", "{\"a\":"}}},
          {.tool_calls = {{0, "", "", "1}"}, {1, "call_2", "g", "{}"}}},
          {.finish_reason = "tool_calls"}};
}

ChoicePart gathered() {
  return {.reasoning = "let me",
          .text = "Hi there",
          .tool_calls = {{0, "call_1", "f", "{\"a\":1}"}, {1, "call_2", "g", "{}"}},
          .finish_reason = "tool_calls"};
}

TEST(Messages, BlocksBecomeAChat) {
  const auto chat = parse_messages_request(R"({"max_tokens": 5, "system": "s", "stop_sequences": ["x"],
    "top_k": 3, "messages": [
      {"role": "user", "content": "q"},
      {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
      {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]}]})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->messages, Json::parse(R"([{"role":"system","content":"s"},{"role":"user","content":"q"},
    {"role":"assistant","content":"a"},{"role":"user","content":"b\nc"}])"));
  EXPECT_EQ(chat->max_tokens, 5);
  EXPECT_EQ(chat->common.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(chat->common.sampling.top_k, 3);
  EXPECT_TRUE(chat->continuation.empty());
}

TEST(Messages, ToolsBecomeAChats) {
  const auto chat = parse_messages_request(R"({"max_tokens": 5, "messages": [
      {"role": "user", "content": "q"},
      {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""},
                                        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}]},
      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "r"},
                                   {"type": "text", "text": "go on"}]}],
    "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true}})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->messages[1]["tool_calls"][0]["function"]["name"], "f");
  EXPECT_EQ(chat->messages[1]["reasoning_content"], "hm");
  EXPECT_EQ(chat->messages[2], (Json{{"role", "tool"}, {"content", "r"}, {"tool_call_id", "t1"}}));
  EXPECT_EQ(chat->messages[3]["content"], "go on");
  EXPECT_EQ(chat->tools.choice, ToolFields::Choice::kNamed);
  EXPECT_EQ(chat->tools.name, "f");
  EXPECT_FALSE(chat->tools.parallel);
  EXPECT_EQ(chat->tools.tools[0]["function"]["parameters"]["type"], "object");
}

TEST(Messages, AMessageWithoutBlocksIsEmpty) {
  for (const char* content : {"[]", "\"\""}) {
    const auto chat = parse_messages_request(
        std::string(R"({"messages": [{"role": "user", "content": )") + content + "}]}", true);
    ASSERT_TRUE(chat);
    EXPECT_EQ(chat->messages, (Json::array({Json{{"role", "user"}, {"content", ""}}})));
  }
}

TEST(Messages, TheAssistantsLastMessageIsContinued) {
  const auto chat = parse_messages_request(
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "It"}]})", true);
  ASSERT_TRUE(chat);
  EXPECT_EQ(chat->messages.size(), 1u);
  EXPECT_EQ(chat->continuation, "It");
}

TEST(Messages, EventsAndWholeSayTheSame) {
  const AnswerHead head{"msg_1", 5, "m", "fp"};
  MessagesAnswer answer(head, 100, 7);
  auto events = events_of(answer.begin());
  EXPECT_EQ(events[0]["message"]["usage"]["input_tokens"], 7);
  Json content = Json::array();
  std::string partial;
  std::string text;
  for (const ChoicePart& part : streamed_parts()) text += answer.part(part);
  const Usage usage{.prompt_tokens = 7, .cached_tokens = 2, .completion_tokens = 9};
  text += answer.end(usage);
  for (const Json& event : events_of(text)) {
    if (event["type"] == "content_block_start") content.push_back(event["content_block"]);
    if (event["type"] == "content_block_delta") {
      const Json& delta = event["delta"];
      EXPECT_EQ(event["index"], content.size() - 1);
      if (delta["type"] == "input_json_delta") {
        partial += delta["partial_json"].get<std::string>();
      } else {
        const char* name = delta["type"] == "text_delta" ? "text" : "thinking";
        content.back()[name].get_ref<std::string&>() += delta[name].get<std::string>();
      }
    }
    if (event["type"] == "content_block_stop" && content.back()["type"] == "tool_use") {
      content.back()["input"] = Json::parse(partial);
      partial.clear();
    }
    if (event["type"] == "message_delta") {
      EXPECT_EQ(event["delta"]["stop_reason"], "tool_use");
      EXPECT_EQ(event["usage"]["output_tokens"], 9);
      EXPECT_EQ(event["usage"]["input_tokens"], 5);
    }
  }
  const Json whole = MessagesAnswer(head, 100, 7).whole(gathered(), usage);
  EXPECT_EQ(content, whole["content"]);
  EXPECT_EQ(whole["stop_reason"], "tool_use");
  EXPECT_EQ(whole["content"][2]["input"], (Json{{"a", 1}}));
}

TEST(Messages, ErrorsKeepOurCode) {
  const Json error = messages_error(invalid_field("x", "bad"), "req-1");
  EXPECT_EQ(error["type"], "error");
  EXPECT_EQ(error["error"]["type"], "invalid_request_error");
  EXPECT_EQ(error["error"]["param"], "x");
  EXPECT_EQ(messages_error(unavailable("queue_full", "full", 1), "r")["error"]["type"], "overloaded_error");
}

TEST(Responses, ItemsBecomeAChat) {
  const auto request = parse_responses_request(R"({"instructions": "i", "max_output_tokens": 9, "input": [
      {"role": "user", "content": "q"},
      {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
      {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
      {"role": "user", "content": [{"type": "input_text", "text": "b"}]}]})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_TRUE(request->store);
  const auto chat = responses_chat(*request, request->items);
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->messages, Json::parse(R"([{"role":"system","content":"i"},{"role":"user","content":"q"},
    {"role":"assistant","content":"a","reasoning_content":"hm"},{"role":"user","content":"b"}])"));
  EXPECT_EQ(chat->max_tokens, 9);
}

TEST(Responses, FunctionCallsBecomeAChats) {
  const auto request = parse_responses_request(R"({"input": [
      {"role": "user", "content": "q"},
      {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
      {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{\"a\": 1}"},
      {"type": "function_call_output", "call_id": "c1", "output": "r1"},
      {"type": "function_call_output", "call_id": "c2", "output": "r2"}],
    "tools": [{"type": "function", "name": "f", "parameters": {}}], "tool_choice": "required"})");
  ASSERT_TRUE(request) << request.error().message;
  const auto chat = responses_chat(*request, request->items);
  ASSERT_TRUE(chat) << chat.error().message;
  ASSERT_EQ(chat->messages.size(), 4u);
  EXPECT_EQ(chat->messages[1]["tool_calls"].size(), 2u);
  EXPECT_EQ(chat->messages[3]["content"], "r2");
  EXPECT_TRUE(chat->tools.must_call());
}

TEST(Responses, EventsAndWholeSayTheSame) {
  const AnswerHead head{"resp_1", 5, "m", "fp"};
  const auto new_id = [n = 0](std::string_view prefix) mutable {
    return std::string(prefix) + std::to_string(n++);
  };
  ResponsesAnswer answer(head, Json::object(), new_id);
  std::string text = answer.begin();
  for (const ChoicePart& part : streamed_parts()) text += answer.part(part);
  const Usage usage{.prompt_tokens = 7, .completion_tokens = 9};
  text += answer.end(usage);
  const auto events = events_of(text);
  EXPECT_EQ(kinds(events),
            "response.created response.in_progress response.output_item.added response.content_part.added "
            "response.reasoning_text.delta response.reasoning_text.delta response.reasoning_text.done "
            "response.content_part.done response.output_item.done response.output_item.added "
            "response.content_part.added response.output_text.delta response.output_text.delta "
            "response.output_text.done response.content_part.done response.output_item.done "
            "response.output_item.added response.function_call_arguments.delta "
            "response.function_call_arguments.delta response.function_call_arguments.done "
            "response.output_item.done response.output_item.added response.function_call_arguments.delta "
            "response.function_call_arguments.done response.output_item.done response.completed ");
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i]["sequence_number"], i);
  Json whole = ResponsesAnswer(head, Json::object(), new_id).whole(gathered(), usage);
  Json streamed = answer.response();
  EXPECT_EQ(streamed["output"], whole["output"]);
  EXPECT_EQ(streamed["usage"], whole["usage"]);
  EXPECT_EQ(whole["output"].size(), 4u);
  EXPECT_EQ(whole["status"], "completed");
  for (const Json& item : whole["output"]) EXPECT_EQ(item["status"], "completed");
}

TEST(Embeddings, Base64) {
  for (const auto& [bytes, text] : {std::pair("", ""), std::pair("f", "Zg=="), std::pair("fo", "Zm8="),
                                    std::pair("foo", "Zm9v"), std::pair("foobar", "Zm9vYmFy")}) {
    EXPECT_EQ(base64_of(bytes), text);  // RFC 4648, section 10
  }
  EXPECT_EQ(base64_of(std::string_view("\xff\xfe\x00", 3)), "//4A");
}

TEST(Embeddings, Normalized) {
  EXPECT_EQ(normalized(std::vector<float>{3, 4, 12}, 0)[2], 12.0f / 13.0f);
  EXPECT_EQ(normalized(std::vector<float>{3, 4, 12}, 2), (std::vector<float>{0.6f, 0.8f}));
  EXPECT_EQ(normalized(std::vector<float>{0, 0}, 0), (std::vector<float>{0, 0}));
}

TEST(Schemas, OptionalMembersMayBeNull) {
  const Json schema = completion_request_schema();
  EXPECT_EQ(schema["required"], Json({"prompt"}));
  EXPECT_EQ(schema["properties"]["echo"]["type"], Json({"boolean", "null"}));
  EXPECT_EQ(schema["properties"]["stop"]["anyOf"].back()["type"], "null");
  EXPECT_EQ(embedding_request_schema()["properties"]["pooling"]["enum"], Json({"mean", "last", nullptr}));
  EXPECT_FALSE(schema["additionalProperties"].get<bool>());
}

TEST(TokenizeRequest, BothServersNames) {
  EXPECT_FALSE(parse_tokenize_request(R"({"content": "a"})")->vllm);
  EXPECT_FALSE(parse_tokenize_request(R"({"content": "a"})")->add_special);
  EXPECT_TRUE(parse_tokenize_request(R"({"prompt": "a"})")->add_special);
  EXPECT_TRUE(parse_tokenize_request(R"({"messages": [{"role": "user", "content": "a"}]})")->chat);
  EXPECT_FALSE(parse_tokenize_request(R"({"messages": [{"role": "king", "content": "a"}]})"));
  EXPECT_FALSE(parse_tokenize_request("[]"));
}

}  // namespace
}  // namespace pingti::wire
