// What a model's answers are made of, found in its chat template and vocabulary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/served_model.h"
#include "wire/chat_request.h"
#include "wire/choice_output.h"
#include "wire/reasoning_splitter.h"
#include "wire/tools/tool_format.h"

namespace pingti {

// "server.output": a name that is none.
Result<void> check_output_options(const OutputOptions& options);

const wire::ToolFormat& tool_format(const ServedModel& model);

// What encloses the model's thinking; nothing: it does not think.
std::optional<wire::ReasoningMarkers> reasoning_markers(const ServedModel& model);

// What a request asks of a model that cannot be done: thinking of one that does not think, and what
// OutputOptions::deepseek_rules forbid.
std::optional<wire::ApiError> refused_output(const ServedModel& model, const wire::ChatRequest& request);

// Sets in `generation`, whose prompt is complete, what belongs to thinking and tools, and says how to read
// the answer.
wire::OutputReading output_reading(const ServedModel& model, const wire::ChatRequest& request,
                                   GenerationRequest* generation);

}  // namespace pingti
