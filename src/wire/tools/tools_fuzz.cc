// Answers of models in every format of tool calls, after thinking, cut into arbitrary pieces: what comes out
// is the same as of the text in one piece, and content is found where it says.
//
// Bytes: format, bits (thinking open, thinking at all), length of the pieces less one, then the text.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "wire/choice_output.h"
#include "wire/reasoning_splitter.h"
#include "wire/tools/tool_format.h"

using namespace pingti::wire;

namespace {

std::string read(OutputSplitter& splitter, std::string_view text, size_t piece) {
  std::vector<OutputPart> parts;
  for (size_t i = 0; i < text.size(); i += piece) splitter.push(text.substr(i, piece), &parts);
  splitter.finish(&parts);
  PT_CHECK(splitter.settled() == text.size());
  std::string all;
  auto last = OutputPart::Kind::kCallEnd;
  for (const OutputPart& part : parts) {
    const bool content = part.kind == OutputPart::Kind::kContent;
    PT_CHECK(!content || text.substr(part.begin, part.text.size()) == part.text);
    if (part.kind != last || part.kind == OutputPart::Kind::kCallBegin)
      all += static_cast<char>(1 + int(part.kind));
    all += part.text;
    last = part.kind;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > 4096) return 0;
  const ToolFormat& format = *tool_formats()[data[0] % tool_formats().size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto make = [&]() -> std::unique_ptr<OutputSplitter> {
    auto calls = format.splitter({"f"});
    if ((data[1] & 2) == 0) return calls;
    return std::make_unique<ReasoningSplitter>(ReasoningMarkers{}, (data[1] & 1) != 0, std::move(calls));
  };
  const std::string whole = read(*make(), text, size);
  PT_CHECK(read(*make(), text, 1u + data[2]) == whole);
  PT_CHECK(read(*make(), text, 1) == whole);
  return 0;
}
