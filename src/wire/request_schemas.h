// What the request parsers of this folder read, as JSON Schema. tests/server/test_openapi.py compares both.
#pragma once

#include "wire/json.h"
#include "wire/schema.h"

namespace pingti::wire {

schema::Members sampling_members();
schema::Members common_members();  // read_common()'s
Json prompt_schema(size_t most);   // read_prompts()'s
Json messages_schema();

Json chat_request_schema();
Json completion_request_schema();
Json embedding_request_schema();

// One list after another.
schema::Members joined(schema::Members first, const schema::Members& second);

}  // namespace pingti::wire
