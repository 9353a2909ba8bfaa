// How the answers of a model are read: what its file does not say, or says wrongly.
#pragma once

#include <string>

namespace pingti {

struct OutputOptions {
  std::string tool_format = "auto";  // of wire/tools/formats.inc; auto: by the chat template
  std::string reasoning = "auto";    // auto: by template and vocabulary; off: "<think>" is content
  // The rules of DeepSeek's R1 API: no reasoning_content in messages, no logprobs, and the model's own
  // temperature and top_p whatever the request says.
  bool deepseek_rules = false;
};

}  // namespace pingti
