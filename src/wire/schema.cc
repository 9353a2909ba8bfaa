#include "wire/schema.h"

#include <algorithm>

namespace pingti::wire::schema {
namespace {

Json described(Json schema, std::string_view description) {
  if (!description.empty()) schema["description"] = description;
  return schema;
}

Json nullable(Json schema) {
  if (schema.contains("anyOf")) {
    schema["anyOf"].push_back({{"type", "null"}});
    return schema;
  }
  schema["type"] = Json::array({schema["type"], "null"});
  if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  return schema;
}

}  // namespace

Json string(std::string_view description) { return described({{"type", "string"}}, description); }
Json text() { return {{"type", "string"}, {"minLength", 1}}; }
Json boolean(std::string_view description) { return described({{"type", "boolean"}}, description); }

Json integer(int64_t min, int64_t max) {
  Json schema = {{"type", "integer"}, {"minimum", min}};
  if (max != INT64_MAX) schema["maximum"] = max;
  return schema;
}

Json number(double min, double max) { return {{"type", "number"}, {"minimum", min}, {"maximum", max}}; }

Json one_of(std::initializer_list<const char*> values) {
  return {{"type", "string"}, {"enum", std::vector<std::string>(values.begin(), values.end())}};
}

Json array(Json items, size_t least, size_t most) {
  return {{"type", "array"}, {"items", std::move(items)}, {"minItems", least}, {"maxItems", most}};
}

Json any_of(std::initializer_list<Json> alternatives) {
  Json list = Json::array();
  for (const Json& alternative : alternatives) list.push_back(alternative);
  return {{"anyOf", std::move(list)}};
}

Json free_object() { return {{"type", "object"}, {"additionalProperties", true}}; }
Json token_ids(size_t most) { return array(integer(0, INT32_MAX), 0, most); }

Json object(Members members, std::initializer_list<const char*> required) {
  Json properties = Json::object();
  for (auto& [name, schema] : members) {
    const bool needed = std::ranges::any_of(required, [&](std::string_view other) { return other == name; });
    properties[name] = needed ? std::move(schema) : nullable(std::move(schema));
  }
  Json out = {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (required.size() > 0) out["required"] = std::vector<std::string>(required.begin(), required.end());
  return out;
}

}  // namespace pingti::wire::schema
