#include "wire/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pingti::wire {
namespace {

// Walks the text once, outside strings only, before the parser allocates anything.
Result<void> check_shape(std::string_view text, const JsonLimits& limits) {
  struct Open {
    bool object;
    size_t members;
  };
  std::vector<Open> stack;
  size_t values = 1;
  size_t members = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\0') {
      return fail(ErrorKind::kInvalid, "json.syntax",
                  fmt::format("The body is not valid JSON: a NUL byte at position {}.", i));
    }
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') {
      stack.push_back({c == '{', 0});
      ++values;
      if (stack.size() > static_cast<size_t>(limits.depth)) {
        return fail(ErrorKind::kInvalid, "json.limit",
                    fmt::format("The JSON body is nested deeper than {} levels.", limits.depth));
      }
    } else if ((c == '}' || c == ']') && !stack.empty()) {
      stack.pop_back();
    } else if (c == ',') {
      ++values;
    } else if (c == ':' && !stack.empty()) {
      ++members;
      if (++stack.back().members > limits.object_members || members > limits.total_members) {
        return fail(ErrorKind::kInvalid, "json.limit",
                    fmt::format("The JSON body has more than {} members in one object or {} in all.",
                                limits.object_members, limits.total_members));
      }
    }
    if (values > limits.values) {
      return fail(ErrorKind::kInvalid, "json.limit",
                  fmt::format("The JSON body holds more than {} values.", limits.values));
    }
  }
  return {};
}

std::string place(std::string_view text, size_t position) {
  position = std::min(position, text.size());
  size_t before = position > 0 ? position - 1 : 0;
  auto line = 1 + std::ranges::count(text.substr(0, before), '\n');
  size_t start = text.substr(0, before).rfind('\n');
  size_t column = start == std::string_view::npos ? before + 1 : before - start;
  return fmt::format("line {}, column {}", line, column);
}

std::string reason(const nlohmann::json::parse_error& error) {
  std::string_view what = error.what();
  if (what.find("UTF-8") != std::string_view::npos) return "a string is not valid UTF-8";
  if (what.find("surrogate") != std::string_view::npos) return "a \\u escape is half a surrogate pair";
  if (what.find("end of input") != std::string_view::npos &&
      what.find("unexpected end of input") != std::string_view::npos) {
    return "it ends too early";
  }
  size_t unexpected = what.find("unexpected ");
  if (unexpected != std::string_view::npos) {
    std::string_view rest = what.substr(unexpected);
    return std::string(rest.substr(0, rest.find(';')));
  }
  return "malformed value";
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  PT_TRY_VOID(check_shape(text, limits));
  if (text.starts_with("\xEF\xBB\xBF")) {
    return fail(ErrorKind::kInvalid, "json.syntax",
                "The body is not valid JSON: it begins with a byte order mark.");
  }
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return fail(ErrorKind::kInvalid, "json.syntax",
                fmt::format("The body is not valid JSON: {} at {}.", reason(error), place(text, error.byte)));
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorKind::kInvalid, "json.number",
                "The body is not valid JSON: a number is too large for a double.");
  }
}

std::string to_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string describe(const Json& value) {
  constexpr size_t kShown = 40;
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return value.empty() ? "an empty object" : "an object";
    case Json::value_t::array:
      return fmt::format("an array of {} items", value.size());
    case Json::value_t::boolean:
      return value.get<bool>() ? "the boolean true" : "the boolean false";
    case Json::value_t::string: {
      std::string text = value.get<std::string>();
      if (text.size() <= kShown) return "the string " + to_text(value);
      size_t cut = kShown;
      while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
      return "the string " + to_text(Json(text.substr(0, cut) + "…"));
    }
    default:
      return "the number " + to_text(value);
  }
}

}  // namespace pingti::wire
