#!/usr/bin/env bash
# cross_test.sh SOURCE BUILD: builds the kernels and the model for 64-bit Arm and runs their tests on emulated
# CPUs: one with everything, one with dot products only, one with neither. Exits 77 (skipped) where the cross
# compiler or the emulator is missing.
set -euo pipefail
source=$1
build=$2
for program in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$program" >/dev/null || { echo "skipped: no $program"; exit 77; }
done
[ -d /usr/src/googletest ] || { echo "skipped: no /usr/src/googletest"; exit 77; }

cmake -S "$source" -B "$build" -G Ninja --toolchain "$source/cmake/aarch64-linux-gnu.cmake" -DCMAKE_BUILD_TYPE=Release
ninja -C "$build" -j "$(nproc)" kernels_test model_test

# on CPU ISA PROGRAM FILTER: runs tests; the CPU must choose ISA by itself.
on() {
  PINGTI_EXPECTED_ISA=$2 qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu "$1" "$build/src/$3/$3_test" \
    --gtest_brief=1 --gtest_filter="$4"
  echo "== $3_test passed on $1 ($2)"
}
on max neoni8mm kernels '*' &  # half of the time
quick='SelectTest.*:QuantizeTest.*:*ExtremeValues*'
on neoverse-n1 neondot kernels "$quick"
on cortex-a53 neon kernels "$quick"
on max neoni8mm model '*Golden*:*TheBatchChangesNoBit/Blocks32'
on cortex-a53 neon model '*Golden*'
wait $!
