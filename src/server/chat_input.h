// A chat request as its model's template wants it.
#pragma once

#include <string>

#include "server/served_model.h"
#include "text/chat_template.h"
#include "wire/chat_request.h"

namespace pingti {

// Tools, calls and their results in the form that the template shows; what it does not show is written into
// the texts of the messages, in the model's format of tool calls.
ChatTemplateInput chat_input(const ServedModel& model, const wire::ChatRequest& request);

// What a rendered prompt still lacks so that the answer begins without thinking; empty unless the request
// asks for that.
std::string closed_thinking(const ServedModel& model, const wire::ChatRequest& request,
                            std::string_view prompt);

}  // namespace pingti
