#!/usr/bin/env bash
# tools/sanitize on the tree itself, with the variables of the environment: cargo builds in the tree's own target folder.
set -euo pipefail
tree=$(dirname "$(readlink -f WORKSPACE)")
exec /opt/strongroom/bin/inside "$tree/tools/sanitize"
