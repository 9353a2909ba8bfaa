#include "quant/format.h"

#include <array>

namespace pingti {

#define PT_FORMAT(name) extern const Format name;
#include "quant/formats.inc"
#undef PT_FORMAT

namespace {

constexpr std::array kFormats = {
#define PT_FORMAT(name) &name,
#include "quant/formats.inc"
#undef PT_FORMAT
};

}  // namespace

std::span<const Format* const> all_formats() { return kFormats; }

const Format* find_format(DType type) {
  for (const Format* format : kFormats) {
    if (format->type == type) return format;
  }
  return nullptr;
}

const Format* find_format(std::string_view name) {
  for (const Format* format : kFormats) {
    if (name == format->name) return format;
  }
  return nullptr;
}

}  // namespace pingti
