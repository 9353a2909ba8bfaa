// The formats that models write tool calls in. One file per format, one line in formats.inc.
//
// A format is constant and of static lifetime; any thread may use it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json.h"
#include "wire/output_splitter.h"
#include "wire/tools/call_syntax.h"

namespace pingti::wire {

// How calls are written: begin call separator call ... end, a call being
// before_name NAME before_arguments ARGUMENTS after.
struct CallText {
  std::string_view begin;
  std::string_view before_name;
  std::string_view before_arguments;
  std::string_view after;
  std::string_view separator;
  std::string_view end;
};

struct ToolFormat {
  const char* name;
  // Whether models with this chat template write calls so. Asked in the order of formats.inc.
  bool (*spoken_by)(std::string_view chat_template);
  CallSyntax syntax;
  CallText text;
  size_t id_length = 0;  // of call ids, letters and digits; 0: the format does not care
  // For templates that show no results of tools: a result as a user's text.
  std::string_view before_result = "<tool_response>\n";
  std::string_view after_result = "\n</tool_response>";

  std::unique_ptr<OutputSplitter> splitter(std::vector<std::string> known_names) const;
  // All of the format's own texts.
  std::vector<std::string_view> spelled() const;
  // Calls as OpenAI's messages hold them, arguments as JSON text.
  std::string written(const Json& tool_calls) const;
  // For templates that do not tell the model about tools: what to add to the system message.
  std::string instructions(const Json& tools) const;
};

std::span<const ToolFormat* const> tool_formats();
const ToolFormat* find_tool_format(std::string_view name);  // null: none of that name
// The last format of the list fits every template.
const ToolFormat& tool_format_of(std::string_view chat_template);

// What an answer that must call tools looks like: the format's CallText around each tool and its parameters'
// JSON Schema, for a grammar compiler.
struct CallSection {
  struct Call {
    std::string begin;  // literal, from before the name to the arguments
    Json parameters;    // JSON Schema of the arguments
    std::string end;
  };
  std::string begin;
  std::vector<Call> calls;  // each call is one of these
  std::string separator;    // between calls
  std::string end;
  bool one_call = false;  // exactly one; otherwise one or more
};
// tools: those that may be called. one_call: parallel calls are not wanted.
CallSection call_section(const ToolFormat& format, const Json& tools, bool one_call);
// The same as XGrammar's structural tag: {"type": "structural_tag", "format": ...}.
Json structural_tag(const CallSection& section);

}  // namespace pingti::wire
