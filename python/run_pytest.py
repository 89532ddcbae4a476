"""Runs test files under Bazel, which starts programs and knows nothing of pytest."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "--color=no", "-p", "no:cacheprovider", *sys.argv[1:]]))
