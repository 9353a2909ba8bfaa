#include "hub/fetch_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "hub/text.h"

namespace pingti {
namespace {

constexpr uint64_t kRealProgress = uint64_t{1} << 20;  // bytes after which the tries count anew
constexpr auto kLongestRetryAfter = std::chrono::seconds(300);

// Receives an answer into the part file.
class PartSink : public BodySink {
 public:
  PartSink(const UrlObject& object, const std::filesystem::path& target, PartFile& part, ProgressMeter& meter)
      : object_(object), target_(target), part_(part), meter_(meter) {}

  Result<void> begin(const HttpResponse& response) override {
    if (response.status == 206) {
      if (response.range_begin.value_or(0) != part_.size()) {
        return fail(ErrorKind::kNetwork, "http.cut",
                    fmt::format("{} sent bytes from {}, wanted from {}", object_.source,
                                response.range_begin.value_or(0), part_.size()));
      }
      total_ = response.range_total;
      if (!total_ && response.content_length) total_ = part_.size() + *response.content_length;
    } else {
      if (part_.size() > 0) meter_.note("the source sends the file from its start again");
      PT_TRY_VOID(part_.keep(0, {}));
      total_ = response.content_length;
    }
    const auto wanted = object_.expected.size;
    if (wanted && total_ && *wanted != *total_) {
      return fail(ErrorKind::kInvalid, "hub.wrong_size",
                  fmt::format("{} offers {} bytes for {}, wanted {}", object_.source, *total_,
                              target_.filename().string(), *wanted));
    }
    if (!total_) total_ = wanted;
    if (total_) PT_TRY_VOID(check_room(target_, *total_ - std::min(*total_, part_.size())));
    PT_TRY_VOID(
        part_.set_origin({object_.remembered(), validator(response), object_.expected.sha256, 0, 0}, false));
    meter_.start(part_.size(), total_);
    return {};
  }

  Result<void> write(std::span<const std::byte> bytes) override {
    if (total_ && part_.size() + bytes.size() > *total_) {
      return fail(ErrorKind::kInvalid, "hub.wrong_size",
                  fmt::format("{} sends more than the {} bytes wanted for {}", object_.source, *total_,
                              target_.filename().string()));
    }
    PT_TRY_VOID(part_.append(bytes));
    meter_.progress(part_.size());
    return {};
  }

  std::optional<uint64_t> total() const { return total_; }

 private:
  // If-Range wants a strong validator (RFC 9110 section 13.1.5).
  static std::string validator(const HttpResponse& response) {
    if (!response.etag.empty() && !response.etag.starts_with("W/")) return response.etag;
    return response.last_modified;
  }

  const UrlObject& object_;
  const std::filesystem::path& target_;
  PartFile& part_;
  ProgressMeter& meter_;
  std::optional<uint64_t> total_;
};

// Whether the bytes of an earlier try can be gone on with: same digest wanted, or same source that can say
// whether its file changed.
bool can_resume(const PartFile& part, const UrlObject& object) {
  const PartOrigin& origin = part.origin();
  if (part.size() == 0 || origin.pieces > 0) return false;
  if (object.expected.size && part.size() > *object.expected.size) return false;
  if (!object.expected.sha256.empty()) return origin.sha256 == object.expected.sha256;
  return origin.source == object.remembered() && !origin.validator.empty();
}

Result<void> prepare(PartFile& part, const UrlObject& object, const TransferOptions& options,
                     ProgressMeter& meter) {
  if (!can_resume(part, object)) return part.keep(0, {});
  const uint64_t size = part.size();
  meter.note(fmt::format("going on after {} of an earlier try", human_bytes(size)));
  return part.keep(size, [&](uint64_t done) {
    meter.verify(done, size);
    return !options.stop.stop_requested();
  });
}

// One request. True: the part file is complete; false: worth another try, `error` says why.
Result<bool> attempt(const UrlObject& object, const std::filesystem::path& target, PartFile& part,
                     const TransferOptions& options, ProgressMeter& meter, Error& error,
                     std::chrono::milliseconds& delay) {
  if (object.expected.size && part.size() == *object.expected.size && part.size() > 0) return true;
  HttpRequest request = object.request;
  request.stall_timeout = options.stall_timeout;
  request.offset = part.size();
  if (part.origin().source == object.remembered()) request.if_range = part.origin().validator;
  PartSink sink(object, target, part, meter);
  const auto response = http_get(request, sink, options.stop);
  if (!response) {
    if (!is_transient(response.error())) return std::unexpected(response.error());
    error = response.error();
    return false;
  }
  if (response->status == 200 || response->status == 206) {
    if (!sink.total() || part.size() >= *sink.total()) return true;
    error = Error{ErrorKind::kNetwork, "http.cut",
                  fmt::format("{} sent {} of {} bytes", object.source, part.size(), *sink.total()), ""};
    return false;
  }
  error = status_error(*response, object.source, object.token_hint);
  if (response->status == 416 && part.size() > 0) {
    PT_TRY_VOID(part.keep(0, {}));
    return false;
  }
  if (!is_transient_status(response->status)) return std::unexpected(error);
  if (response->retry_after) delay = std::max<std::chrono::milliseconds>(delay, *response->retry_after);
  return false;
}

Result<void> check_delay(std::chrono::milliseconds delay, const Error& error) {
  if (delay <= kLongestRetryAfter) return {};
  Error late = error;
  late.hint = fmt::format("it asks to come back in {} seconds", delay.count() / 1000);
  return std::unexpected(late);
}

}  // namespace

Error status_error(const HttpResponse& response, const std::string& source, const std::string& token_hint) {
  const int status = response.status;
  Error error{ErrorKind::kInvalid, fmt::format("hub.http_{}", status),
              fmt::format("{} answered with status {} ({})", source, status, without_query(response.url)),
              ""};
  if (is_transient_status(status)) error.kind = ErrorKind::kNetwork;
  if (status == 404 || status == 410) error.kind = ErrorKind::kNotFound;
  if (status == 404) error.hint = "the name may be misspelt";
  if ((status == 401 || status == 403) && !token_hint.empty()) error.hint = token_hint;
  return error;
}

Result<void> fetch_url(const UrlObject& object, const std::filesystem::path& target,
                       const TransferOptions& options, ProgressSink& sink) {
  ProgressMeter meter(sink, target.filename().string());
  PT_TRY(PartFile part, PartFile::open(target));
  PT_TRY_VOID(prepare(part, object, options, meter));
  bool resumed = part.size() > 0;
  for (int tries = 0;;) {
    const uint64_t before = part.size();
    Error error;
    std::chrono::milliseconds delay = backoff(tries);
    const auto complete = attempt(object, target, part, options, meter, error, delay);
    if (!complete) {
      if (part.size() == 0) part.discard();
      return std::unexpected(complete.error());
    }
    if (*complete) {
      auto finished = finish_part(part, target, object.expected, object.source, object.remembered(), meter);
      if (finished || !resumed || finished.error().code != "hub.sha256_mismatch") return finished;
      meter.note("the bytes of the earlier try were not right: fetching the whole file again");
      resumed = false;
      PT_TRY(part, PartFile::open(target));
      continue;
    }
    tries = part.size() >= before + kRealProgress ? 0 : tries + 1;
    if (tries > options.retries) return std::unexpected(error);
    PT_TRY_VOID(check_delay(delay, error));
    meter.note(fmt::format("{}; trying again in {:.1f} s", error.message,
                           static_cast<double>(delay.count()) / 1000));
    PT_TRY_VOID(wait_before_retry(delay, options.stop));
  }
}

Result<HttpText> fetch_text(const HttpRequest& base, const std::string& source, const std::string& token_hint,
                            size_t limit, const TransferOptions& options, ProgressSink& sink) {
  ProgressMeter meter(sink, source);
  HttpRequest request = base;
  request.stall_timeout = options.stall_timeout;
  for (int tries = 0;; ++tries) {
    std::chrono::milliseconds delay = backoff(tries);
    Error error;
    auto text = http_get_text(request, limit, options.stop);
    if (text && text->response.status == 200) return text;
    if (text) {
      error = status_error(text->response, source, token_hint);
      if (text->response.retry_after)
        delay = std::max<std::chrono::milliseconds>(delay, *text->response.retry_after);
      if (!is_transient_status(text->response.status)) return std::unexpected(error);
    } else {
      error = text.error();
      if (!is_transient(error)) return std::unexpected(error);
    }
    if (tries >= options.retries) return std::unexpected(error);
    PT_TRY_VOID(check_delay(delay, error));
    meter.note(fmt::format("{}; trying again in {:.1f} s", error.message,
                           static_cast<double>(delay.count()) / 1000));
    PT_TRY_VOID(wait_before_retry(delay, options.stop));
  }
}

}  // namespace pingti
