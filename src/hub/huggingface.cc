// Hugging Face Hub API: GET /api/models/ORG/REPO/tree/main lists, /ORG/REPO/resolve/main/FILE serves (by a
// redirect to a storage host, which must not see the token).
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hub/hub.h"
#include "hub/reference.h"
#include "hub/sha256.h"

namespace pingti {
namespace {

class HuggingFace : public Hub {
 public:
  std::string_view name() const override { return "Hugging Face"; }
  std::string_view scheme() const override { return "hf"; }
  std::string_view token_name() const override { return "HF_TOKEN"; }

  HttpRequest listing_request(const std::string& repository) const override {
    return request(fmt::format("/api/models/{}/tree/main?recursive=1", repository));
  }

  HttpRequest file_request(const std::string& repository, const std::string& path) const override {
    return request(fmt::format("/{}/resolve/main/{}", repository, encode_path(path)));
  }

  Result<std::vector<RemoteFile>> parse_listing(const std::string& body) const override {
    const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!json.is_array()) {
      return fail(ErrorKind::kInvalid, "hub.listing", "the file list of Hugging Face is not a JSON array");
    }
    std::vector<RemoteFile> files;
    for (const auto& item : json) {
      if (!item.is_object() || item.value("type", nlohmann::json()) != "file") continue;
      RemoteFile file;
      if (const auto path = item.find("path"); path != item.end() && path->is_string()) file.path = *path;
      if (const auto size = item.find("size"); size != item.end() && size->is_number_unsigned())
        file.size = *size;
      if (const auto lfs = item.find("lfs"); lfs != item.end() && lfs->is_object()) read_lfs(*lfs, file);
      if (is_safe_relative_path(file.path)) files.push_back(std::move(file));
    }
    return files;
  }

 private:
  // Large files: the object id is the sha256 of the content.
  static void read_lfs(const nlohmann::json& lfs, RemoteFile& file) {
    if (const auto size = lfs.find("size"); size != lfs.end() && size->is_number_unsigned())
      file.size = *size;
    if (const auto oid = lfs.find("oid"); oid != lfs.end() && oid->is_string()) {
      if (is_sha256(oid->get_ref<const std::string&>())) file.sha256 = *oid;
    }
  }

  static HttpRequest request(const std::string& path) {
    const std::string endpoint = endpoint_from("HF_ENDPOINT", "https://huggingface.co");
    HttpRequest request;
    request.url = endpoint + path;
    request.credential = {endpoint, token_from("HF_TOKEN"), ""};
    return request;
  }
};

}  // namespace

const Hub& hugging_face() {
  static const HuggingFace kHub;
  return kHub;
}

}  // namespace pingti
