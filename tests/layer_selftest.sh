#!/usr/bin/env bash
# Proves that layer_test.sh can fail: an upward include, a folder without a layer and a file without its line
# must each be refused. Usage: layer_selftest.sh REPOSITORY
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# refuses NAME COMMAND: after COMMAND in a copy of src/, the layer test must fail.
refuses() {
  rm -rf "$work/src"
  cp -r "$1/src" "$work/src"
  (cd "$work/src" && eval "$3")
  if "$1/tests/layer_test.sh" "$work" > "$work/output"; then
    echo "not refused: $2"
    exit 1
  fi
  echo "refused: $2: $(head -1 "$work/output")"
}
"$1/tests/layer_test.sh" "$1" > /dev/null
refuses "$1" "an upward include" "echo '#include \"engine/engine.h\"' >> base/file.h"
refuses "$1" "a folder without a layer" "mkdir unheard"
refuses "$1" "an architecture without its line" "sed 's/kLlamaArchitecture/kNewArchitecture/' model/arch/llama.cc > model/arch/new.cc"
