#!/usr/bin/env bash
# Fails on an include that src/layers.txt does not allow, on a folder it does not list, and on an architecture,
# command, storage format or endpoint without its line in the visible list. Usage: layer_test.sh REPOSITORY
set -euo pipefail
cd "$1/src"
bad=0

declare -A allowed
while IFS=: read -r folder rest; do
  [[ $folder == \#* || -z $folder ]] || allowed[$folder]=" $folder base $rest "
done < layers.txt

for folder in */; do
  folder=${folder%/}
  if [[ -z ${allowed[$folder]:-} ]]; then
    echo "src/$folder is not in src/layers.txt"
    bad=1
    continue
  fi
  while IFS=: read -r file line include; do
    target=${include#*\"}
    target=${target%%/*}
    if [[ -d $target && ${allowed[$folder]} != *" $target "* ]]; then
      echo "src/$file:$line: $folder may not include $target"
      bad=1
    fi
  done < <(grep -rnE '^#include "[a-z_]+/' "$folder" --include='*.h' --include='*.cc' --include='*.inc' || true)
done

# list, type, files: every constant of that type must stand in the list.
check_list() {
  local list=$1 type=$2
  shift 2
  while IFS=: read -r file constant; do
    if ! grep -q "(${constant##* })" "$list"; then
      echo "src/$file: ${constant##* } has no line in src/$list"
      bad=1
    fi
  done < <(grep -oE "^(constinit )?const $type k[A-Za-z0-9_]+" "$@")
}
# The same where every file must define such a constant.
check_files() {
  for file in "${@:3}"; do
    if ! grep -qE "^(constinit )?const $2 k" "$file"; then
      echo "src/$file defines no $2 for src/$1"
      bad=1
    fi
  done
  check_list "$@"
}
check_files model/arch/archs.inc Architecture model/arch/*.cc
check_files cli/commands.inc Command cli/commands/*.cc
check_list quant/formats.inc Format quant/*.cc
check_list wire/tools/formats.inc ToolFormat wire/tools/*.cc
check_list server/routes.inc Route server/routes/*.cc

if [[ $bad == 0 ]]; then echo "layers and lists are in order"; fi
exit $bad
