#include "grammar/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "grammar/regex.h"
#include "grammar/string_format.h"

namespace pingti {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::vector<std::string_view>;

const Names kAnnotations = {"title",     "description",     "default",          "example",       "examples",
                            "deprecated", "readOnly",       "writeOnly",        "$comment",      "$schema",
                            "$anchor",   "contentEncoding", "contentMediaType", "contentSchema", "discriminator",
                            "$defs",     "definitions",     "$vocabulary"};
const Names kDeciding = {"$ref", "const", "enum", "anyOf", "oneOf", "allOf"};
const Names kOfString = {"minLength", "maxLength", "pattern", "format"};
const Names kOfNumber = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"};
const Names kOfArray = {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "unevaluatedItems"};
const Names kOfObject = {"properties",    "required",      "additionalProperties", "patternProperties",
                         "propertyNames", "minProperties", "maxProperties",        "unevaluatedProperties"};
const Names kTypes = {"string", "integer", "number", "boolean", "null", "array", "object"};
// Formats of numbers in OpenAPI: they forbid nothing that the other keywords allow.
const Names kNumberFormats = {"int32", "int64", "float", "double"};
// No é, at the end of a pattern: a character beyond ASCII makes the library expand the pattern as a grammar. Its
// automata for patterns in JSON strings take more than they should ("(ab+)?c" takes "bc"), and malformed UTF-8.
constexpr std::string_view kByGrammar = "(?:\xC3\xA9){0}";
// XGrammar's bounds.
constexpr double kMostMultiple = 1024;
constexpr double kMostMultipleRange = 10000;
constexpr double kMostNumber = 1e15;

bool contains(const Names& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

bool has_any(const Json& schema, const Names& names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return schema.contains(name); });
}

// What a schema needs to have an instance: all of `all`, and one of `any` unless that is empty.
struct Needs {
  std::vector<std::string> all;
  std::vector<std::string> any;
  std::vector<std::string> same_place;  // schemas the same value must satisfy
};

class SchemaPreparer {
 public:
  SchemaPreparer(Json root, const OutputLimits& limits) : root_(std::move(root)), limits_(limits) {}

  OutputResult<PreparedSchema> run() {
    check(root_, "#", "", 0);
    // Targets of references are looked at after what refers to them; they may refer to more.
    while (!problem_ && !targets_.empty()) {
      const auto [pointer, path] = targets_.back();
      targets_.pop_back();
      if (needs_.contains(pointer)) continue;
      if (Json* target = resolve(pointer)) check(*target, pointer, path, 0);
    }
    if (!problem_) check_loops();
    if (!problem_) check_instances();
    if (problem_) return std::unexpected(std::move(*problem_));
    return PreparedSchema{root_.dump(), first_oneof_};
  }

 private:
  void refuse(ErrorKind kind, const char* code, const std::string& path, std::string message) {
    if (!problem_) problem_ = output_problem(kind, code, std::move(message), path).error();
  }
  void malformed(const std::string& path, std::string message) {
    refuse(ErrorKind::kInvalid, "grammar.schema", path, std::move(message));
  }
  void unsupported(const std::string& path, std::string message) {
    refuse(ErrorKind::kUnsupported, "grammar.unsupported", path, std::move(message));
  }
  void over(const std::string& path, std::string_view what, size_t most) {
    refuse(ErrorKind::kTooLarge, "grammar.limit", path, fmt::format("the schema has more than {} {}", most, what));
  }

  static std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }

  // Steps to the schema at `pointer`, through objects only, as XGrammar does.
  Json* resolve(const std::string& pointer) {
    Json* at = &root_;
    for (size_t begin = 2; pointer.size() > 1 && begin <= pointer.size();) {
      const size_t end = std::min(pointer.find('/', begin), pointer.size());
      const std::string name = pointer.substr(begin, end - begin);
      if (!at->is_object() || !at->contains(name)) return nullptr;
      at = &(*at)[name];
      begin = end + 1;
    }
    return at;
  }

  // A schema inside another.
  void inside(Json& schema, const std::string& pointer, const std::string& path, std::string_view name, int depth) {
    check(schema, step(pointer, name), path, depth + 1);
  }

  // One pointer for one place, whatever the names.
  static std::string step(const std::string& pointer, std::string_view name) {
    std::string result = pointer + "/";
    for (const char c : name) {
      if (c == '~') {
        result += "~0";
      } else if (c == '/') {
        result += "~1";
      } else {
        result += c;
      }
    }
    return result;
  }

  void check(Json& schema, const std::string& pointer, const std::string& path, int depth) {
    if (problem_ || needs_.contains(pointer)) return;
    if (depth > limits_.depth) return over(path, "nested levels", static_cast<size_t>(limits_.depth));
    if (needs_.size() >= limits_.schemas) return over(path, "subschemas", limits_.schemas);
    Needs& needs = needs_[pointer];
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) malformed(path, "the schema 'false' allows no value");
      return;
    }
    if (!schema.is_object()) return malformed(path, "a schema must be an object or a boolean");
    check_keywords(schema, path);
    if (problem_) return;
    if (const auto* deciding = std::ranges::find_if(
            kDeciding.data(), kDeciding.data() + kDeciding.size(), [&](auto name) { return schema.contains(name); });
        deciding != kDeciding.data() + kDeciding.size()) {
      return check_deciding(schema, *deciding, pointer, path, depth, needs);
    }
    if (!schema.contains("type")) add_type(schema, path);
    if (problem_ || !schema.contains("type")) return;
    check_typed(schema, pointer, path, depth, needs);
  }

  void check_keywords(const Json& schema, const std::string& path) {
    for (const auto& [name, value] : schema.items()) {
      const bool known = name == "type" || contains(kAnnotations, name) || contains(kDeciding, name) ||
                         contains(kOfString, name) || contains(kOfNumber, name) || contains(kOfArray, name) ||
                         contains(kOfObject, name) || name.starts_with("x-") || (name == "$id" && path.empty());
      const bool harmless = (name == "uniqueItems" && value == false);
      const bool refused = name == "uniqueItems" ||
                           ((name == "unevaluatedItems" || name == "unevaluatedProperties") && value != false);
      if (!known || (refused && !harmless))
        return unsupported(join(path, name), fmt::format("the keyword '{}' cannot be enforced", name.substr(0, 60)));
    }
  }

  // $ref, const, enum and the combinations decide alone: XGrammar ignores what stands beside them.
  void check_deciding(Json& schema, std::string_view deciding, const std::string& pointer, const std::string& path,
                      int depth, Needs& needs) {
    const bool values = deciding == "const" || deciding == "enum";
    for (const auto& [name, value] : schema.items()) {
      if (name == deciding || contains(kAnnotations, name) || name.starts_with("x-") || name == "$id") continue;
      if (values && name == "type") continue;
      return unsupported(join(path, name),
                         fmt::format("the keyword '{}' beside '{}' cannot be enforced", name, deciding));
    }
    if (values) return check_values(schema, deciding, path);
    if (deciding == "$ref") return check_reference(schema["$ref"], path, needs);
    Json& cases = schema[std::string(deciding)];
    const std::string place = join(path, deciding);
    if (!cases.is_array() || cases.empty()) return malformed(place, "a non-empty array of schemas is wanted");
    if (deciding == "allOf" && cases.size() > 1)
      return unsupported(place, "'allOf' of several schemas cannot be enforced");
    const bool apart = deciding == "oneOf" && have_different_types(cases);
    if (deciding == "oneOf" && cases.size() > 1 && !apart && first_oneof_.empty()) first_oneof_ = place;
    const std::string base = fmt::format("{}/{}", pointer, deciding);
    for (size_t i = 0; i < cases.size(); ++i) {
      const std::string name = std::to_string(i);
      // `needs` stays where it is: a map.
      needs.any.push_back(base + "/" + name);
      needs.same_place.push_back(base + "/" + name);
      inside(cases[i], base, fmt::format("{}[{}]", place, i), name, depth);
    }
    if (apart) {
      Json same = std::move(cases);
      schema.erase("oneOf");
      schema["anyOf"] = std::move(same);
    }
  }

  // Then oneOf is anyOf, which the library may not see.
  static bool have_different_types(const Json& cases) {
    std::set<std::string> seen;
    for (const Json& one : cases) {
      if (!one.is_object() || !one.contains("type")) return false;
      for (const Json& type : one["type"].is_array() ? one["type"] : Json::array({one["type"]})) {
        if (!type.is_string()) return false;
        const auto name = type.get<std::string>();
        if (!seen.insert(name == "integer" ? "number" : name).second) return false;
      }
    }
    return true;
  }

  void check_reference(const Json& reference, const std::string& path, Needs& needs) {
    const std::string place = join(path, "$ref");
    if (!reference.is_string()) return malformed(place, "a reference must be a string");
    const auto text = reference.get<std::string>();
    if (text != "#" && !text.starts_with("#/"))
      return unsupported(place, "only references into the schema itself, '#' and '#/...', are followed");
    if (text.find_first_of("~%") != std::string::npos || text.find("//") != std::string::npos || text.ends_with('/'))
      return unsupported(place, "references with escapes or empty names are not followed");
    if (resolve(text) == nullptr) return malformed(place, fmt::format("nothing is at '{}'", text.substr(0, 100)));
    needs.all.push_back(text);
    needs.same_place.push_back(text);
    targets_.emplace_back(text, target_path(text));
  }

  static std::string target_path(const std::string& pointer) {
    std::string path = pointer.size() > 1 ? pointer.substr(2) : "";
    std::ranges::replace(path, '/', '.');
    return path;
  }

  static bool has_type(const Json& value, std::string_view type) {
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

  // const and enum, with `type` leaving out values.
  void check_values(Json& schema, std::string_view deciding, const std::string& path) {
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
        if (std::ranges::any_of(types, [&](const Json& type) { return has_type(value, type.get<std::string>()); }))
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

  bool check_types(const Json& types, const std::string& path) {
    if (types.empty()) malformed(join(path, "type"), "'type' names no type");
    for (const Json& type : types) {
      if (!type.is_string() || !contains(kTypes, type.get<std::string>()))
        malformed(join(path, "type"), "'type' must be one or more of the seven types of JSON Schema");
    }
    return !problem_;
  }

  // Without type, XGrammar ignores most keywords.
  void add_type(Json& schema, const std::string& path) {
    const bool object = has_any(schema, kOfObject);
    const bool array = has_any(schema, kOfArray);
    const bool text = has_any(schema, kOfString);
    const bool number = has_any(schema, kOfNumber);
    const int kinds = object + array + text + number;
    if (kinds == 0) return;
    if (kinds > 1) return unsupported(path, "without 'type', keywords of several types cannot be enforced");
    schema["type"] = object ? "object" : array ? "array" : text ? "string" : "number";
  }

  void check_typed(Json& schema, const std::string& pointer, const std::string& path, int depth, Needs& needs) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    if (!check_types(types, path)) return;
    bool other = false;  // some type has an instance whatever the schemas inside say
    for (const Json& name : types) {
      const auto type = name.get<std::string>();
      if (type == "string") check_string(schema, path);
      if (type == "integer" || type == "number") check_number(schema, type == "integer", path);
      if (type == "array") check_array(schema, pointer, path, depth, needs);
      if (type == "object") check_object(schema, pointer, path, depth, needs);
      if (type != "array" && type != "object") other = true;
      if (problem_) return;
    }
    if (other || types.size() > 1) needs.all.clear();
  }

  bool count(Json& schema, const char* name, const std::string& path, int64_t* out) {
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

  void add_repetitions(const std::string& path, size_t more) {
    repetitions_ += more;
    if (repetitions_ > limits_.repetitions) {
      refuse(ErrorKind::kTooLarge, "grammar.limit", path,
             fmt::format("lengths, item counts and patterns of the schema add up to more than {}", limits_.repetitions));
    }
  }

  // Least and most, with the order checked. False if neither is there.
  bool bounds(Json& schema, const char* least_name, const char* most_name, const std::string& path, int64_t* least,
              int64_t* most) {
    const bool has_least = count(schema, least_name, path, least);
    const bool has_most = count(schema, most_name, path, most);
    if (has_least && has_most && *least > *most)
      malformed(join(path, least_name), fmt::format("'{}' is greater than '{}'", least_name, most_name));
    return has_least || has_most;
  }

  void check_string(Json& schema, const std::string& path) {
    int64_t least = 0;
    int64_t most = Expression::kUnbounded;
    const bool bounded = bounds(schema, "minLength", "maxLength", path, &least, &most) &&
                         (least > 0 || most != Expression::kUnbounded);
    if (problem_) return;
    const bool has_format = schema.contains("format") && !is_number_format(schema["format"]);
    const bool has_pattern = schema.contains("pattern");
    if (bounded && (has_pattern || has_format)) {
      return unsupported(join(path, least > 0 ? "minLength" : "maxLength"),
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
    add_repetitions(join(path, most >= 0 ? "maxLength" : "minLength"), static_cast<size_t>(std::max(least, most)));
    // The library's own bounded strings hold control characters and malformed UTF-8.
    const auto text = Expression::repeat(Expression::one_of(in_json_string()), static_cast<int>(least),
                                         static_cast<int>(most));
    schema["pattern"] = to_regex(text) + std::string(kByGrammar);
  }

  static bool is_number_format(const Json& format) {
    return format.is_string() && contains(kNumberFormats, format.get<std::string>());
  }

  void check_format(Json& schema, const std::string& path) {
    const std::string place = join(path, "format");
    if (!schema["format"].is_string()) return malformed(place, "'format' must be a string");
    const auto format = schema["format"].get<std::string>();
    const std::string_view pattern = pattern_of_format(format);
    if (pattern.empty()) return unsupported(place, fmt::format("the format '{}' cannot be enforced", format.substr(0, 60)));
    schema.erase("format");
    write_pattern(schema, pattern, place);
  }

  // Characters that stand for themselves in a JSON string.
  static CodeRanges in_json_string() { return {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, kLastCodePoint}}; }

  void write_pattern(Json& schema, std::string_view pattern, const std::string& place) {
    auto expression = parse_regex(pattern, limits_);
    if (!expression) {
      OutputProblem problem = std::move(expression.error());
      problem.path = place;
      if (!problem_) problem_ = std::move(problem);
      return;
    }
    const auto plain = restricted(*expression, in_json_string());
    if (!plain)
      return unsupported(place, "a pattern that only texts with quotes, backslashes or control characters match cannot "
                                "be enforced");
    add_repetitions(place, expanded_size(*expression, limits_.repetitions));
    if (!problem_) schema["pattern"] = to_regex(*plain) + std::string(kByGrammar);
  }

  void check_number(Json& schema, bool integer, const std::string& path) {
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
      if (!integer && exclusive && least >= most) return malformed(join(path, name), "no number is within the bounds");
    }
    if (least > most) return malformed(path, "no number is within the bounds");
    if (schema.contains("multipleOf")) check_multiple(schema["multipleOf"], integer, least, most, path);
  }

  void check_multiple(const Json& value, bool integer, double least, double most, const std::string& path) {
    const std::string place = join(path, "multipleOf");
    if (!value.is_number() || value.get<double>() <= 0) return malformed(place, "'multipleOf' must be above 0");
    const double multiple = value.get<double>();
    if (!integer) return unsupported(place, "'multipleOf' can be enforced for integers only");
    if (std::floor(multiple) != multiple || multiple > kMostMultiple)
      return unsupported(place, fmt::format("'multipleOf' is enforced for whole numbers up to {}", kMostMultiple));
    const bool bounded_below = std::isfinite(least);
    const bool bounded_above = std::isfinite(most);
    if (!bounded_below && !bounded_above) return;
    if (!bounded_below || !bounded_above || most - least > kMostMultipleRange) {
      return unsupported(place, fmt::format("'multipleOf' beside bounds is enforced with both bounds, at most {} apart",
                                            kMostMultipleRange));
    }
    if (std::floor(most / multiple) * multiple < least) malformed(place, "no multiple is within the bounds");
  }

  void check_array(Json& schema, const std::string& pointer, const std::string& path, int depth, Needs& needs) {
    int64_t least = 0;
    int64_t most = Expression::kUnbounded;
    bounds(schema, "minItems", "maxItems", path, &least, &most);
    if (problem_) return;
    add_repetitions(path, static_cast<size_t>(std::max({least, most, int64_t{0}})));
    int64_t first = 0;  // items that prefixItems describes
    if (schema.contains("prefixItems")) {
      Json& items = schema["prefixItems"];
      if (!items.is_array()) return malformed(join(path, "prefixItems"), "'prefixItems' must be an array");
      first = static_cast<int64_t>(items.size());
      for (size_t i = 0; i < items.size(); ++i) {
        if (items[i] == true) items[i] = Json::object();
        needs.all.push_back(fmt::format("{}/prefixItems/{}", pointer, i));
        inside(items[i], pointer + "/prefixItems", fmt::format("{}.prefixItems[{}]", path, i), std::to_string(i), depth);
      }
    }
    if (schema.contains("items")) {
      if (schema["items"].is_array())
        return unsupported(join(path, "items"), "'items' must be one schema; for a tuple use 'prefixItems'");
      if (schema["items"] == false) {
        if (least > first) malformed(join(path, "minItems"), "'minItems' is more than 'items' allows");
        return;
      }
      if (least > first) needs.all.push_back(pointer + "/items");
      inside(schema["items"], pointer, join(path, "items"), "items", depth);
    } else if (first == 0 || least > first) {
      schema["items"] = Json::object();
    }
    if (most >= 0 && most < first) malformed(join(path, "maxItems"), "'maxItems' is less than 'prefixItems' has items");
  }

  void check_object(Json& schema, const std::string& pointer, const std::string& path, int depth, Needs& needs) {
    for (const char* name : {"properties", "patternProperties"}) {
      if (schema.contains(name) && !schema[name].is_object())
        return malformed(join(path, name), fmt::format("'{}' must be an object", name));
    }
    const bool patterns = schema.contains("patternProperties") && !schema["patternProperties"].empty();
    add_required(schema, patterns, path);
    if (problem_) return;
    const bool named = schema.contains("properties") && !schema["properties"].empty();
    if (named) {
      Json& properties = schema["properties"];
      properties_ += properties.size();
      if (properties_ > limits_.properties) return over(path, "properties", limits_.properties);
      for (auto& [name, value] : properties.items()) {
        if (value == true) value = Json::object();
        inside(value, pointer + "/properties", join(path, "properties." + name), name, depth);
      }
    }
    if (schema.contains("required")) {
      for (const Json& name : schema["required"])
        needs.all.push_back(step(pointer + "/properties", name.get<std::string>()));
    }
    if (patterns) check_patterns(schema, named, pointer, path, depth);
    if (schema.contains("propertyNames")) check_names(schema, named || patterns, path);
    if (problem_) return;
    const bool says = schema.contains("additionalProperties");
    if (says && !schema["additionalProperties"].is_boolean()) {
      inside(schema["additionalProperties"], pointer, join(path, "additionalProperties"), "additionalProperties", depth);
    } else if (!says && !named && !patterns && !schema.contains("unevaluatedProperties")) {
      schema["additionalProperties"] = true;
    }
    check_property_counts(schema, named, path);
  }

  // Required properties that are not declared are.
  void add_required(Json& schema, bool patterns, const std::string& path) {
    if (!schema.contains("required")) return;
    const std::string place = join(path, "required");
    const Json required = schema["required"];
    if (!required.is_array()) return malformed(place, "'required' must be an array of names");
    const bool closed = schema.contains("additionalProperties") && schema["additionalProperties"] == false;
    for (size_t i = 0; i < required.size(); ++i) {
      if (!required[i].is_string()) return malformed(place, "'required' must be an array of names");
      const auto name = required[i].get<std::string>();
      if (schema.contains("properties") && schema["properties"].contains(name)) continue;
      const std::string at = fmt::format("{}[{}]", place, i);
      if (patterns || schema.contains("propertyNames"))
        return unsupported(at, "a required property must be among 'properties'");
      if (closed) return malformed(at, "this required property is not among 'properties', and no other is allowed");
      const bool described = schema.contains("additionalProperties") && schema["additionalProperties"].is_object();
      schema["properties"][name] = described ? schema["additionalProperties"] : Json::object();
    }
  }

  void check_patterns(Json& schema, bool named, const std::string& pointer, const std::string& path, int depth) {
    const std::string place = join(path, "patternProperties");
    Json& patterns = schema["patternProperties"];
    const bool open = schema.contains("additionalProperties") && schema["additionalProperties"] != false;
    if (named || open || patterns.size() > 1) {
      return unsupported(place,
                         "'patternProperties' is enforced with one pattern, alone: a name may match several descriptions");
    }
    const std::string pattern = patterns.begin().key();
    Json value = patterns.begin().value();
    if (value == true) value = Json::object();
    inside(value, pointer + "/patternProperties", join(place, pattern), pattern, depth);
    Json rewritten;
    write_pattern(rewritten, pattern, place);
    if (problem_) return;
    patterns = Json::object();
    patterns[rewritten["pattern"].get<std::string>()] = std::move(value);
  }

  void check_names(Json& schema, bool described, const std::string& path) {
    const std::string place = join(path, "propertyNames");
    if (described) return unsupported(place, "'propertyNames' beside described properties cannot be enforced");
    Json& names = schema["propertyNames"];
    if (!names.is_object() || (names.contains("type") && names["type"] != "string"))
      return malformed(place, "'propertyNames' must describe strings");
    for (const auto& [name, value] : names.items()) {
      if (name == "type" || name == "enum" || contains(kAnnotations, name) || contains(kOfString, name)) continue;
      return unsupported(join(place, name), fmt::format("the keyword '{}' of a property name cannot be enforced", name));
    }
    names["type"] = "string";
    if (names.contains("enum")) return check_values(names, "enum", place);
    check_string(names, place);
  }

  // A name that is free may come twice, and then counts once.
  void check_property_counts(Json& schema, bool named, const std::string& path) {
    int64_t least = 0;
    int64_t most = Expression::kUnbounded;
    if (!bounds(schema, "minProperties", "maxProperties", path, &least, &most)) return;
    add_repetitions(path, static_cast<size_t>(std::max({least, most, int64_t{0}})));
    const auto required = schema.contains("required") ? static_cast<int64_t>(schema["required"].size()) : 0;
    const bool free = !named || (schema.contains("additionalProperties") && schema["additionalProperties"] != false);
    if (free && least > std::max<int64_t>(1, required))
      return unsupported(join(path, "minProperties"), "'minProperties' above 1 is enforced for named properties only");
    if (most >= 0 && most < required)
      return malformed(join(path, "maxProperties"), "'maxProperties' is less than 'required' names");
    const auto declared = named ? static_cast<int64_t>(schema["properties"].size()) : 0;
    if (!free && least > declared) malformed(join(path, "minProperties"), "'minProperties' is more than 'properties' has");
  }

  // A schema that refers to itself without anything in between describes nothing.
  void check_loops() {
    std::map<std::string, int> state;  // 1: on the way, 2: done
    for (const auto& [pointer, needs] : needs_) {
      if (loops(pointer, &state)) return malformed(target_path(pointer), "the schema refers to itself without end");
    }
  }
  bool loops(const std::string& pointer, std::map<std::string, int>* state) {
    int& mine = (*state)[pointer];
    if (mine != 0) return mine == 1;
    mine = 1;
    for (const std::string& next : needs_[pointer].same_place) {
      if (loops(next, state)) return true;
    }
    (*state)[pointer] = 2;
    return false;
  }

  // A finite value must exist: not so where every object needs another of its kind.
  void check_instances() {
    std::set<std::string> able;
    const auto is_able = [&](const std::string& pointer) { return able.contains(pointer) || !needs_.contains(pointer); };
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& [pointer, needs] : needs_) {
        if (able.contains(pointer) || !std::ranges::all_of(needs.all, is_able)) continue;
        if (!needs.any.empty() && !std::ranges::any_of(needs.any, is_able)) continue;
        able.insert(pointer);
        changed = true;
      }
    }
    for (const auto& [pointer, needs] : needs_) {
      if (!able.contains(pointer))
        return malformed(target_path(pointer), "no finite value satisfies the schema: it always needs itself");
    }
  }

  Json root_;
  const OutputLimits& limits_;
  std::map<std::string, Needs> needs_;  // of each schema looked at, by its pointer
  std::vector<std::pair<std::string, std::string>> targets_;  // pointer and path
  std::string first_oneof_;
  size_t properties_ = 0;
  size_t choices_ = 0;
  size_t choice_bytes_ = 0;
  size_t repetitions_ = 0;
  std::optional<OutputProblem> problem_;
};

// Brackets open at once, at most; strings are left out.
int nesting(std::string_view text) {
  int depth = 0;
  int most = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[') most = std::max(most, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return most;
}

}  // namespace

OutputResult<PreparedSchema> prepare_schema(std::string_view schema, const OutputLimits& limits) {
  if (schema.size() > limits.text_bytes) {
    return output_problem(
        ErrorKind::kTooLarge, "grammar.limit",
        fmt::format("the schema has {} bytes; at most {} are taken", schema.size(), limits.text_bytes));
  }
  if (nesting(schema) > 4 * limits.depth)
    return output_problem(ErrorKind::kTooLarge, "grammar.limit", "the schema is nested too deeply");
  Json root = Json::parse(schema, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return output_problem(ErrorKind::kInvalid, "grammar.json", "the schema is not valid JSON");
  return SchemaPreparer(std::move(root), limits).run();
}

}  // namespace pingti
