"""Bazel makes the packages that are tested; without it there is nothing to collect."""

import importlib.util

if importlib.util.find_spec("evolution") is None:
    collect_ignore_glob = ["test_*.py"]
