#!/usr/bin/env bash
# bazel_test.sh ARCHIVE: the consumer workspace of the drop, as it stands in it, with a Bazel of its own. The rule set that Bazel would fetch comes from the
# environment; there is no network here.
set -euo pipefail
mkdir "$TEST_TMPDIR/drop"
tar -xzf "$1" -C "$TEST_TMPDIR/drop" --strip-components=1
cd "$TEST_TMPDIR/drop/examples/bazel"
bazel=(/usr/bin/bazel --batch --output_user_root="$TEST_TMPDIR/output")
rules=/usr/share/bazel
status=0
HOME=$TEST_TMPDIR USER=somebody "${bazel[@]}" test //... --jobs=2 --spawn_strategy=local --test_output=errors --noshow_progress \
  --override_repository=rules_cc=$rules/rules/cc --override_repository=platforms=$rules/tools/platforms \
  --override_repository=bazel_skylib=$rules/tools/skylib --override_repository=rules_python=$rules/rules/python \
  --repo_env=CC=/usr/bin/gcc || status=$?
chmod -R u+w "$TEST_TMPDIR/output"
exit "$status"
