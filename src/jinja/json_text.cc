#include "jinja/json_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "jinja/merge_sort.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

class Writer {
 public:
  Writer(const JsonStyle& style, const Maker& make) : style_(style), make_(make) {}
  std::string take() { return std::move(out_); }

  void write(const Value& value) {
    make_.meter()->step();
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        break;
      case Kind::kBool:
        out_ += value.as_bool() ? "true" : "false";
        break;
      case Kind::kInt:
        out_ += std::to_string(value.as_int());
        break;
      case Kind::kFloat:
        out_ += number(value.as_double());
        break;
      case Kind::kString:
        text(value.text());
        break;
      case Kind::kList:
      case Kind::kTuple:
        list(value.items());
        break;
      case Kind::kDict:
        dict(value.dict().entries);
        break;
      default:
        throw_runtime(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
    make_.meter()->expect_bytes(out_.size());
  }

 private:
  static std::string number(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
    return float_text(d);
  }

  void escaped(std::string_view bytes, int32_t c) {
    switch (c) {
      case '"':
        out_ += "\\\"";
        return;
      case '\\':
        out_ += "\\\\";
        return;
      case '\n':
        out_ += "\\n";
        return;
      case '\r':
        out_ += "\\r";
        return;
      case '\t':
        out_ += "\\t";
        return;
      case '\b':
        out_ += "\\b";
        return;
      case '\f':
        out_ += "\\f";
        return;
      default:
        break;
    }
    const bool control = c >= 0 && c < 0x20;
    if (!control && (!style_.ascii || (c >= 0 && c <= 0x7F))) {
      out_ += bytes;
    } else if (c < 0) {
      out_ += fmt::format("\\udc{:02x}", static_cast<unsigned char>(bytes[0]));
    } else if (c < 0x10000) {
      out_ += fmt::format("\\u{:04x}", c);
    } else {
      out_ +=
          fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }

  void text(std::string_view value) {
    make_.meter()->touch_bytes(value.size());
    out_ += '"';
    for (size_t at = 0; at < value.size();) {
      const CodePoint point = decode_at(value, at);
      escaped(value.substr(at, point.size), point.value);
      at += point.size;
    }
    out_ += '"';
  }

  void new_line() {
    if (!style_.indent) return;
    out_ += '\n';
    for (int i = 0; i < depth_; ++i) out_ += *style_.indent;
  }

  void list(const Values& items) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    ++depth_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      write(items[i]);
    }
    --depth_;
    new_line();
    out_ += ']';
  }

  void key(const Value& value) {
    switch (value.kind()) {
      case Kind::kString:
        text(value.text());
        return;
      case Kind::kNone:
        text("null");
        return;
      case Kind::kBool:
        text(value.as_bool() ? "true" : "false");
        return;
      case Kind::kInt:
        text(std::to_string(value.as_int()));
        return;
      case Kind::kFloat:
        text(number(value.as_double()));
        return;
      default:
        throw_runtime(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(value)));
    }
  }

  void dict(std::vector<DictEntry> entries) {
    if (entries.empty()) {
      out_ += "{}";
      return;
    }
    if (style_.sort_keys) {
      merge_sort(&entries,
                 [&](const DictEntry& a, const DictEntry& b) { return order(a.key, b.key, make_) < 0; });
    }
    out_ += '{';
    ++depth_;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      key(entries[i].key);
      out_ += style_.key_separator;
      write(entries[i].value);
    }
    --depth_;
    new_line();
    out_ += '}';
  }

  const JsonStyle& style_;
  const Maker& make_;
  std::string out_;
  int depth_ = 0;
};

Value read(const nlohmann::ordered_json& json, const Maker& make, int depth) {
  if (depth > kMaxNesting) throw_limit("the variables are nested too deep");
  using Type = nlohmann::ordered_json::value_t;
  switch (json.type()) {
    case Type::null:
      return Value::none();
    case Type::boolean:
      return Value::boolean(json.get<bool>());
    case Type::number_integer:
      return Value::integer(json.get<int64_t>());
    case Type::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > static_cast<uint64_t>(INT64_MAX)) throw_limit("an integer does not fit 64 bits");
      return Value::integer(static_cast<int64_t>(number));
    }
    case Type::number_float:
      return Value::real(json.get<double>());
    case Type::string:
      return make.string(json.get_ref<const std::string&>());
    case Type::array: {
      Values items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(read(item, make, depth + 1));
      return make.list(std::move(items));
    }
    case Type::object: {
      std::vector<DictEntry> entries;
      entries.reserve(json.size());
      for (const auto& [name, item] : json.items()) {
        entries.push_back({make.string(name), read(item, make, depth + 1)});
      }
      return make.dict(std::move(entries));
    }
    default:
      throw_runtime("the variables hold binary data");
  }
}

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style, const Maker& make) {
  Writer writer(style, make);
  writer.write(value);
  return writer.take();
}

Value from_json(const nlohmann::ordered_json& json, const Maker& make) { return read(json, make, 0); }

}  // namespace pingti::jinja
