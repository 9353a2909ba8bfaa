#include "server/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace pingti {
namespace {

constexpr double kLongestRetryAfter = 300;

int retry_after(double seconds) {
  return static_cast<int>(std::ceil(std::clamp(seconds, 1.0, kLongestRetryAfter)));
}

int64_t running_in(const EngineStats& stats, size_t lane) {
  return lane < stats.lanes.size() ? stats.lanes[lane].running : stats.running;
}

}  // namespace

Place::~Place() {
  const std::lock_guard lock(admission_->mutex_);
  for (const Part& part : parts_) {
    admission_->open_[part.lane] -= part.open_choices;
    admission_->unseen_tokens_ -= part.unseen_tokens;
  }
}

std::optional<wire::ApiError> Place::correct(std::vector<GenerationRequest>* requests) {
  Admission& admission = *admission_;
  int64_t tokens = 0;
  for (const GenerationRequest& request : *requests) tokens += static_cast<int64_t>(request.prompt.size());
  int64_t ahead = 0;
  {
    const std::lock_guard lock(admission.mutex_);
    ahead = admission.unseen_tokens_;
    for (const Part& part : parts_) ahead -= part.unseen_tokens;
    if (ask_.bytes > 0 && tokens > 0) {
      const double each = static_cast<double>(ask_.bytes) / static_cast<double>(tokens);
      admission.bytes_per_token_ = 0.95 * admission.bytes_per_token_ + 0.05 * std::clamp(each, 0.25, 64.0);
    }
  }
  std::vector<Admission::Wanted> wanted;
  double first_token_seconds = 0;
  for (GenerationRequest& request : *requests) {
    request.priority = ask_.terms.priority;
    request.tenant = ask_.terms.tenant;
    request.deadline = ask_.terms.deadline;
    wanted.push_back(admission.wanted({.prompt_tokens = static_cast<int64_t>(request.prompt.size()),
                                       .max_tokens = request.max_tokens,
                                       .choices = request.choices,
                                       .priority = request.priority,
                                       .tenant = request.tenant},
                                      ahead));
    ahead += wanted.back().tokens;
    request.lane = static_cast<int>(wanted.back().lane);
    first_token_seconds = std::max(first_token_seconds, wanted.back().first_token_seconds);
  }
  if (auto error = admission.too_late(ask_.terms, first_token_seconds)) return error;
  return admission.move_to(*this, wanted, admission.engine_.stats());
}

void Place::submitted(size_t i) {
  const std::lock_guard lock(admission_->mutex_);
  admission_->unseen_tokens_ -= std::exchange(parts_[i].unseen_tokens, 0);
}

void Place::finished(size_t i) {
  const std::lock_guard lock(admission_->mutex_);
  --parts_[i].open_choices;
  --admission_->open_[parts_[i].lane];
}

Admission::Admission(Engine& engine, Metrics& metrics, AdmissionLimits limits)
    : engine_(engine), metrics_(metrics), limits_(limits), lanes_(engine.info().lanes) {
  if (lanes_.empty()) lanes_.push_back({.name = "all", .queue = limits.max_queue});
  open_.resize(lanes_.size(), 0);
}

Admission::Wanted Admission::wanted(const Work& work, int64_t tokens_ahead) const {
  const Forecast forecast = engine_.forecast(work, tokens_ahead);
  return {.lane = std::min(static_cast<size_t>(forecast.lane), lanes_.size() - 1),
          .choices = work.choices,
          .tokens = work.prompt_tokens,
          .first_token_seconds = forecast.first_token_seconds};
}

wire::ApiResult<std::unique_ptr<Place>> Admission::reserve(const Ask& ask) {
  int64_t tokens = 0;
  int64_t ahead = 0;
  {
    const std::lock_guard lock(mutex_);
    tokens = static_cast<int64_t>(static_cast<double>(ask.bytes) / bytes_per_token_);
    ahead = unseen_tokens_;
  }
  std::vector<Wanted> parts;
  const Wanted each = wanted({.prompt_tokens = std::max<int64_t>(1, tokens / ask.prompts),
                              .max_tokens = ask.max_tokens,
                              .choices = ask.choices,
                              .priority = ask.terms.priority,
                              .tenant = ask.terms.tenant},
                             ahead);
  parts.assign(static_cast<size_t>(ask.prompts), each);
  if (auto error = too_late(ask.terms, each.first_token_seconds)) return std::unexpected(std::move(*error));
  std::unique_ptr<Place> place(new Place(shared_from_this(), ask));
  if (auto error = move_to(*place, parts, engine_.stats())) return std::unexpected(std::move(*error));
  return place;
}

std::optional<wire::ApiError> Admission::move_to(Place& place, const std::vector<Wanted>& wanted,
                                                 const EngineStats& stats) {
  std::vector<int64_t> wants(lanes_.size(), 0);
  double wait = 0;
  for (const Wanted& part : wanted) {
    wants[part.lane] += part.choices;
    wait = std::max(wait, part.first_token_seconds);
  }
  if (place.ask_.bulk)
    std::ranges::transform(wants, wants.begin(), [](int64_t count) { return std::min<int64_t>(count, 1); });
  const std::lock_guard lock(mutex_);
  std::vector<int64_t> open = open_;
  for (const Place::Part& part : place.parts_) open[part.lane] -= part.open_choices;
  int64_t waiting_in_all = 0;
  int64_t wanted_in_all = 0;
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    const int64_t waiting = std::max<int64_t>(0, open[lane] - running_in(stats, lane));
    const int64_t limit = std::min(lanes_[lane].queue, limits_.max_queue);
    if (wants[lane] > limit) {
      return wire::invalid_field(
          "n", fmt::format("The request asks for {} answers; the queue holds {}.", wants[lane], limit));
    }
    if (wants[lane] > 0 && open[lane] + wants[lane] - running_in(stats, lane) > limit) {
      return queue_full(
          fmt::format("The queue of lane {} is full: {} answers wait already.", lanes_[lane].name, waiting),
          seconds_until_free(waiting, waiting + wants[lane] - limit, running_in(stats, lane), wait));
    }
    waiting_in_all += waiting;
    wanted_in_all += wants[lane];
  }
  if (wanted_in_all > limits_.max_queue) {
    return wire::invalid_field("n", fmt::format("The request asks for {} answers; the queue holds {}.",
                                                wanted_in_all, limits_.max_queue));
  }
  if (waiting_in_all + wanted_in_all > limits_.max_queue) {
    return queue_full(fmt::format("The queue is full: {} answers wait already.", waiting_in_all),
                      seconds_until_free(waiting_in_all, waiting_in_all + wanted_in_all - limits_.max_queue,
                                         stats.running, wait));
  }
  open_ = std::move(open);
  for (const Place::Part& part : place.parts_) unseen_tokens_ -= part.unseen_tokens;
  place.parts_.clear();
  for (const Wanted& part : wanted) {
    open_[part.lane] += part.choices;
    unseen_tokens_ += part.tokens;
    place.parts_.push_back({.lane = part.lane, .open_choices = part.choices, .unseen_tokens = part.tokens});
  }
  return std::nullopt;
}

std::optional<wire::ApiError> Admission::too_late(const Terms& terms, double first_token_seconds) {
  if (terms.deadline) {
    const double left = std::chrono::duration<double>(*terms.deadline - Terms::Clock::now()).count();
    if (first_token_seconds > left) {
      metrics_.refused("deadline_too_near");
      return wire::unavailable("deadline_too_near",
                               fmt::format("The first token is expected in {:.1f} seconds, but the request's "
                                           "time limit leaves {:.1f}.",
                                           first_token_seconds, std::max(0.0, left)),
                               retry_after(first_token_seconds - left));
    }
  }
  if (limits_.max_wait_seconds > 0 && first_token_seconds > limits_.max_wait_seconds) {
    metrics_.refused("overloaded");
    return wire::unavailable("overloaded",
                             fmt::format("The first token is expected in {:.1f} seconds; this server takes "
                                         "requests while it is at most {:.1f}.",
                                         first_token_seconds, limits_.max_wait_seconds),
                             retry_after(first_token_seconds - limits_.max_wait_seconds));
  }
  return std::nullopt;
}

// Of those waiting, `excess` must get a place in the batch first.
double Admission::seconds_until_free(int64_t waiting, int64_t excess, int64_t running,
                                     double first_token_seconds) const {
  const auto ahead = static_cast<double>(std::max<int64_t>(1, waiting));
  if (first_token_seconds > 0) return first_token_seconds * static_cast<double>(excess) / ahead;
  return mean_seconds_ * static_cast<double>(excess) / static_cast<double>(std::max<int64_t>(1, running));
}

wire::ApiError Admission::queue_full(std::string message, double wait_seconds) {
  metrics_.refused("queue_full");
  return wire::unavailable("queue_full", std::move(message), retry_after(wait_seconds));
}

wire::ApiError Admission::engine_queue_full(const std::string& message) {
  const EngineStats stats = engine_.stats();
  const std::lock_guard lock(mutex_);
  return queue_full(message, seconds_until_free(1, 1, stats.running, 0));
}

int64_t Admission::waiting() const {
  const EngineStats stats = engine_.stats();
  const std::lock_guard lock(mutex_);
  int64_t open = 0;
  for (const int64_t lane : open_) open += lane;
  return std::max<int64_t>(0, open - stats.running);
}

void Admission::answered(double seconds) {
  const std::lock_guard lock(mutex_);
  mean_seconds_ = 0.9 * mean_seconds_ + 0.1 * seconds;
}

}  // namespace pingti
