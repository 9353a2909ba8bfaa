#!/usr/bin/env bash
# Fails on an include that src/layers.txt does not allow, on a folder it does not list, and on a source
# file of an extension folder without its line in the visible list. Usage: layer_test.sh REPOSITORY
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
  done < <(grep -rnE '^#include "[a-z_]+/' "$folder" --include='*.h' --include='*.cc' || true)
done

# file pattern, list: every file's k<Name> constant must stand in the list.
check_list() {
  local list=$1
  shift
  for file in "$@"; do
    [[ $file == *_test.cc ]] && continue
    local found=0
    while read -r constant; do
      grep -q "($constant)" "$list" && found=1
    done < <(grep -oE '^(constinit )?const [A-Za-z]+ k[A-Za-z0-9_]+' "$file" | grep -oE 'k[A-Za-z0-9_]+$')
    if [[ $found == 0 ]]; then
      echo "src/$file has no line in src/$list"
      bad=1
    fi
  done
}
check_list model/arch/archs.inc model/arch/*.cc
check_list cli/commands.inc cli/commands/*.cc

if [[ $bad == 0 ]]; then echo "layers and lists are in order"; fi
exit $bad
