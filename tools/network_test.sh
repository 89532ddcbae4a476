#!/usr/bin/env bash
# Looks at what an action of this build can reach: no network but its own loopback, and no tool of the machine's.
set -euo pipefail
fail() { echo "FAILED: $*"; exit 1; }

interfaces=$(ls /sys/class/net | tr '\n' ' ')
mine=$(tail -n +3 /proc/net/dev | sed 's/:.*//' | tr -d ' ' | tr '\n' ' ')
[[ $mine = "lo " ]] || fail "this action sees the interfaces ${mine}(and /sys ${interfaces})"
[[ $(wc -l </proc/net/route) -le 1 ]] || fail "this action has a route to somewhere"
if timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.1/80' 2>/dev/null; then fail "a connection out of the sandbox was made"; fi

for tool in go cargo rustc python3 cc; do
  path=$(readlink -f "$(command -v "$tool")")
  case $path in
    /usr/bin/* | /usr/lib/* | /opt/strongroom/*) ;;
    *) fail "$tool comes from $path" ;;
  esac
done
grep -q forky /etc/os-release || fail "this is not the environment: $(head -n 1 /etc/os-release)"
echo "only the loopback, and the environment's own tools"
