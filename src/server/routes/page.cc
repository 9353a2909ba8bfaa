#include "server/route.h"
#include "server/web_assets.h"

namespace pingti {
namespace {

// Scripts and styles are the page's own files; it talks to its own server only.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

std::vector<std::string_view> paths() {
  std::vector<std::string_view> all;
  for (const WebAsset& asset : web_assets()) all.push_back(asset.path);
  return all;
}

void handle(Call call) {
  for (const WebAsset& asset : web_assets()) {
    if (asset.path != call.request.path) continue;
    net::Response response{200,
                           {{"Content-Type", std::string(asset.type)},
                            {"ETag", std::string(asset.tag)},
                            {"Cache-Control", "no-cache"},
                            {"Content-Security-Policy", kPolicy},
                            {"X-Content-Type-Options", "nosniff"},
                            {"Referrer-Policy", "no-referrer"},
                            {"Cross-Origin-Resource-Policy", "same-origin"},
                            {"Cross-Origin-Opener-Policy", "same-origin"}},
                           {}};
    if (call.request.headers.get("If-None-Match") == asset.tag) {
      response.status = 304;
    } else {
      response.body = asset.bytes;
    }
    return call.reply->respond(response);
  }
}

}  // namespace

// The files hold nothing secret; what the page asks for needs the key.
extern const Route kPageRoute;
const Route kPageRoute{"page", "GET", paths(), true, true, handle};

}  // namespace pingti
