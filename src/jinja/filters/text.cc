// Filters from text to text.
#include <fmt/core.h>

#include <algorithm>

#include "jinja/attributes.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

// What soft_str gives, with its markup kept.
Value derived(Interpreter& interpreter, const Value& input, std::string text) {
  return interpreter.make().string(std::move(text), input.is_markup());
}

Value capitalize_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("capitalize", arguments, {});
  return derived(interpreter, input, capitalize(to_text(input, interpreter.make())));
}

Value lower(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("lower", arguments, {});
  return derived(interpreter, input, to_lower(to_text(input, interpreter.make())));
}

Value upper(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("upper", arguments, {});
  return derived(interpreter, input, to_upper(to_text(input, interpreter.make())));
}

Value string(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("string", arguments, {});
  return input.is_string() ? input : interpreter.make().string(to_text(input, interpreter.make()));
}

// Words here also begin after - ( { [ <.
Value title(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("title", arguments, {});
  const std::string text = to_text(input, interpreter.make());
  interpreter.meter().expect_bytes(text.size() * sizeof(std::string_view));
  std::string out, word;
  auto flush = [&] {
    if (word.empty()) return;
    const size_t first = decode_at(word, 0).size;
    out += to_upper(std::string_view(word).substr(0, first)) + to_lower(std::string_view(word).substr(first));
    word.clear();
  };
  for (std::string_view character : characters(text)) {
    const int32_t c = decode_at(character, 0).value;
    if (is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<') {
      flush();
      out += character;
    } else {
      word += character;
    }
  }
  flush();
  return derived(interpreter, input, std::move(out));
}

Value trim(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("trim", arguments, {"chars"});
  const std::string text = to_text(input, interpreter.make());
  if (!take.given(0) || take.required(0).is_none())
    return derived(interpreter, input, std::string(strip_space(text)));
  return derived(interpreter, input, std::string(strip_any(text, take.text(0, ""), Side::kBoth)));
}

Value replace_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("replace", arguments, {"old", "new", "count"});
  const Maker& make = interpreter.make();
  const int64_t limit = take.given(2) && !take.required(2).is_none() ? take.integer(2, -1) : -1;
  return make.string(replace_within(to_text(input, make), to_text(take.required(0), make),
                                    to_text(take.required(1), make), limit, make));
}

Value format_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Maker& make = interpreter.make();
  if (!arguments.keyword.empty() && !arguments.positional.empty()) {
    throw_runtime("can't handle positional and keyword arguments at the same time");
  }
  Value values = make.tuple(arguments.positional);
  if (!arguments.keyword.empty()) {
    std::vector<DictEntry> entries;
    for (const auto& [name, value] : arguments.keyword) entries.push_back({make.string(name), value});
    values = make.dict(std::move(entries));
  }
  return make.string(format_percent(to_text(input, make), values, make));
}

Value safe(Interpreter& interpreter, const Value& input, const Arguments&) {
  return interpreter.make().string(to_text(input, interpreter.make()), true);
}

Value escape(Interpreter& interpreter, const Value& input, const Arguments&) {
  if (input.is_markup()) return input;
  return interpreter.make().string(escape_html(to_text(input, interpreter.make())), true);
}

Value force_escape(Interpreter& interpreter, const Value& input, const Arguments&) {
  return interpreter.make().string(escape_html(to_text(input, interpreter.make())), true);
}

Value word_count(Interpreter& interpreter, const Value& input, const Arguments&) {
  const std::string text = to_text(input, interpreter.make());
  int64_t count = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    const bool word = is_word(point.value);
    count += word && !in_word;
    in_word = word;
    at += point.size;
  }
  return Value::integer(count);
}

std::string percent_encode(std::string_view text, bool query) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        std::isalnum(byte) ? byte < 0x80 : std::string_view("_.-~").find(c) != std::string_view::npos;
    if (plain || (!query && c == '/')) {
      out += c;
    } else if (query && c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

Value url_encode(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("urlencode", arguments, {});
  const Maker& make = interpreter.make();
  if (input.is_string() || !is_iterable(input))
    return make.string(percent_encode(to_text(input, make), false));
  const Value pairs = input.is(Kind::kDict) ? make.dict_view(input, DictViewObject::Part::kItems) : input;
  std::string out;
  for (const Value& pair : items_of(pairs, make)) {
    const Values both = items_of(pair, make);
    if (both.size() != 2) throw_runtime("urlencode wants pairs");
    if (!out.empty()) out += '&';
    out += percent_encode(to_text(both[0], make), true) + "=" + percent_encode(to_text(both[1], make), true);
    make.meter()->expect_bytes(out.size());
  }
  return make.string(std::move(out));
}

Value xml_attributes(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("xmlattr", arguments, {"autospace"});
  const Maker& make = interpreter.make();
  if (input.is_undefined()) throw_undefined(input);
  if (!input.is(Kind::kDict)) throw_runtime("xmlattr wants a dict");
  std::string out;
  for (const DictEntry& entry : input.dict().entries) {
    if (entry.value.is_none() || entry.value.is_undefined()) continue;
    if (!entry.key.is_string()) throw_runtime("expected string or bytes-like object");
    if (entry.key.text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      throw_runtime(fmt::format("Invalid character in attribute name: {}", quote(entry.key.text())));
    }
    if (!out.empty()) out += ' ';
    const std::string value = to_text(entry.value, make);
    out +=
        escape_html(entry.key.text()) + "=\"" + (entry.value.is_markup() ? value : escape_html(value)) + "\"";
    make.meter()->expect_bytes(out.size());
  }
  if (take.flag(0, true) && !out.empty()) out.insert(0, 1, ' ');
  return make.string(std::move(out));
}

constexpr FilterRow kRows[] = {
    {"capitalize", capitalize_filter},
    {"lower", lower},
    {"upper", upper},
    {"string", string},
    {"title", title},
    {"trim", trim},
    {"replace", replace_filter},
    {"format", format_filter},
    {"safe", safe},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"wordcount", word_count},
    {"urlencode", url_encode},
    {"xmlattr", xml_attributes},
};

}  // namespace

std::span<const FilterRow> text_filters() { return kRows; }

}  // namespace pingti::jinja
