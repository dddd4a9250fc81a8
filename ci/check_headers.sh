#!/usr/bin/env bash
# Compiles each header of kernel/, mm/ and testing/ by itself, twice in one file, so that a header
# that leans on what was included before it, or that cannot be included again, fails.
#   [CC=clang] ci/check_headers.sh [ROOT]
set -euo pipefail

cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
read -ra compiler <<<"${CC:-gcc}"
flags=(-std=gnu11 -ffreestanding -Wall -Wextra -Werror -I. -Ikernel/port -fsyntax-only -x c -)
command -v "${compiler[0]}" >/dev/null ||
    { echo "check_headers: error: there is no ${compiler[0]}; run scripts/setup.sh" >&2; exit 1; }

directories=()
for directory in kernel mm testing; do
    [ ! -d "$directory" ] || directories+=("$directory")
done
headers=()
[ "${#directories[@]}" -eq 0 ] ||
    mapfile -t headers < <(find "${directories[@]}" -name '*.h' -xtype f | LC_ALL=C sort)
[ "${#headers[@]}" -gt 0 ] ||
    { echo "check_headers: error: there is no header in $PWD" >&2; exit 1; }

failed=0
for header in "${headers[@]}"; do
    if ! printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "${compiler[@]}" "${flags[@]}"; then
        echo "$header:1: does not compile alone; include in it what it uses"
        failed=$((failed + 1))
    fi
done
echo "check_headers: ${#headers[@]} headers, $failed failed" >&2
[ "$failed" -eq 0 ]
