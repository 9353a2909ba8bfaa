// What both completion endpoints do around their own requests.
#pragma once

#include <string_view>

#include "server/answer.h"
#include "server/served_model.h"

namespace pingti {

wire::AnswerHead answer_head(const ServedModel& model, std::string_view id_prefix);

}  // namespace pingti
