#pragma once

namespace pingti {
constexpr const char* kVersion = "0.1.0";
}
