// What both completion endpoints do around their own requests.
#pragma once

#include <optional>

#include "server/answer.h"
#include "server/route.h"
#include "wire/request_fields.h"

namespace pingti {

// The engine, or null after answering 503 (loading, draining).
Engine* ready_engine(const Call& call);

// An error if the request names a model that is not served here.
std::optional<wire::ApiError> check_model(const Context& context, const std::string& model);

wire::AnswerHead answer_head(const Context& context, const std::string& model, std::string_view id_prefix);

}  // namespace pingti
