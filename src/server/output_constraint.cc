#include "server/output_constraint.h"

#include <fmt/format.h>

namespace pingti {
namespace {

OutputSpec spec_of(const wire::OutputFormat& format) {
  using Kind = wire::OutputFormat::Kind;
  OutputSpec spec{.kind = OutputKind::kJsonObject, .text = format.text, .choices = format.choices};
  if (format.kind == Kind::kJsonSchema) spec.kind = OutputKind::kJsonSchema;
  if (format.kind == Kind::kRegex) spec.kind = OutputKind::kRegex;
  if (format.kind == Kind::kChoice) spec.kind = OutputKind::kChoice;
  if (format.kind == Kind::kGrammar) spec.kind = OutputKind::kGrammar;
  return spec;
}

wire::ApiError api_error(const OutputProblem& problem, const std::string& param) {
  constexpr int kRetrySeconds = 5;
  if (problem.error.kind == ErrorKind::kExhausted) {
    wire::ApiError error = wire::unavailable(
        problem.error.code, fmt::format("'{}': {}.", param, problem.error.message), kRetrySeconds);
    error.param = param;
    return error;
  }
  if (problem.error.kind == ErrorKind::kInternal) return wire::from_error(problem.error);
  const std::string place = problem.path.empty() ? param : fmt::format("{}.{}", param, problem.path);
  return {.message = fmt::format("'{}': {}.", place, problem.error.message),
          .param = place,
          .code = problem.error.code};
}

}  // namespace

wire::ApiResult<std::shared_ptr<const OutputConstraint>> output_constraint(Engine& engine,
                                                                           const wire::OutputFormat& format,
                                                                           const std::string& start_after) {
  if (format.kind == wire::OutputFormat::Kind::kFree) return nullptr;
  auto constraint = engine.constraint(spec_of(format), start_after);
  if (!constraint) return std::unexpected(api_error(constraint.error(), format.param));
  return *std::move(constraint);
}

}  // namespace pingti
