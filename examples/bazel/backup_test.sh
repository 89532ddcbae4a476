#!/bin/sh
# backup_test.sh PROGRAM AGENT
set -eu
program=$PWD/$1 agent=$PWD/$2
cd "$TEST_TMPDIR"
mkdir tree
echo "Dear reader" >tree/letter.txt
export HOME="$TEST_TMPDIR" STRONGROOM_PASSWORD="correct horse"

"$program" "$PWD/repository-1" "$PWD/tree" "$PWD/target-1"
diff -r tree "target-1$PWD/tree"

"$agent" --repo "$PWD/repository-2" init
"$agent" --repo "$PWD/repository-2" backup tree
"$agent" --repo "$PWD/repository-2" restore latest --target target-2
diff -r tree "target-2$PWD/tree"
