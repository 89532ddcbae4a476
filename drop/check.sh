#!/bin/sh
# check: looks whether this drop is whole, and whether its libraries run on this machine. It says nothing where both are so; otherwise the first
# line says what is wrong and what to do. STRONGROOM_PLATFORM names the platform to look for, where it is not this machine's.
set -u
cd "$(dirname "$0")" || exit 1

fail() {
  for line in "$@"; do echo "check: $line" >&2; done
  exit 1
}

again="unpack the archive again, after its sum was compared with that of the release"
[ -s SHA256SUMS ] || fail "SHA256SUMS is missing, so the drop is not whole; $again"
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum="shasum -a 256"; fi
damaged=$($sum -c SHA256SUMS 2>/dev/null | sed -n 's/: FAILED.*//p')
if [ -n "$damaged" ]; then
  first=$(echo "$damaged" | head -n 1)
  count=$(echo "$damaged" | grep -c .)
  if [ -e "$first" ]; then is="is not what was released"; else is="is missing"; fi
  fail "$first $is ($count of $(grep -c . SHA256SUMS) files are not whole); $again"
fi

have=
for folder in */include; do have="$have ${folder%/include}"; done
platform=${STRONGROOM_PLATFORM-}
if [ -z "$platform" ]; then
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) system=windows ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=amd64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) machine=$(uname -m) ;;
  esac
  platform=$system-$machine
  # The loader's name is what tells musl's systems apart.
  if [ $system = linux ] && [ -z "$(getconf GNU_LIBC_VERSION 2>/dev/null)" ]; then
    for loader in /lib/ld-musl-*; do [ -e "$loader" ] && platform=$platform-musl; done
  fi
fi
case "$have " in
  *" $platform "*) ;;
  *) fail "this drop is for$have, and this machine is $platform; take strongroom-sdk-$(cat VERSION)-$platform, or the drop for all platforms" ;;
esac

oldest=$(cat "$platform/glibc" 2>/dev/null)
if [ -n "$oldest" ]; then
  here=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //')
  if [ -n "$here" ] && [ "$(printf '%s\n%s\n' "$oldest" "$here" | sort -t . -k 1,1n -k 2,2n | head -n 1)" != "$oldest" ]; then
    fail "the libraries for $platform need glibc $oldest or later, and this machine has $here; take the drop for $platform-musl, or a newer system"
  fi
fi
