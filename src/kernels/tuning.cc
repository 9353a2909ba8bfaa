#include "kernels/tuning.h"

#include <algorithm>
#include <charconv>

namespace pingti {
namespace {

constexpr const char* kPackedNames[kPackedFormats] = {
#define PT_PACKED(name, bits, sub_block, super, min, offset) #name,
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
};

std::unexpected<Error> bad_tuning(std::string what) {
  return fail(ErrorKind::kInvalid, "kernels.tuning", std::move(what));
}

// Takes the text up to `end` (or all of it) off the front.
std::string_view take(std::string_view& text, char end) {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

}  // namespace

std::vector<TuningField> fields_of(Tuning& tuning) {
  constexpr int64_t kKi = 1 << 10, kMi = 1 << 20;
  LinearTuning& linear = tuning.linear;
  std::vector<TuningField> fields = {
      {"stream_columns", &linear.stream_columns, 1, 4096},
      {"group_bytes", &linear.group_bytes, 1, 64 * kMi},
      {"wide_bytes", &linear.wide_bytes, 1, 16 * kMi},
      {"piece_bytes", &tuning.piece_bytes, kKi, 64 * kMi},
      {"parallel_values", &tuning.parallel_values, 1, int64_t{1} << 30},
      {"attention_rows", &tuning.attention_rows, 1, 1024},
  };
  for (int i = 0; i < kPackedFormats; ++i) {
    fields.push_back(
        {std::string("direct_columns.") + kPackedNames[i], &linear.direct_columns[i], 0, int64_t{1} << 30});
  }
  return fields;
}

Tuning derive_tuning(const CacheSizes& caches) {
  const int64_t l2 = std::clamp<int64_t>(caches.l2, 128 << 10, 4 << 20);
  Tuning tuning;
  tuning.linear.group_bytes = l2 * 3 / 16;
  tuning.linear.wide_bytes = l2 * 5 / 8;
  tuning.piece_bytes = l2 * 5 / 16;
  // A row's scores over a block of keys are a KiB; with what they become, a sixteenth of the cache.
  tuning.attention_rows = std::clamp<int64_t>(l2 * 3 / 64 >> 10, 12, 96);
  return tuning;
}

std::string to_text(const std::string& key, Tuning tuning) {
  std::string text = key + "\n";
  for (const TuningField& field : fields_of(tuning)) {
    text += field.name + " " + std::to_string(*field.value) + "\n";
  }
  return text;
}

Result<Tuning> parse_tuning(std::string_view text, const std::string& key) {
  if (take(text, '\n') != key) return bad_tuning("the tuning is of another machine or version");
  Tuning tuning;
  std::vector<TuningField> missing = fields_of(tuning);
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view name = take(line, ' ');
    const auto field = std::ranges::find(missing, name, &TuningField::name);
    if (field == missing.end()) return bad_tuning("unknown or repeated: " + std::string(name));
    const auto [end, failed] = std::from_chars(line.data(), line.data() + line.size(), *field->value);
    if (failed != std::errc{} || end != line.data() + line.size() || *field->value < field->least ||
        *field->value > field->most) {
      return bad_tuning(field->name + " is \"" + std::string(line) + "\", expected " +
                        std::to_string(field->least) + " to " + std::to_string(field->most));
    }
    missing.erase(field);
  }
  if (!missing.empty()) return bad_tuning(missing.front().name + " is missing");
  return tuning;
}

}  // namespace pingti
