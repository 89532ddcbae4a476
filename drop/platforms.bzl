"""The platforms of the drop."""

PLATFORMS = [
    "linux_amd64",
    "linux_amd64_musl",
    "linux_arm64",
    "linux_arm64_musl",
    "macos_amd64",
    "macos_arm64",
    "windows_amd64",
]
