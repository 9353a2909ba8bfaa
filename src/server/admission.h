// Who may wait, and for how long it makes sense.
//
// A place is reserved before a prompt is rendered and tokenized, its size guessed from the body's bytes, and
// corrected once the tokens are known: a burst is refused before it has cost anything. What is refused gets
// 503 with a Retry-After computed from the backlog:
//   "queue_full"        too many answers wait in the request's lane, or in all
//   "overloaded"        the predicted time to the first token exceeds the server's limit
//   "deadline_too_near" it exceeds what the request allows
// Limits of an API key (429) are no part of this: they are to be checked before a place is asked for.
//
// One Admission per engine; places keep it alive. Thread-safe. The engine is never called with the lock held.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "server/metrics.h"
#include "wire/api_error.h"

namespace pingti {

struct AdmissionLimits {
  int64_t max_queue = 256;      // choices waiting, all lanes together
  double max_wait_seconds = 0;  // predicted time to the first token; 0: no limit
};

// What a request asks of its serving, beside what it asks of the model.
struct Terms {
  using Clock = std::chrono::steady_clock;
  int priority = 0;
  std::string tenant;
  std::optional<Clock::time_point> deadline;
};

struct Ask {
  size_t bytes = 0;  // of the body
  int64_t prompts = 1;
  int choices = 1;  // of each prompt
  int64_t max_tokens = -1;
  bool bulk = false;  // nothing is generated: all its prompts count as one against a queue
  Terms terms;
};

class Admission;

// The place of one HTTP request and all its choices, given back choice by choice and, what is left, at the
// end.
class Place {
 public:
  Place(const Place&) = delete;
  ~Place();

  // The prompts are known now: sets lane and terms of each request and moves the place to these lanes.
  // Refused as reserve() does, when the guess was too low.
  std::optional<wire::ApiError> correct(std::vector<GenerationRequest>* requests);
  // Request i is the engine's now.
  void submitted(size_t i);
  // One of request i's choices has ended.
  void finished(size_t i);

 private:
  friend class Admission;
  struct Part {  // of one prompt
    size_t lane = 0;
    int64_t open_choices = 0;
    int64_t unseen_tokens = 0;  // of the prompt, until the engine has it
  };
  Place(std::shared_ptr<Admission> admission, Ask ask) : admission_(std::move(admission)), ask_(ask) {}

  std::shared_ptr<Admission> admission_;
  Ask ask_;
  std::vector<Part> parts_;  // guarded by the admission's mutex
};

class Admission : public std::enable_shared_from_this<Admission> {
 public:
  // engine and metrics outlive it.
  Admission(Engine& engine, Metrics& metrics, AdmissionLimits limits);

  wire::ApiResult<std::unique_ptr<Place>> reserve(const Ask& ask);

  // Choices reserved or submitted that are not in the batch yet.
  int64_t waiting() const;
  // How long a request took, from its arrival to its end.
  void answered(double seconds);
  // The answer to a request that the engine found no place for after all.
  wire::ApiError engine_queue_full(const std::string& message);

 private:
  friend class Place;
  struct Wanted {
    size_t lane = 0;
    int64_t choices = 0;
    int64_t tokens = 0;
    double first_token_seconds = 0;
  };

  Wanted wanted(const Work& work, int64_t tokens_ahead) const;
  // Counts them into the lanes, in place of what the place holds, if all fit.
  std::optional<wire::ApiError> move_to(Place& place, const std::vector<Wanted>& wanted,
                                        const EngineStats& stats);
  std::optional<wire::ApiError> too_late(const Terms& terms, double first_token_seconds);
  wire::ApiError queue_full(std::string message, double wait_seconds);
  double seconds_until_free(int64_t waiting, int64_t excess, int64_t running,
                            double first_token_seconds) const;

  Engine& engine_;
  Metrics& metrics_;
  AdmissionLimits limits_;
  std::vector<LaneInfo> lanes_;

  mutable std::mutex mutex_;
  std::vector<int64_t> open_;   // [lane] choices reserved or submitted, and not finished
  int64_t unseen_tokens_ = 0;   // of prompts the engine does not have yet
  double bytes_per_token_ = 4;  // of bodies, decayed mean
  double mean_seconds_ = 1;     // of recent requests
};

}  // namespace pingti
