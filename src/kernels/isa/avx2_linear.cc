// linear_int8 with AVX2: splits the work into tiles (avx2_tile.h).
#include "base/check.h"
#include "kernels/isa/avx2_tile.h"
#include "kernels/isa/functions.h"

namespace pingti::avx2 {
namespace {

constexpr int kDirectColumns = 2 * kTileColumns;

}  // namespace

void linear_int8(const LinearArgs& args) {
  PT_CHECK(args.x_int8->scale_block >= args.weight->layout->scale_block);
  switch (args.weight->layout->kind) {
#define PT_PACKED(name, bits, sub_block, super, min, offset) \
  case PackedKind::k##name:                                  \
    return run<Tiles, Packed##name>(args, kDirectColumns);
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
    default:
      PT_CHECK(!"float formats have no int8 product");
  }
}

}  // namespace pingti::avx2
