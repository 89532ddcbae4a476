#!/usr/bin/env bash
# enter.sh ROOT WORK COMMAND...: runs a command in a root that @root_with_… made, of which packages.txt is given. It sees that root, WORK as /tmp, and
# of this machine the devices and processes only: no network (the sandbox has none), no file of the tree, no tool of the environment.
set -euo pipefail
root=$(dirname "$(readlink -f "$1")")
work=$2
shift 2
# Mounts of a namespace of users are seen by nobody else, and end with the command.
exec unshare --user --map-root-user --mount --propagation private bash -euc '
  root=$1 work=$2
  shift 2
  # The root itself lies where nothing may be written.
  mount --rbind "$root" "$root"
  mount --rbind /dev "$root/dev"
  mount --rbind /proc "$root/proc"
  mount --rbind "$work" "$root/tmp"
  cd "$root"
  exec chroot . /usr/bin/env -i PATH=/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 TMPDIR=/tmp /bin/sh -c "cd /tmp && exec \"\$@\"" sh "$@"
' bash "$root" "$work" "$@"
