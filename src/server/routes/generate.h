// What both completion endpoints do around their own requests.
#pragma once

#include <memory>
#include <string_view>

#include "server/answer.h"
#include "server/openai_writer.h"
#include "server/served_model.h"
#include "wire/request_fields.h"

namespace pingti {

wire::AnswerHead answer_head(const ServedModel& model, std::string_view id_prefix);
std::unique_ptr<AnswerWriter> openai_writer(const OpenAiFormat& format, wire::AnswerHead head,
                                            const wire::CommonFields& fields);

}  // namespace pingti
