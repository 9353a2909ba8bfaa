#include "grammar/schema.h"

#include <set>

#include "grammar/schema_keywords.h"
#include "grammar/schema_preparer.h"

namespace pingti {
namespace {

using Json = SchemaPreparer::Json;

bool has_any(const Json& schema, const KeywordNames& names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return schema.contains(name); });
}

}  // namespace

OutputResult<PreparedSchema> SchemaPreparer::run() {
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

Json* SchemaPreparer::resolve(const std::string& pointer) {
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

std::string SchemaPreparer::step(const std::string& pointer, std::string_view name) {
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

void SchemaPreparer::check(Json& schema, const std::string& pointer, const std::string& path, int depth) {
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
  if (const auto* deciding = std::ranges::find_if(kDeciding.data(), kDeciding.data() + kDeciding.size(),
                                                  [&](auto name) { return schema.contains(name); });
      deciding != kDeciding.data() + kDeciding.size()) {
    return check_deciding(schema, *deciding, pointer, path, depth, needs);
  }
  if (!schema.contains("type")) add_type(schema, path);
  if (problem_ || !schema.contains("type")) return;
  check_typed(schema, pointer, path, depth, needs);
}

void SchemaPreparer::check_keywords(const Json& schema, const std::string& path) {
  for (const auto& [name, value] : schema.items()) {
    const bool known = name == "type" || contains(kAnnotations, name) || contains(kDeciding, name) ||
                       contains(kOfString, name) || contains(kOfNumber, name) || contains(kOfArray, name) ||
                       contains(kOfObject, name) || name.starts_with("x-") || (name == "$id" && path.empty());
    const bool harmless = (name == "uniqueItems" && value == false);
    const bool refused = name == "uniqueItems" ||
                         ((name == "unevaluatedItems" || name == "unevaluatedProperties") && value != false);
    if (!known || (refused && !harmless))
      return unsupported(join(path, name),
                         fmt::format("the keyword '{}' cannot be enforced", name.substr(0, 60)));
  }
}

void SchemaPreparer::check_deciding(Json& schema, std::string_view deciding, const std::string& pointer,
                                    const std::string& path, int depth, Needs& needs) {
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

bool SchemaPreparer::have_different_types(const Json& cases) {
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

void SchemaPreparer::check_reference(const Json& reference, const std::string& path, Needs& needs) {
  const std::string place = join(path, "$ref");
  if (!reference.is_string()) return malformed(place, "a reference must be a string");
  const auto text = reference.get<std::string>();
  if (text != "#" && !text.starts_with("#/"))
    return unsupported(place, "only references into the schema itself, '#' and '#/...', are followed");
  if (text.find_first_of("~%") != std::string::npos || text.find("//") != std::string::npos ||
      text.ends_with('/'))
    return unsupported(place, "references with escapes or empty names are not followed");
  if (resolve(text) == nullptr)
    return malformed(place, fmt::format("nothing is at '{}'", text.substr(0, 100)));
  needs.all.push_back(text);
  needs.same_place.push_back(text);
  targets_.emplace_back(text, target_path(text));
}

std::string SchemaPreparer::target_path(const std::string& pointer) {
  std::string path = pointer.size() > 1 ? pointer.substr(2) : "";
  std::ranges::replace(path, '/', '.');
  return path;
}

void SchemaPreparer::add_type(Json& schema, const std::string& path) {
  const bool object = has_any(schema, kOfObject);
  const bool array = has_any(schema, kOfArray);
  const bool text = has_any(schema, kOfString);
  const bool number = has_any(schema, kOfNumber);
  const int kinds = object + array + text + number;
  if (kinds == 0) return;
  if (kinds > 1) return unsupported(path, "without 'type', keywords of several types cannot be enforced");
  schema["type"] = object ? "object" : array ? "array" : text ? "string" : "number";
}

void SchemaPreparer::check_typed(Json& schema, const std::string& pointer, const std::string& path, int depth,
                                 Needs& needs) {
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

void SchemaPreparer::check_loops() {
  std::map<std::string, int> state;  // 1: on the way, 2: done
  for (const auto& [pointer, needs] : needs_) {
    if (loops(pointer, &state))
      return malformed(target_path(pointer), "the schema refers to itself without end");
  }
}

bool SchemaPreparer::loops(const std::string& pointer, std::map<std::string, int>* state) {
  int& mine = (*state)[pointer];
  if (mine != 0) return mine == 1;
  mine = 1;
  for (const std::string& next : needs_[pointer].same_place) {
    if (loops(next, state)) return true;
  }
  (*state)[pointer] = 2;
  return false;
}

void SchemaPreparer::check_instances() {
  std::set<std::string> able;
  const auto is_able = [&](const std::string& pointer) {
    return able.contains(pointer) || !needs_.contains(pointer);
  };
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

namespace {

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
  if (root.is_discarded())
    return output_problem(ErrorKind::kInvalid, "grammar.json", "the schema is not valid JSON");
  return SchemaPreparer(std::move(root), limits).run();
}

}  // namespace pingti
