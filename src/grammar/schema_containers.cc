// Arrays and objects.
#include "grammar/schema_keywords.h"
#include "grammar/schema_preparer.h"

namespace pingti {

void SchemaPreparer::check_array(Json& schema, const std::string& pointer, const std::string& path, int depth,
                                 Needs& needs) {
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
      inside(items[i], pointer + "/prefixItems", fmt::format("{}.prefixItems[{}]", path, i),
             std::to_string(i), depth);
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
  if (most >= 0 && most < first)
    malformed(join(path, "maxItems"), "'maxItems' is less than 'prefixItems' has items");
}

void SchemaPreparer::check_object(Json& schema, const std::string& pointer, const std::string& path,
                                  int depth, Needs& needs) {
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
    inside(schema["additionalProperties"], pointer, join(path, "additionalProperties"),
           "additionalProperties", depth);
  } else if (!says && !named && !patterns && !schema.contains("unevaluatedProperties")) {
    schema["additionalProperties"] = true;
  }
  check_property_counts(schema, named, path);
}

void SchemaPreparer::add_required(Json& schema, bool patterns, const std::string& path) {
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
    if (closed)
      return malformed(at, "this required property is not among 'properties', and no other is allowed");
    const bool described =
        schema.contains("additionalProperties") && schema["additionalProperties"].is_object();
    schema["properties"][name] = described ? schema["additionalProperties"] : Json::object();
  }
}

void SchemaPreparer::check_patterns(Json& schema, bool named, const std::string& pointer,
                                    const std::string& path, int depth) {
  const std::string place = join(path, "patternProperties");
  Json& patterns = schema["patternProperties"];
  const bool open = schema.contains("additionalProperties") && schema["additionalProperties"] != false;
  if (named || open || patterns.size() > 1) {
    return unsupported(
        place,
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

void SchemaPreparer::check_names(Json& schema, bool described, const std::string& path) {
  const std::string place = join(path, "propertyNames");
  if (described) return unsupported(place, "'propertyNames' beside described properties cannot be enforced");
  Json& names = schema["propertyNames"];
  if (!names.is_object() || (names.contains("type") && names["type"] != "string"))
    return malformed(place, "'propertyNames' must describe strings");
  for (const auto& [name, value] : names.items()) {
    if (name == "type" || name == "enum" || contains(kAnnotations, name) || contains(kOfString, name))
      continue;
    return unsupported(join(place, name),
                       fmt::format("the keyword '{}' of a property name cannot be enforced", name));
  }
  names["type"] = "string";
  if (names.contains("enum")) return check_values(names, "enum", place);
  check_string(names, place);
}

void SchemaPreparer::check_property_counts(Json& schema, bool named, const std::string& path) {
  int64_t least = 0;
  int64_t most = Expression::kUnbounded;
  if (!bounds(schema, "minProperties", "maxProperties", path, &least, &most)) return;
  add_repetitions(path, static_cast<size_t>(std::max({least, most, int64_t{0}})));
  const auto required = schema.contains("required") ? static_cast<int64_t>(schema["required"].size()) : 0;
  const bool free =
      !named || (schema.contains("additionalProperties") && schema["additionalProperties"] != false);
  if (free && least > std::max<int64_t>(1, required))
    return unsupported(join(path, "minProperties"),
                       "'minProperties' above 1 is enforced for named properties only");
  if (most >= 0 && most < required)
    return malformed(join(path, "maxProperties"), "'maxProperties' is less than 'required' names");
  const auto declared = named ? static_cast<int64_t>(schema["properties"].size()) : 0;
  if (!free && least > declared)
    malformed(join(path, "minProperties"), "'minProperties' is more than 'properties' has");
}

}  // namespace pingti
