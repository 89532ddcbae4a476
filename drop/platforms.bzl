"""The platforms of the drop."""

# Those that `//...` builds and tests.
TESTED = [
    "linux_amd64",
    "linux_arm64",
    "windows_amd64",
]

# Those that only a release builds, so that `//...` need not build everything seven times: `manual`.
RELEASED = [
    "linux_amd64_musl",
    "linux_arm64_musl",
    "macos_amd64",
    "macos_arm64",
]

def with_symbols(platforms):
    """Those that have an archive of symbols: linkers for Windows write them into a file of their own, which Bazel's rules do not know of."""
    return [platform for platform in platforms if not platform.startswith("windows")]

def tags_of(platform):
    return [] if platform in TESTED else ["manual"]
