#!/usr/bin/env bash
# Installs what building and testing Assay takes: the packages of ci/packages.txt.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/setup.sh [--help]

Installs the packages of ci/packages.txt that this machine lacks, then checks that the key tools
run. For Debian 12 or newer and its derivatives such as Ubuntu, on amd64; as root or with sudo.
It asks nothing. When everything is there it changes nothing. On other systems it prints the
package names and stops.
TEXT
}

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

# Prints why this system is not one that the script can install on; nothing if it is.
why_unsupported() {
    local ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME='this system'
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    if [[ " $ID $ID_LIKE " != *' debian '* && " $ID $ID_LIKE " != *' ubuntu '* ]] ||
        ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "$PRETTY_NAME is not Debian or a derivative with apt-get"
    elif [[ $ID == debian && -n $VERSION_ID && ${VERSION_ID%%.*} -lt 12 ]]; then
        echo "$PRETTY_NAME is older than Debian 12"
    elif [ "$(dpkg --print-architecture)" != amd64 ]; then
        echo "this is $(dpkg --print-architecture), and Assay is built with the compilers of amd64"
    fi
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" \
        </dev/null
}

# apt-get update succeeds when only some sources fail, unless told otherwise. Older versions of
# apt-get do not know that option, so what it reports counts as well.
update_package_lists() {
    local log status=0
    log=$(mktemp)
    apt_get -o APT::Update::Error-Mode=any update >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ] || grep -qE '^(Err:|E: |W: Failed to fetch)' "$log"; then
        grep -E -A1 '^(Err:|E: |W: )' "$log" >&2 || cat "$log" >&2
        rm -f "$log"
        fail 'apt-get update failed for the sources above; fix or remove them and run this again'
    fi
    rm -f "$log"
}

# Takes out of `missing` what is optional and unknown here.
leave_out_unknown() {
    local name kept=()
    for name in "${missing[@]}"; do
        if [ -n "${optional[$name]-}" ] && ! apt-cache show "$name" >/dev/null 2>&1; then
            say "leaving out $name: this system has no such package"
        else
            kept+=("$name")
        fi
    done
    missing=("${kept[@]}")
}

# check_tool PACKAGE COMMAND...: the command runs and succeeds.
check_tool() {
    local package=$1 output
    shift
    output=$("$@" 2>&1) || fail "'$*' does not work (package $package): ${output:-no output}"
}

case ${1-} in
    '') ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2 || true; exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t packages < <(sed 's/#.*//' ci/packages.txt | tr -s ' \t' '\n' | grep .)
declare -A optional=()
for name in "${packages[@]}"; do [[ $name != *'?' ]] || optional[${name%'?'}]=1; done
packages=("${packages[@]%'?'}")
[ "${#packages[@]}" -gt 0 ] || fail 'ci/packages.txt names no package'

reason=$(why_unsupported)
[ -z "$reason" ] || fail "$reason.
Install these (names as in Debian 12) in your system's own way:
  ${packages[*]}"

declare -A installed=()
while read -r name state; do
    [ "$state" != installed ] || installed[$name]=1
done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null)
missing=()
needed=()
for package in "${packages[@]}"; do
    [ -n "${installed[$package]-}" ] || missing+=("$package")
    [ -n "${installed[$package]-}${optional[$package]-}" ] || needed+=("$package")
done

say "$((${#packages[@]} - ${#missing[@]})) of ${#packages[@]} packages were already there"
# With all that is needed there, lists are not fetched only to see that the rest is unknown.
[ "${#needed[@]}" -gt 0 ] || leave_out_unknown
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "installing takes root, and there is no sudo; as root, run: scripts/setup.sh"
        as_root=(sudo)
    fi
    say "fetching the package lists"
    update_package_lists
    leave_out_unknown
    say "installing: ${missing[*]}"
    apt_get -y -q --no-install-recommends -o Dpkg::Options::=--force-confold \
        install "${missing[@]}" || fail 'apt-get install failed; its message is above'
fi

# The Python that has Debian's packages, which need not be the first one in PATH.
check_tool make make --version
check_tool gcc gcc --version
check_tool clang clang --version
check_tool nasm nasm -v
check_tool qemu-system-x86 qemu-system-x86_64 --version
check_tool grub-common grub-mkrescue --version
check_tool xorriso xorriso -version
check_tool mtools mformat -V
check_tool 'python3-pytest, python3-pytest-xdist or python3-jinja2' \
    /usr/bin/python3 -c 'import pytest, xdist, jinja2'
say 'ready: make run, make test'
