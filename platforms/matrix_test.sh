#!/usr/bin/env bash
# docs/platforms.md and README.md have the matrix of support.json.
set -euo pipefail
exec python3 platforms/matrix.py --check platforms/support.json docs/platforms.md README.md
