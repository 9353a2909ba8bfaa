#include "server/routes/generate.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <functional>

#include "base/version.h"
#include "server/access.h"

namespace pingti {
namespace {

constexpr const char* kTimeoutHeader = "X-Request-Timeout";
constexpr double kLongestTimeout = 1e6;  // seconds

// The header's seconds or the field's, whichever ends first; 0: neither.
wire::ApiResult<double> time_limit(const Call& call, const wire::CommonFields& fields) {
  double limit = fields.timeout_seconds;
  const std::string_view text = call.request.headers.get(kTimeoutHeader);
  if (text.empty()) return limit;
  double seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc() || end != text.data() + text.size() ||
      !(seconds > 0 && seconds <= kLongestTimeout)) {
    return std::unexpected(wire::invalid_field(
        kTimeoutHeader, fmt::format("The header '{}' must be a number of seconds above 0 and up to {:.0f}.",
                                    kTimeoutHeader, kLongestTimeout)));
  }
  return limit > 0 ? std::min(limit, seconds) : seconds;
}

// Whose answers are alike in length: the key's.
std::string tenant_of(const Call& call) {
  if (call.context->options.api_keys.empty()) return {};
  return fmt::format("{:016x}", std::hash<std::string_view>{}(given_api_key(call.request.headers)));
}

}  // namespace

std::unique_ptr<Place> reserve_place(const Call& call, const ServedModel& model,
                                     const wire::CommonFields& fields, int64_t max_tokens, size_t prompts) {
  const auto limit = time_limit(call, fields);
  if (!limit) {
    call.reply->error(limit.error());
    return nullptr;
  }
  Ask ask{.bytes = call.request.body.size(),
          .prompts = static_cast<int64_t>(prompts),
          .choices = static_cast<int>(fields.n),
          .max_tokens = max_tokens};
  ask.terms.priority = fields.priority();
  ask.terms.tenant = tenant_of(call);
  if (*limit > 0) {
    ask.terms.deadline = call.reply->arrived() + std::chrono::duration_cast<Terms::Clock::duration>(
                                                     std::chrono::duration<double>(*limit));
  }
  auto place = model.admission->reserve(ask);
  if (place) return *std::move(place);
  call.reply->error(place.error());
  return nullptr;
}

wire::AnswerHead answer_head(const ServedModel& model, std::string_view id_prefix) {
  return {random_id(id_prefix), std::time(nullptr), model.name, std::string("pingti-") + kVersion};
}

std::unique_ptr<AnswerWriter> openai_writer(const OpenAiFormat& format, wire::AnswerHead head,
                                            const wire::CommonFields& fields) {
  return std::make_unique<OpenAiWriter>(format, std::move(head), fields.include_usage,
                                        fields.continuous_usage);
}

}  // namespace pingti
