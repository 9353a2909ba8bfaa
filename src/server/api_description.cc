#include "server/api_description.h"

#include "base/version.h"
#include "server/route.h"

namespace pingti {
namespace {

using wire::Json;

Json responses(const char* answer) {
  return {{"200", {{"description", answer}}}, {"default", {{"description", "An error, with its body."}}}};
}

// "/v1/models/*" -> "/v1/models/{id}"
std::string templated(std::string_view path) {
  std::string text(path);
  if (const size_t star = text.find('*'); star != std::string::npos) text.replace(star, 1, "{id}");
  return text;
}

}  // namespace

Json post_operation(const char* summary, Json request_schema, const char* answer) {
  return {
      {"summary", summary},
      {"requestBody",
       {{"required", true}, {"content", {{"application/json", {{"schema", std::move(request_schema)}}}}}}},
      {"responses", responses(answer)}};
}

Json get_operation(const char* summary, const char* answer) {
  return {{"summary", summary}, {"responses", responses(answer)}};
}

Json api_description() {
  Json paths = Json::object();
  for (const Route* route : all_routes()) {
    if (route->describe == nullptr) continue;
    std::string method = route->method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    for (const std::string_view path : route->paths) {
      Json operation = route->describe();
      operation["operationId"] = std::string(route->name) + ":" + std::string(path);
      if (route->open) operation["security"] = Json::array();
      if (path.find('*') != std::string_view::npos) {
        operation["parameters"] = Json::array(
            {Json{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}});
      }
      paths[templated(path)][method] = std::move(operation);
    }
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "pingti"}, {"version", kVersion}}},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes",
             {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
              {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-Api-Key"}}}}}}},
          {"security", Json::array({Json{{"bearer", Json::array()}}, Json{{"key", Json::array()}}})}};
}

}  // namespace pingti
