// Brings a model to this machine and says where it lies: the interface for commands and server.
//
// Whatever is already there and whole is not fetched again. Files are checked against the sha256 the
// catalogue or the hub states, appear under their name only when whole, and may be pulled by several
// threads and processes at once (a lock per file makes the later ones wait and then find it).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/catalogue.h"
#include "hub/model_folder.h"
#include "hub/progress.h"
#include "hub/reference.h"

namespace pingti {

struct PullOptions {
  std::filesystem::path folder = default_models_folder();
  bool verify = false;                     // read files that are there again, whatever their stamp says
  int retries = 5;                         // tries after the first that bring no progress
  std::chrono::seconds stall_timeout{30};  // under 1 KiB/s for this long: the connection is given up
  std::stop_token stop{};  // ends the pull with kCancelled; what arrived stays for the next one
};

struct PulledModel {
  std::filesystem::path path;                // the file to load: of a split model its first part
  std::vector<std::filesystem::path> files;  // all parts
  uint64_t bytes = 0;                        // of all parts
  bool fetched = false;                      // false: everything was already there
};

// Blocks until the model is there. Threads may pull different models, or the same one, at once.
Result<PulledModel> pull(const Reference& reference, const PullOptions& options, ProgressSink& sink);

// Where a model lies on this machine, without any network: an existing path, or a pulled model. The error
// for one that is not there ("hub.not_pulled") says how to pull it.
Result<std::filesystem::path> resolve_model(std::string_view reference,
                                            const std::filesystem::path& folder = default_models_folder());

// The files of a catalogue quant in `folder`, or none where it is not there whole.
std::vector<std::filesystem::path> local_files(const ModelQuant& quant, const std::filesystem::path& folder);

}  // namespace pingti
