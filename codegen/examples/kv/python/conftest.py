"""Bazel makes the package that is tested; without it there is nothing to collect."""

import importlib.util

if importlib.util.find_spec("kv") is None:
    collect_ignore_glob = ["test_*.py"]
