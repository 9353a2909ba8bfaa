// What both completion endpoints do around their own requests.
#pragma once

#include <memory>
#include <string_view>

#include "server/answer.h"
#include "server/openai_writer.h"
#include "server/served_model.h"
#include "wire/request_fields.h"

namespace pingti {

// A place for `prompts` prompts (each with the fields' n choices), which the plan is to hold. Nothing after
// answering an error.
std::unique_ptr<Place> reserve_place(const Call& call, const ServedModel& model,
                                     const wire::CommonFields& fields, int64_t max_tokens,
                                     size_t prompts = 1);

wire::AnswerHead answer_head(const ServedModel& model, std::string_view id_prefix);
std::unique_ptr<AnswerWriter> openai_writer(const OpenAiFormat& format, wire::AnswerHead head,
                                            const wire::CommonFields& fields);

}  // namespace pingti
