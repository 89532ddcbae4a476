"""What users install."""

load("@release//:version.bzl", "VERSION")

def wheel(name, tag):
    """The wheel of one platform. Its name says what it runs on; where that is not so, it is not made.

    Args:
      name: of the target.
      tag: the platform, as wheels call it.
    """
    native.genrule(
        name = name,
        srcs = [
            "//:LICENSE",
            "//docs:python.md",
            "//drop:notices",
            "//python/strongroom:files",
        ],
        outs = ["strongroom-{}-cp311-abi3-{}.whl".format(VERSION, tag)],
        cmd = " ".join([
            "python3 $(execpath make_wheel.py)",
            "--licence $(execpath //:LICENSE)",
            "--notices $(execpath //drop:notices)",
            "--objdump $(execpath @llvm//:llvm-objdump)",
            "--readme $(execpath //docs:python.md)",
            "$@ $(execpaths //python/strongroom:files)",
        ]),
        message = "Making the wheel",
        # `wheel` chooses the one that is right; by itself, `//...` would make all of them of the same files.
        tags = ["manual"],
        tools = [
            "make_wheel.py",
            "@llvm//:llvm-objdump",
        ],
    )
