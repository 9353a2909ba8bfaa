// The form of answers that a request asks for -> the engine's constraint.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "wire/api_error.h"
#include "wire/output_format.h"

namespace pingti {

// Null where the answer is free. start_after: what the answer says before its form begins ("</think>");
// empty: nothing. Errors name the field, and inside a schema the keyword:
// "response_format.json_schema.schema.not".
wire::ApiResult<std::shared_ptr<const OutputConstraint>> output_constraint(Engine& engine,
                                                                           const wire::OutputFormat& format,
                                                                           const std::string& start_after);

}  // namespace pingti
