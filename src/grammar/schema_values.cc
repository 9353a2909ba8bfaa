// Strings, numbers and enumerated values.
#include <cmath>

#include "grammar/regex.h"
#include "grammar/schema_keywords.h"
#include "grammar/schema_preparer.h"
#include "grammar/string_format.h"

namespace pingti {
namespace {

// Formats of numbers in OpenAPI: they forbid nothing that the other keywords allow.
const KeywordNames kNumberFormats = {"int32", "int64", "float", "double"};
// No é, at the end of a pattern: a character beyond ASCII makes the library expand the pattern as a grammar.
// Its automata for patterns in JSON strings take more than they should ("(ab+)?c" takes "bc"), and malformed
// UTF-8.
constexpr std::string_view kByGrammar = "(?:\xC3\xA9){0}";
// XGrammar's bounds.
constexpr double kMostMultiple = 1024;
constexpr double kMostMultipleRange = 10000;
constexpr double kMostNumber = 1e15;

}  // namespace

bool SchemaPreparer::is_number_format(const Json& format) {
  return format.is_string() && contains(kNumberFormats, format.get<std::string>());
}

bool SchemaPreparer::has_type(const Json& value, std::string_view type) {
  if (type == "integer") {
    if (value.is_number_float()) return std::floor(value.get<double>()) == value.get<double>();
    return value.is_number();
  }
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "array") return value.is_array();
  return value.is_object();
}

void SchemaPreparer::check_values(Json& schema, std::string_view deciding, const std::string& path) {
  const std::string place = join(path, deciding);
  Json& given = schema[std::string(deciding)];
  if (deciding == "enum" && (!given.is_array() || given.empty()))
    return malformed(place, "a non-empty array of values is wanted");
  Json values = deciding == "enum" ? given : Json::array({given});
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    if (!check_types(types, path)) return;
    Json kept = Json::array();
    for (const Json& value : values) {
      if (std::ranges::any_of(types,
                              [&](const Json& type) { return has_type(value, type.get<std::string>()); }))
        kept.push_back(value);
    }
    if (kept.empty()) return malformed(place, "no value is of the 'type'");
    if (deciding == "enum") given = kept;
    values = std::move(kept);
    schema.erase("type");
  }
  choices_ += values.size();
  if (choices_ > limits_.choices) return over(place, "values of 'enum'", limits_.choices);
  choice_bytes_ += values.dump().size();
  if (choice_bytes_ > limits_.choice_bytes) over(place, "bytes of 'enum' values", limits_.choice_bytes);
}

bool SchemaPreparer::check_types(const Json& types, const std::string& path) {
  if (types.empty()) malformed(join(path, "type"), "'type' names no type");
  for (const Json& type : types) {
    if (!type.is_string() || !contains(kTypes, type.get<std::string>()))
      malformed(join(path, "type"), "'type' must be one or more of the seven types of JSON Schema");
  }
  return !problem_;
}

bool SchemaPreparer::count(Json& schema, const char* name, const std::string& path, int64_t* out) {
  if (!schema.contains(name)) return false;
  Json& value = schema[name];
  const bool whole = value.is_number_float() && std::floor(value.get<double>()) == value.get<double>() &&
                     std::abs(value.get<double>()) < kMostNumber;
  if (whole) value = static_cast<int64_t>(value.get<double>());
  if (!value.is_number_integer() || value < 0 || value > INT32_MAX) {
    malformed(join(path, name), fmt::format("'{}' must be a whole number, not negative", name));
    return false;
  }
  *out = value.get<int64_t>();
  return true;
}

void SchemaPreparer::add_repetitions(const std::string& path, size_t more) {
  repetitions_ += more;
  if (repetitions_ > limits_.repetitions) {
    refuse(ErrorKind::kTooLarge, "grammar.limit", path,
           fmt::format("lengths, item counts and patterns of the schema add up to more than {}",
                       limits_.repetitions));
  }
}

bool SchemaPreparer::bounds(Json& schema, const char* least_name, const char* most_name,
                            const std::string& path, int64_t* least, int64_t* most) {
  const bool has_least = count(schema, least_name, path, least);
  const bool has_most = count(schema, most_name, path, most);
  if (has_least && has_most && *least > *most)
    malformed(join(path, least_name), fmt::format("'{}' is greater than '{}'", least_name, most_name));
  return has_least || has_most;
}

void SchemaPreparer::check_string(Json& schema, const std::string& path) {
  int64_t least = 0;
  int64_t most = Expression::kUnbounded;
  const bool bounded = bounds(schema, "minLength", "maxLength", path, &least, &most) &&
                       (least > 0 || most != Expression::kUnbounded);
  if (problem_) return;
  const bool has_format = schema.contains("format") && !is_number_format(schema["format"]);
  const bool has_pattern = schema.contains("pattern");
  if (bounded && (has_pattern || has_format)) {
    return unsupported(
        join(path, least > 0 ? "minLength" : "maxLength"),
        fmt::format("a length beside '{}' cannot be enforced", has_pattern ? "pattern" : "format"));
  }
  if (has_pattern && has_format)
    return unsupported(join(path, "format"), "'format' beside 'pattern' cannot be enforced");
  if (has_format) return check_format(schema, path);
  if (has_pattern) {
    if (!schema["pattern"].is_string()) return malformed(join(path, "pattern"), "'pattern' must be a string");
    return write_pattern(schema, schema["pattern"].get<std::string>(), join(path, "pattern"));
  }
  schema.erase("minLength");
  schema.erase("maxLength");
  if (!bounded) return;
  add_repetitions(join(path, most >= 0 ? "maxLength" : "minLength"),
                  static_cast<size_t>(std::max(least, most)));
  // The library's own bounded strings hold control characters and malformed UTF-8.
  const auto text = Expression::repeat(Expression::one_of(in_json_string()), static_cast<int>(least),
                                       static_cast<int>(most));
  schema["pattern"] = to_regex(text) + std::string(kByGrammar);
}

void SchemaPreparer::check_format(Json& schema, const std::string& path) {
  const std::string place = join(path, "format");
  if (!schema["format"].is_string()) return malformed(place, "'format' must be a string");
  const auto format = schema["format"].get<std::string>();
  const std::string_view pattern = pattern_of_format(format);
  if (pattern.empty())
    return unsupported(place, fmt::format("the format '{}' cannot be enforced", format.substr(0, 60)));
  schema.erase("format");
  write_pattern(schema, pattern, place);
}

void SchemaPreparer::write_pattern(Json& schema, std::string_view pattern, const std::string& place) {
  auto expression = parse_regex(pattern, limits_);
  if (!expression) {
    OutputProblem problem = std::move(expression.error());
    problem.path = place;
    if (!problem_) problem_ = std::move(problem);
    return;
  }
  const auto plain = restricted(*expression, in_json_string());
  if (!plain)
    return unsupported(
        place,
        "a pattern that only texts with quotes, backslashes or control characters match cannot "
        "be enforced");
  add_repetitions(place, expanded_size(*expression, limits_.repetitions));
  if (!problem_) schema["pattern"] = to_regex(*plain) + std::string(kByGrammar);
}

void SchemaPreparer::check_number(Json& schema, bool integer, const std::string& path) {
  double least = -INFINITY;
  double most = INFINITY;
  for (const char* name : {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
    if (!schema.contains(name)) continue;
    const Json& value = schema[name];
    if (!value.is_number()) return malformed(join(path, name), fmt::format("'{}' must be a number", name));
    const double number = value.get<double>();
    if (std::abs(number) > kMostNumber)
      return unsupported(join(path, name), "bounds of numbers are enforced from -1e15 to 1e15");
    if (integer && std::floor(number) != number)
      return unsupported(join(path, name), "the bound of an integer must be a whole number");
    const bool lower = std::string_view(name).ends_with("inimum");
    const bool exclusive = name[0] == 'e';
    const double step = integer && exclusive ? 1 : 0;
    if (lower) least = std::max(least, number + step);
    if (!lower) most = std::min(most, number - step);
    if (!integer && exclusive && least >= most)
      return malformed(join(path, name), "no number is within the bounds");
  }
  if (least > most) return malformed(path, "no number is within the bounds");
  if (schema.contains("multipleOf")) check_multiple(schema["multipleOf"], integer, least, most, path);
}

void SchemaPreparer::check_multiple(const Json& value, bool integer, double least, double most,
                                    const std::string& path) {
  const std::string place = join(path, "multipleOf");
  if (!value.is_number() || value.get<double>() <= 0) return malformed(place, "'multipleOf' must be above 0");
  const double multiple = value.get<double>();
  if (!integer) return unsupported(place, "'multipleOf' can be enforced for integers only");
  if (std::floor(multiple) != multiple || multiple > kMostMultiple)
    return unsupported(place,
                       fmt::format("'multipleOf' is enforced for whole numbers up to {}", kMostMultiple));
  const bool bounded_below = std::isfinite(least);
  const bool bounded_above = std::isfinite(most);
  if (!bounded_below && !bounded_above) return;
  if (!bounded_below || !bounded_above || most - least > kMostMultipleRange) {
    return unsupported(
        place, fmt::format("'multipleOf' beside bounds is enforced with both bounds, at most {} apart",
                           kMostMultipleRange));
  }
  if (std::floor(most / multiple) * multiple < least) malformed(place, "no multiple is within the bounds");
}

}  // namespace pingti
