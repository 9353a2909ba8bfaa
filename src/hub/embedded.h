// Data built into the library.
#pragma once

#include <string_view>

namespace pingti {
extern const std::string_view kEmbeddedCatalogue;  // catalogue.yaml
}
