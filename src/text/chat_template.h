// A model's chat template: messages in, the prompt text out, exactly as transformers' apply_chat_template
// renders it.
//
// Immutable; any thread may render. The text holds the special tokens literally: tokenize it with special
// tokens parsed and without adding a beginning-of-text token of your own where the text starts with one.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jinja/template.h"

namespace pingti {

struct ChatTemplateInput {
  // OpenAI-shaped. As in transformers, members that are null are dropped, and reasoning given as
  // reasoning_content, thinking or reasoning is offered as reasoning_content and thinking.
  nlohmann::ordered_json messages;
  bool keep_null_content = false;  // a message's "content": null is not dropped
  nlohmann::ordered_json tools;    // an array of OpenAI tool objects, or null
  bool add_generation_prompt = true;
  nlohmann::ordered_json extra;  // further variables (enable_thinking, documents, ...); an object or null
  std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
};

// What a template makes of tool calls in a conversation.
struct ToolSupport {
  bool calls = false;              // an assistant's calls reach the prompt
  bool parallel_calls = false;     // so do two of one message
  bool results = false;            // a tool's result reaches the prompt
  bool arguments_as_text = false;  // a call's arguments must be JSON text, not an object
  bool null_content = false;       // calls reach the prompt only where content is null
};

class ChatTemplate {
 public:
  // ChatML, for model files that carry no template.
  static std::string_view fallback();

  // An empty token means the model has none. Fails with "template.syntax" or "template.limit".
  static Result<ChatTemplate> create(std::string source, std::string bos_token, std::string eos_token);

  // Fails as jinja::Template::render does; "template.raised" carries the template's own words.
  Result<std::string> render(const ChatTemplateInput& input) const;

  // Whether a prompt stops after <think> and before its </think>: the answer then starts as reasoning.
  static bool ends_inside_thinking(std::string_view prompt);

  const std::string& source() const { return source_; }

  // Found by rendering small conversations once, in create().
  bool supports_system() const { return supports_system_; }  // a system message's text reaches the prompt
  bool supports_tools() const { return supports_tools_; }    // a tool's name reaches the prompt
  const ToolSupport& tool_support() const { return tool_support_; }
  bool mentions_thinking() const { return mentions_thinking_; }  // the source knows of reasoning
  // The generation prompt ends inside <think>, by default or with enable_thinking.
  bool opens_thinking() const { return opens_thinking_; }

 private:
  ChatTemplate(std::string source, jinja::Template parsed, std::string bos_token, std::string eos_token);
  void probe();
  ToolSupport probe_tool_calls() const;

  std::string source_;
  jinja::Template template_;
  std::string bos_token_;
  std::string eos_token_;
  bool supports_system_ = false;
  bool supports_tools_ = false;
  ToolSupport tool_support_;
  bool mentions_thinking_ = false;
  bool opens_thinking_ = false;
};

}  // namespace pingti
