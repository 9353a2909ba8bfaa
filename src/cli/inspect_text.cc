#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "cli/inspect_report.h"

namespace pingti {
namespace {

constexpr size_t kShownText = 72;
constexpr size_t kShownElements = 6;

// 98.4 MB; decimal units, as files and memory are sold.
std::string size_text(double bytes) {
  constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
  return unit == 0 ? fmt::format("{:.0f} bytes", bytes) : fmt::format("{:.3g} {}", bytes, kUnits[unit]);
}
std::string size_text(uint64_t bytes) { return size_text(static_cast<double>(bytes)); }

std::string count_text(int64_t count) {
  const auto value = static_cast<double>(count);
  if (value >= 1e9) return fmt::format("{:.2f} billion", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} million", value / 1e6);
  return fmt::format("{}", count);
}

// Length of the UTF-8 sequence at the start of `text` if it is valid and no control character; else 0.
size_t safe_sequence(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xc2 && byte(1) < 0xa0) return 0;                                          // C1 controls
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90)) return 0;    // overlong
  if ((lead == 0xed && byte(1) >= 0xa0) || (lead == 0xf4 && byte(1) >= 0x90)) return 0;  // no code point
  return length;
}

template <class T>
std::string elements_text(const gguf::File& file, std::string_view key) {
  const auto values = file.get_array<T>(key);
  if (!values) return "";
  std::string text;
  for (size_t i = 0; i < std::min(values->size(), kShownElements); ++i) {
    text += fmt::format("{}{}", i > 0 ? ", " : "", static_cast<T>((*values)[i]));
  }
  return text + (values->size() > kShownElements ? ", ..." : "");
}

std::string strings_text(const gguf::File& file, std::string_view key) {
  const auto values = file.get_strings(key);
  if (!values) return "";
  std::string text;
  for (size_t i = 0; i < std::min(values->size(), kShownElements); ++i) {
    text += fmt::format("{}\"{}\"", i > 0 ? ", " : "", printable((*values)[i], 24));
  }
  return text + (values->size() > kShownElements ? ", ..." : "");
}

std::string array_text(const gguf::File& file, std::string_view key, const gguf::Array& array) {
  std::string elements;
  switch (array.element) {
    case gguf::ValueType::kString:
      elements = strings_text(file, key);
      break;
    case gguf::ValueType::kBool:
      elements = elements_text<bool>(file, key);
      break;
    case gguf::ValueType::kFloat32:
    case gguf::ValueType::kFloat64:
      elements = elements_text<double>(file, key);
      break;
    case gguf::ValueType::kUint64:
      elements = elements_text<uint64_t>(file, key);
      break;
    default:
      elements = elements_text<int64_t>(file, key);
  }
  return fmt::format("{} x {}: [{}]", array.count, name_of(array.element), elements);
}

std::string value_text(const gguf::File& file, std::string_view key, const gguf::Value& value) {
  const auto text = [&]<class T>(const T& stored) -> std::string {
    if constexpr (std::is_same_v<T, gguf::Array>) {
      return array_text(file, key, stored);
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      return printable(stored, kShownText);
    } else {
      return fmt::format("{}", stored);
    }
  };
  return std::visit(text, value);
}

std::string facts_text(const gguf::Summary& s) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<int64_t>& fact) {
    if (fact) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, *fact);
  };
  add("layers", s.layers);
  add("hidden", s.hidden);
  add("feed-forward", s.ffn);
  add("heads", s.heads);
  add("KV heads", s.kv_heads);
  add("head size", s.head_dim);
  add("window", s.window);
  add("experts", s.experts);
  add("experts per token", s.experts_used);
  add("vocabulary", s.vocab);
  add("context", s.context);
  return text;
}

std::string head_text(const InspectReport& report) {
  const gguf::Summary& s = report.summary;
  const gguf::File& file = report.file;
  std::string out = fmt::format("{}\n", printable(s.name.empty() ? report.path : s.name, 200));
  out += fmt::format("  file          GGUF version {}, {}, {} tensors", file.version(),
                     size_text(file.file_bytes()), file.tensors().size());
  if (file.part_count() > 1) out += fmt::format(", {} parts", file.part_count());
  out += "\n";
  if (!file.complete()) {
    out += report.missing_tensors > 0
               ? fmt::format("  incomplete    the data of {} of {} tensors is missing or cut off\n",
                             report.missing_tensors, file.tensors().size())
               : std::string("  incomplete    parts of the model are missing\n");
  }
  out += fmt::format("  architecture  {}\n",
                     s.architecture.empty() ? "not stated" : printable(s.architecture, 64));
  out += fmt::format("  runs here     {}\n",
                     report.unsupported.empty() ? "yes" : "no: " + printable(report.unsupported, 300));
  out += fmt::format("  parameters    {}\n", count_text(s.parameters));
  if (const std::string facts = facts_text(s); !facts.empty())
    out += fmt::format("  sizes         {}\n", facts);
  return out;
}

std::string formats_text(const InspectReport& report) {
  std::string out = fmt::format("\n{:<8} {:>8} {:>12} {:>16} {:>8}\n", "format", "tensors", "size",
                                "bits per weight", "share");
  const auto total = static_cast<double>(std::max<uint64_t>(1, report.file.tensor_bytes()));
  for (const gguf::FormatShare& share : report.summary.formats) {
    out += fmt::format("{:<8} {:>8} {:>12} {:>16.4g} {:>6.1f} %\n", share.format->name, share.tensors,
                       size_text(static_cast<double>(share.bytes)), share.format->bits_per_value(),
                       100 * static_cast<double>(share.bytes) / total);
  }
  const auto values = static_cast<double>(std::max<int64_t>(1, report.summary.parameters));
  out += fmt::format("{:<8} {:>8} {:>12} {:>16.4g}\n", "all", report.file.tensors().size(),
                     size_text(report.file.tensor_bytes()), 8 * total / values);
  return out;
}

std::string estimate_text(const InspectReport& report) {
  const auto weights = static_cast<double>(report.file.tensor_bytes());
  std::string out = "\nestimates for this machine\n";
  if (report.kv_bytes) {
    const auto kv = static_cast<double>(*report.kv_bytes);
    out += fmt::format("  memory        {} of weights + {} of KV cache (f16, {} tokens) = {}; {} available\n",
                       size_text(weights), size_text(kv), report.context, size_text(weights + kv),
                       size_text(report.available_bytes));
  } else {
    out += fmt::format("  memory        {} of weights (the KV cache's size is not known); {} available\n",
                       size_text(weights), size_text(report.available_bytes));
  }
  if (report.decode_speed() > 0) {
    out += fmt::format(
        "  decode        about {:.3g} tokens/s: {}/s read with {} CPUs, {} of weights per token\n",
        report.decode_speed(), size_text(report.read_bandwidth), report.cpus,
        size_text(static_cast<double>(report.summary.decode_bytes)));
  }
  return out;
}

std::string metadata_text(const gguf::File& file) {
  std::string out = "\nmetadata\n";
  for (const auto& [key, value] : file.metadata()) {
    out += fmt::format("  {:<44} {:<8} {}\n", printable(key, 80), name_of(type_of(value)),
                       value_text(file, key, value));
  }
  return out;
}

std::string tensors_text(const gguf::File& file) {
  std::string out = "\ntensors\n";
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    std::string dims;
    for (int i = 0; i < tensor.dim_count; ++i) {
      dims += fmt::format("{}{}", i > 0 ? " x " : "", tensor.dims[static_cast<size_t>(i)]);
    }
    out +=
        fmt::format("  {:<44} {:<8} {:<24} {:>12}{}\n", printable(tensor.name, 80), tensor.format->name, dims,
                    size_text(static_cast<double>(tensor.byte_size())), tensor.present() ? "" : "  missing");
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "...";
    const size_t length = safe_sequence(text);
    if (length > 0) {
      out += text.substr(0, length);
    } else if (text[0] == '\n') {
      out += "\\n";
    } else {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[0]));
    }
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return out;
}

std::string to_text(const InspectReport& report, bool tensors) {
  std::string out =
      head_text(report) + formats_text(report) + estimate_text(report) + metadata_text(report.file);
  if (tensors) out += tensors_text(report.file);
  return out;
}

}  // namespace pingti
