// Answers of both OpenAI completion endpoints.
#pragma once

#include "server/answer_writer.h"

namespace pingti {

struct OpenAiFormat {
  wire::Json (*whole)(const wire::AnswerHead&, const std::vector<wire::ChoicePart>&, const wire::Usage&);
  wire::Json (*chunk)(const wire::AnswerHead&, const wire::ChoicePart&, bool first);
  wire::Json (*usage_chunk)(const wire::AnswerHead&, const wire::Usage&);
};

class OpenAiWriter final : public AnswerWriter {
 public:
  // include_usage: the request asked for usage, which a last chunk carries and the others have as null, or
  // with `continuous` as it stands.
  OpenAiWriter(OpenAiFormat format, wire::AnswerHead head, bool include_usage, bool continuous)
      : format_(format), head_(std::move(head)), include_usage_(include_usage), continuous_(continuous) {}

  wire::Json whole(const std::vector<wire::ChoicePart>& choices, const wire::Usage& usage) override {
    return format_.whole(head_, choices, usage);
  }
  std::string part(const wire::ChoicePart& part, bool first, const wire::Usage& usage) override {
    wire::Json chunk = format_.chunk(head_, part, first);
    if (continuous_) {
      chunk["usage"] = wire::usage_fields(usage);
    } else if (include_usage_) {
      chunk["usage"] = nullptr;
    }
    return wire::sse_event(chunk);
  }
  std::string end(const wire::Usage& usage) override {
    std::string text;
    if (include_usage_) text = wire::sse_event(format_.usage_chunk(head_, usage));
    return text + "data: [DONE]\n\n";
  }

 private:
  OpenAiFormat format_;
  wire::AnswerHead head_;
  bool include_usage_;
  bool continuous_;
};

}  // namespace pingti
