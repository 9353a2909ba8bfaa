// ModelScope API: GET /api/v1/models/ORG/REPO/repo/files lists, /models/ORG/REPO/resolve/master/FILE serves.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hub/hub.h"
#include "hub/reference.h"
#include "hub/sha256.h"

namespace pingti {
namespace {

class ModelScope : public Hub {
 public:
  std::string_view name() const override { return "ModelScope"; }
  std::string_view scheme() const override { return "ms"; }
  std::string_view token_name() const override { return "MODELSCOPE_API_TOKEN"; }

  HttpRequest listing_request(const std::string& repository) const override {
    return request(fmt::format("/api/v1/models/{}/repo/files?Revision=master&Recursive=true", repository));
  }

  HttpRequest file_request(const std::string& repository, const std::string& path) const override {
    return request(fmt::format("/models/{}/resolve/master/{}", repository, encode_path(path)));
  }

  Result<std::vector<RemoteFile>> parse_listing(const std::string& body) const override {
    const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
    const auto list = nlohmann::json::json_pointer("/Data/Files");
    if (!json.is_object() || !json.contains(list) || !json.at(list).is_array()) {
      return fail(ErrorKind::kInvalid, "hub.listing",
                  "the file list of ModelScope has no array Data.Files" + message_of(json));
    }
    std::vector<RemoteFile> files;
    for (const auto& item : json.at(list)) {
      if (!item.is_object() || item.value("Type", nlohmann::json()) == "tree") continue;
      RemoteFile file;
      if (const auto path = item.find("Path"); path != item.end() && path->is_string()) file.path = *path;
      if (const auto size = item.find("Size"); size != item.end() && size->is_number_unsigned())
        file.size = *size;
      if (const auto hash = item.find("Sha256"); hash != item.end() && hash->is_string()) {
        if (is_sha256(hash->get_ref<const std::string&>())) file.sha256 = *hash;
      }
      if (is_safe_relative_path(file.path)) files.push_back(std::move(file));
    }
    return files;
  }

 private:
  static std::string message_of(const nlohmann::json& json) {
    if (!json.is_object() || !json.contains("Message") || !json["Message"].is_string()) return "";
    return ": " + json["Message"].get<std::string>().substr(0, 200);
  }

  static HttpRequest request(const std::string& path) {
    const std::string endpoint = endpoint_from("MODELSCOPE_ENDPOINT", "https://www.modelscope.cn");
    HttpRequest request;
    request.url = endpoint + path;
    request.credential = {endpoint, token_from("MODELSCOPE_API_TOKEN"), "m_session_id"};
    return request;
  }
};

}  // namespace

const Hub& model_scope() {
  static const ModelScope kHub;
  return kHub;
}

}  // namespace pingti
