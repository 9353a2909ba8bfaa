// What `pingti inspect` finds out about a model file and says about it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gguf/gguf.h"
#include "gguf/summary.h"

namespace pingti {

struct InspectReport {
  std::string path;
  gguf::File file;
  gguf::Summary summary;
  std::string unsupported;  // why the model does not run here; empty: it runs
  int64_t missing_tensors;  // whose data the file lacks

  // Estimates for this machine.
  int64_t context;                  // tokens the KV cache is counted for
  std::optional<int64_t> kv_bytes;  // f16 pages; empty: the file lacks the facts
  uint64_t available_bytes;
  int cpus;
  double read_bandwidth = 0;  // bytes per second, all CPUs; 0: not measured
  double decode_speed() const {
    return summary.decode_bytes > 0 ? read_bandwidth / static_cast<double>(summary.decode_bytes) : 0;
  }
};

// Reads the file's header; its tensor data may be missing. Measures nothing.
Result<InspectReport> make_report(const std::string& path, int64_t context);

// `tensors`: with the tensor table.
nlohmann::json to_json(const InspectReport& report, bool tensors);
std::string to_text(const InspectReport& report, bool tensors);

// Text of a file made safe for a terminal: control characters and bytes that are no UTF-8 as \xNN, cut to
// about `limit` bytes.
std::string printable(std::string_view text, size_t limit);

}  // namespace pingti
