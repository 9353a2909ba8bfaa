// Any bytes as a kept tuning. Checked: what is accepted is within its limits and survives being written.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "kernels/tuning.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pingti;
  const std::string key = "key";
  const auto tuning = parse_tuning({reinterpret_cast<const char*>(data), size}, key);
  if (!tuning) return 0;
  Tuning copy = *tuning;
  for (const TuningField& field : fields_of(copy)) {
    PT_CHECK(*field.value >= field.least && *field.value <= field.most);
  }
  const auto again = parse_tuning(to_text(key, copy), key);
  PT_CHECK(again.has_value() && to_text(key, *again) == to_text(key, copy));
  return 0;
}
