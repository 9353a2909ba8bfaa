#include "jinja/repr.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>

#include "jinja/callable.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

class Printer {
 public:
  explicit Printer(const Maker& make) : make_(make) {}
  std::string take() { return std::move(out_); }

  void repr(const Value& value) {
    make_.meter()->step();
    if (++depth_ > 2 * kMaxNesting) throw_limit("values are nested too deep to print");
    print(value);
    make_.meter()->expect_bytes(out_.size());
    --depth_;
  }

 private:
  void print(const Value& value) {
    switch (value.kind()) {
      case Kind::kUndefined:
        out_ += "Undefined";
        return;
      case Kind::kNone:
        out_ += "None";
        return;
      case Kind::kBool:
        out_ += value.as_bool() ? "True" : "False";
        return;
      case Kind::kInt:
        out_ += std::to_string(value.as_int());
        return;
      case Kind::kFloat:
        out_ += float_text(value.as_double());
        return;
      case Kind::kString:
        make_.meter()->touch_bytes(value.text().size());
        out_ += value.is_markup() ? "Markup(" + quote(value.text()) + ")" : quote(value.text());
        return;
      case Kind::kList:
        list("[", value.items(), "]");
        return;
      case Kind::kTuple:
        list("(", value.items(), value.items().size() == 1 ? ",)" : ")");
        return;
      case Kind::kDict:
        entries(value.dict().entries);
        return;
      case Kind::kNamespace:
        out_ += "<Namespace ";
        entries(value.object<NamespaceObject>()->entries);
        out_ += ">";
        return;
      case Kind::kDictView:
        view(*value.object<DictViewObject>());
        return;
      case Kind::kRange:
        range(*value.object<RangeObject>());
        return;
      case Kind::kIterator:
        out_ += "<" + value.object<IteratorObject>()->type_name + " object>";
        return;
      case Kind::kCallable:
        out_ += "<" + value.object<Callable>()->description() + ">";
        return;
      case Kind::kObject:
        out_ += "<object>";
        return;
    }
  }

  void list(std::string_view open, const Values& items, std::string_view close) {
    out_ += open;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ", ";
      repr(items[i]);
    }
    out_ += close;
  }

  void entries(const std::vector<DictEntry>& all) {
    out_ += '{';
    for (size_t i = 0; i < all.size(); ++i) {
      if (i > 0) out_ += ", ";
      repr(all[i].key);
      out_ += ": ";
      repr(all[i].value);
    }
    out_ += '}';
  }

  void view(const DictViewObject& view) {
    static constexpr std::string_view kNames[] = {"dict_keys([", "dict_values([", "dict_items(["};
    out_ += kNames[static_cast<size_t>(view.part)];
    const auto& all = view.dict.dict().entries;
    for (size_t i = 0; i < all.size(); ++i) {
      if (i > 0) out_ += ", ";
      if (view.part == DictViewObject::Part::kItems) out_ += '(';
      if (view.part != DictViewObject::Part::kValues) repr(all[i].key);
      if (view.part == DictViewObject::Part::kItems) out_ += ", ";
      if (view.part != DictViewObject::Part::kKeys) repr(all[i].value);
      if (view.part == DictViewObject::Part::kItems) out_ += ')';
    }
    out_ += "])";
  }

  void range(const RangeObject& range) {
    out_ += range.step == 1 ? fmt::format("range({}, {})", range.start, range.stop)
                            : fmt::format("range({}, {}, {})", range.start, range.stop, range.step);
  }

  const Maker& make_;
  std::string out_;
  int depth_ = 0;
};

}  // namespace

std::string float_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[40];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific);
  std::string_view shortest(buffer, static_cast<size_t>(end - buffer));
  const size_t e = shortest.find('e');
  const int exponent = std::atoi(std::string(shortest.substr(e + 1)).c_str());
  if (exponent < -4 || exponent >= 16) {
    return fmt::format("{}e{}{:02}", shortest.substr(0, e), exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  auto fixed = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string quote(std::string_view text) {
  const bool single = text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
  const char mark = single ? '\'' : '"';
  std::string out(1, mark);
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    const int32_t c = point.value;
    if (c == mark || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0) {
      out += fmt::format("\\udc{:02x}", static_cast<unsigned char>(text[at]));
    } else if (is_printable(c)) {
      out += text.substr(at, point.size);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += c < 0x10000 ? fmt::format("\\u{:04x}", c) : fmt::format("\\U{:08x}", c);
    }
    at += point.size;
  }
  return out + mark;
}

std::string to_repr(const Value& value, const Maker& make) {
  Printer printer(make);
  printer.repr(value);
  return printer.take();
}

std::string to_text(const Value& value, const Maker& make) {
  if (value.is_string()) {
    make.meter()->touch_bytes(value.text().size());
    return value.text();
  }
  if (value.is_undefined()) return {};
  return to_repr(value, make);
}

}  // namespace pingti::jinja
