#include "jinja/template.h"

#include <fmt/core.h>

#include "jinja/ast.h"
#include "jinja/failure.h"
#include "jinja/interpreter.h"

namespace pingti::jinja {
namespace {

constexpr size_t kMaxMessage = 4000;

// A message may quote what the template made; what is too long for a log is cut between characters.
std::string shortened(std::string message) {
  if (message.size() <= kMaxMessage) return message;
  size_t end = kMaxMessage;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  message.resize(end);
  return message + "...";
}

std::unexpected<Error> as_error(Failure failure) {
  failure.message = shortened(std::move(failure.message));
  const std::string where =
      failure.line > 0 ? fmt::format("chat template, line {}: ", failure.line) : "chat template: ";
  switch (failure.kind) {
    case FailureKind::kSyntax:
      return fail(ErrorKind::kInvalid, "template.syntax", where + failure.message);
    case FailureKind::kRaised:
      return fail(ErrorKind::kInvalid, "template.raised", failure.message);
    case FailureKind::kLimit:
      return fail(ErrorKind::kTooLarge, "template.limit", where + failure.message);
    default:
      return fail(ErrorKind::kInvalid, "template.runtime", where + failure.message);
  }
}

}  // namespace

Result<Template> Template::parse(std::string_view source, Limits limits) {
  if (source.size() > limits.source_bytes) {
    return fail(ErrorKind::kTooLarge, "template.limit",
                fmt::format("the chat template has {} bytes; at most {} are read", source.size(),
                            limits.source_bytes));
  }
  try {
    return Template(parse_program(source, limits.depth), limits);
  } catch (const Failure& failure) {
    return as_error(failure);
  }
}

Result<std::string> Template::render(const nlohmann::ordered_json& variables,
                                     const RenderOptions& options) const {
  if (!variables.is_object() && !variables.is_null()) {
    return fail(ErrorKind::kInvalid, "template.variables",
                "the variables of a chat template must be an object");
  }
  try {
    Interpreter interpreter(*program_, limits_, options, variables);
    return interpreter.render();
  } catch (const Failure& failure) {
    return as_error(failure);
  }
}

}  // namespace pingti::jinja
