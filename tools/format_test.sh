#!/usr/bin/env bash
# Every file of the tree is in its formatter's form, and ruff finds nothing. A sandbox shows the whole machine, read only: so the tree
# is looked at where WORKSPACE links to, and no package must export its sources for this. The tag `external` makes it run always.
set -euo pipefail
tree=$(dirname "$(readlink -f WORKSPACE)")
STRONGROOM_INSIDE=1 exec "$tree/tools/format" --check
