#!/usr/bin/env bash
# consumer_test.sh ROOT ARCHIVE SCRIPT [FILE...]: unpacks the drop in a clean root and runs the script there, in the folder above the drop, with the
# drop's folder and the files' names as its arguments.
set -euo pipefail
root=$1 archive=$2 script=$3
shift 3
work=$TEST_TMPDIR/work
mkdir "$work"
cp -L "$archive" "$script" "$(dirname "$0")/expect.sh" "$@" "$work"
names=()
for file; do names+=("${file##*/}"); done
archive=${archive##*/}
exec "$(dirname "$0")/enter.py" "$root" "$work" /bin/sh -euc '
  tar -xzf "$1"
  drop=/tmp/${1%.tar.gz}
  script=/tmp/$2
  shift 2
  exec /bin/sh -eu "$script" "$drop" "$@"
' sh "$archive" "${script##*/}" "${names[@]}"
