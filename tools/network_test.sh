#!/usr/bin/env bash
# Looks at what an action of this build can reach: no network but its own loopback, and no tool of the machine's. The argument is what
# a build action saw of the same.
set -euo pipefail
fail() { echo "FAILED: $*"; exit 1; }

[[ $(cat "$1") = "lo " ]] || fail "a build action saw the interfaces $(cat "$1")"
mine=$(tail -n +3 /proc/net/dev | sed 's/:.*//' | tr -d ' ' | tr '\n' ' ')
[[ $mine = "lo " ]] || fail "this action sees the interfaces $mine"
[[ $(wc -l </proc/net/route) -le 1 ]] || fail "this action has a route to somewhere"
if timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.1/80' 2>/dev/null; then fail "a connection out of the sandbox was made"; fi

# Servers of tests listen on the loopback.
python3 - <<'PYTHON' || fail "the loopback does not work"
import socket

server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname(), timeout=5)
client.sendall(b"heard")
assert server.accept()[0].recv(5) == b"heard"
PYTHON

for tool in bash go cargo rustc python3 cc ruff; do
  path=$(readlink -f "$(command -v "$tool")")
  case $path in
    /usr/bin/* | /usr/lib/* | /opt/strongroom/*) ;;
    *) fail "$tool comes from $path" ;;
  esac
done
grep -q forky /etc/os-release || fail "this is not the environment: $(head -n 1 /etc/os-release)"
echo "only the loopback, and the environment's own tools"
