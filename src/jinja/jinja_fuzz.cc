// Any bytes as a template over a fixed conversation, under small limits.
#include <cstdint>
#include <string_view>

#include "jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using pingti::jinja::Limits;
  using pingti::jinja::Template;
  static const auto kVariables = nlohmann::ordered_json::parse(R"({
    "messages": [
      {"role": "system", "content": "Be brief. 你好"},
      {"role": "user", "content": [{"type": "text", "text": "Hi\n 👍"}, {"type": "image"}]},
      {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1.5}}}]},
      {"role": "tool", "content": "42"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>", "n": -7, "x": [3, 1, 2], "s": "aBc Def"})");
  Limits limits;
  limits.steps = 20'000;
  limits.output_bytes = 64 << 10;
  limits.memory_bytes = 1 << 20;
  limits.source_bytes = 16 << 10;
  const auto parsed = Template::parse({reinterpret_cast<const char*>(data), size}, limits);
  if (parsed) (void)parsed->render(kVariables);
  return 0;
}
