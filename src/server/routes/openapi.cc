#include "server/api_description.h"
#include "server/route.h"

namespace pingti {
namespace {

void handle(Call call) { call.reply->json(200, api_description()); }

wire::Json describe() { return get_operation("This description.", "An OpenAPI 3.1 document."); }

}  // namespace

extern const Route kOpenApiRoute;
const Route kOpenApiRoute{"openapi", "GET", {"/openapi.json"}, false, true, handle, describe};

}  // namespace pingti
