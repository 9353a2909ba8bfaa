#include "server/routes/generate.h"

#include <ctime>

#include "base/version.h"

namespace pingti {

wire::AnswerHead answer_head(const ServedModel& model, std::string_view id_prefix) {
  return {random_id(id_prefix), std::time(nullptr), model.name, std::string("pingti-") + kVersion};
}

std::unique_ptr<AnswerWriter> openai_writer(const OpenAiFormat& format, wire::AnswerHead head,
                                            const wire::CommonFields& fields) {
  return std::make_unique<OpenAiWriter>(format, std::move(head), fields.include_usage,
                                        fields.continuous_usage);
}

}  // namespace pingti
