// What a chat request says about tools.
#pragma once

#include <string>

#include "wire/field_reader.h"

namespace pingti::wire {

constexpr size_t kMostTools = 256;
constexpr size_t kMostCallsOfMessage = 128;

struct ToolFields {
  enum class Choice { kAuto, kNone, kRequired, kNamed };

  Json tools;  // OpenAI's function tools, {"type": "function", "function": {...}}; an array or null
  Choice choice = Choice::kAuto;
  std::string name;      // kNamed
  bool parallel = true;  // several calls in one answer

  // Whether the model is told of the tools and its answer may hold calls.
  bool offered() const { return tools.is_array() && !tools.empty() && choice != Choice::kNone; }
  bool must_call() const { return choice == Choice::kRequired || choice == Choice::kNamed; }
  // Those that may be called: all, or the named one.
  Json callable() const;
};

// tools, tool_choice, parallel_tool_calls; problems are left in the reader.
void read_tool_fields(FieldReader& fields, ToolFields* out);

// tool_calls of an assistant's message, as templates want them; null: none.
Json read_tool_calls(FieldReader& message);

}  // namespace pingti::wire
