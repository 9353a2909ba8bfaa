// Filters that lay text out: indent, center, truncate, striptags.
#include <algorithm>

#include "jinja/filters.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

std::string spaces(int64_t count, const Maker& make) {
  if (count <= 0) return {};
  make.meter()->expect_bytes(static_cast<size_t>(count));
  return std::string(static_cast<size_t>(count), ' ');
}

Value indent(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("indent", arguments, {"width", "first", "blank"});
  const Maker& make = interpreter.make();
  if (input.is_undefined()) throw_undefined(input);
  if (!input.is_string()) throw_runtime("indent wants text");
  const bool by_text = take.given(0) && take.required(0).is_string();
  const std::string indention = by_text ? take.text(0, "") : spaces(take.integer(0, 4), make);
  const std::string text = input.text() + "\n";
  const auto lines = split_lines(text);
  make.meter()->expect_bytes(text.size());
  if (!indention.empty() && lines.size() > SIZE_MAX / 2 / indention.size())
    throw_limit("the indented text is too long");
  make.meter()->expect_bytes(lines.size() * indention.size());
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    const bool indented = i == 0 ? take.flag(1, false) : take.flag(2, false) || !lines[i].empty();
    if (indented) out += indention;
    out += lines[i];
  }
  return make.string(std::move(out), input.is_markup());
}

Value center(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("center", arguments, {"width"});
  const Maker& make = interpreter.make();
  const std::string text = to_text(input, make);
  const int64_t width = take.integer(0, 80);
  const auto length = static_cast<int64_t>(count_code_points(text));
  if (width <= length) return make.string(text, input.is_markup());
  const int64_t missing = width - length;
  const int64_t left = missing / 2 + (missing & width & 1);
  return make.string(spaces(left, make) + text + spaces(missing - left, make), input.is_markup());
}

Value truncate(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const Maker& make = interpreter.make();
  const int64_t length = take.integer(0, 255);
  const std::string end = take.text(2, "...");
  const int64_t leeway = take.given(3) && !take.required(3).is_none() ? take.integer(3, 5) : 5;
  const auto end_size = static_cast<int64_t>(count_code_points(end));
  if (length < end_size || leeway < 0)
    throw_runtime("truncate: length must hold the end mark, leeway be positive");
  if (length_of(input) - leeway <= length) return input;
  if (!input.is_string()) throw_runtime("truncate wants text");
  const std::string kept =
      input.text().substr(0, offset_of(input.text(), static_cast<size_t>(length - end_size)));
  const size_t space = take.flag(1, false) ? std::string::npos : kept.rfind(' ');
  return make.string(kept.substr(0, space) + end);
}

// Tags and comments away, runs of white space to one space.
Value strip_tags(Interpreter& interpreter, const Value& input, const Arguments&) {
  const Maker& make = interpreter.make();
  std::string text = to_text(input, make);
  for (const auto& [open, close] :
       {std::pair<std::string_view, std::string_view>{"<!--", "-->"}, {"<", ">"}}) {
    std::string out;
    size_t at = 0;
    while (true) {
      const size_t begin = text.find(open, at);
      const size_t end = begin == std::string::npos ? begin : text.find(close, begin);
      if (end == std::string::npos) break;
      out += text.substr(at, begin - at);
      at = end + close.size();
    }
    text = out.append(text, at);
  }
  std::string out;
  for (std::string_view word : split_space(text, -1)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  static constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&#34;", "\""}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : kEntities) out = replace(out, entity, character, -1);
  return make.string(std::move(out));
}

constexpr FilterRow kRows[] = {
    {"indent", indent},
    {"center", center},
    {"truncate", truncate},
    {"striptags", strip_tags},
};

}  // namespace

std::span<const FilterRow> layout_filters() { return kRows; }

}  // namespace pingti::jinja
