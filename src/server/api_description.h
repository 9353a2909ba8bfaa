// The API as OpenAPI 3.1 describes it: each route's own words (Route::describe) put together.
#pragma once

#include "wire/json.h"

namespace pingti {

// An operation with a JSON request body. answers: what 200 brings, "an object".
wire::Json post_operation(const char* summary, wire::Json request_schema, const char* answer);
// One without a body.
wire::Json get_operation(const char* summary, const char* answer);

// {"openapi": "3.1.0", ...} of all routes that describe themselves.
wire::Json api_description();

}  // namespace pingti
