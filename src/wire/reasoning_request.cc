#include "wire/reasoning_request.h"

#include <fmt/format.h>

#include <algorithm>

namespace pingti::wire {
namespace {

constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

class Reader {
 public:
  Reader(FieldReader& fields, ReasoningFields* out) : fields_(fields), out_(out) {}

  void enable(bool enabled, std::string by) {
    if (out_->enabled && *out_->enabled != enabled) {
      return fields_.fail(invalid_field(
          by, fmt::format("'{}' and '{}' say opposite things about thinking.", by, out_->enabled_by)));
    }
    out_->enabled = enabled;
    out_->enabled_by = std::move(by);
  }

  void budget(FieldReader& fields, std::string_view name) {
    int64_t tokens = 0;
    if (!fields.integer(name, &tokens, 0, kMostTokens)) return;
    if (out_->budget >= 0 && out_->budget != tokens) {
      return fields.fail(
          invalid_field(fields.path(name),
                        fmt::format("'{}' and another field give different budgets.", fields.path(name))));
    }
    out_->budget = tokens;
    if (tokens == 0) enable(false, fields.path(name));
  }

  void effort(FieldReader& fields, std::string_view name) {
    static constexpr std::string_view kEfforts[] = {"minimal", "low", "medium", "high", "xhigh"};
    std::string effort;
    if (!fields.string(name, &effort)) return;
    if (effort == "none") return enable(false, fields.path(name));
    if (std::ranges::find(kEfforts, effort) == std::end(kEfforts)) {
      return fields.fail(invalid_field(
          fields.path(name),
          fmt::format(
              "'{}' must be \"none\", \"minimal\", \"low\", \"medium\", \"high\" or \"xhigh\", not {}.",
              fields.path(name), describe(Json(effort)))));
    }
    out_->effort = effort;
    out_->effort_by = fields.path(name);
  }

  // {"type": "enabled", "budget_tokens": 1024}
  void thinking() {
    const Json* value = fields_.take("thinking");
    if (!value) return;
    FieldReader inner(*value, "thinking");
    std::string type;
    if (!inner.string("type", &type) && !inner.error())
      inner.fail(invalid_field("thinking.type", "'thinking.type' is missing."));
    budget(inner, "budget_tokens");
    inner.ignore({"display"});
    if (type == "enabled" || type == "disabled") {
      enable(type == "enabled", "thinking.type");
    } else if (type != "adaptive" && type != "auto") {  // the model decides
      inner.fail(
          invalid_field("thinking.type",
                        fmt::format("'thinking.type' must be \"enabled\", \"disabled\" or \"auto\", not {}.",
                                    describe(Json(type)))));
    }
    if (auto error = inner.finish()) fields_.fail(std::move(*error));
  }

  // {"effort": "low"}, {"max_tokens": 1024}, {"enabled": true}
  void reasoning() {
    const Json* value = fields_.take("reasoning");
    if (!value) return;
    FieldReader inner(*value, "reasoning");
    effort(inner, "effort");
    budget(inner, "max_tokens");
    bool flag = false;
    if (inner.boolean("enabled", &flag)) enable(flag, "reasoning.enabled");
    if (inner.boolean("exclude", &flag)) out_->shown = !flag;
    if (auto error = inner.finish()) fields_.fail(std::move(*error));
  }

 private:
  FieldReader& fields_;
  ReasoningFields* out_;
};

}  // namespace

void read_reasoning_fields(FieldReader& fields, const Json& template_kwargs, ReasoningFields* out) {
  Reader reader(fields, out);
  if (template_kwargs.is_object()) {
    for (const char* name : {"enable_thinking", "thinking"}) {  // the latter in DeepSeek's templates
      const auto given = template_kwargs.find(name);
      if (given != template_kwargs.end() && given->is_boolean())
        reader.enable(given->get<bool>(), std::string("chat_template_kwargs.") + name);
    }
  }
  reader.thinking();
  reader.reasoning();
  reader.effort(fields, "reasoning_effort");
  reader.budget(fields, "thinking_token_budget");
  reader.budget(fields, "thinking_budget");
  bool shown = true;
  if (fields.boolean("include_reasoning", &shown)) out->shown = shown;
}

}  // namespace pingti::wire
