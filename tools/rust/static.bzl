"""Static libraries of Rust code."""

load("@rules_rust//rust:defs.bzl", "rust_static_library")
load("//platforms:rust.bzl", "WINDOWS_LIBRARIES")

# On Windows, Rust's own runtime defines the stack's probe, as every C compiler's does, and a program would have two of them. The one of the
# library gets another name; the calls of it go to the C compiler's. Only the member that defines it is taken out: objcopy does not read
# the stubs of DLLs that lie in the library, too.
_WITHOUT_PROBE = """
set -euo pipefail
cp $< $@
chmod u+w $@
member=$$($(execpath @llvm//:llvm-nm) -A $@ 2>/dev/null | sed -n 's/^[^:]*:\\([^:]*\\): .* T ___chkstk_ms$$/\\1/p')
folder=$$(mktemp -d)
$(execpath @llvm//:llvm-ar) p $@ "$$member" >$$folder/"$$member"
$(execpath @llvm//:llvm-objcopy) --redefine-sym ___chkstk_ms=sr_internal.___chkstk_ms $$folder/"$$member"
$(execpath @llvm//:llvm-ar) rD $@ $$folder/"$$member"
rm -r $$folder
"""

def static_library(name, crate_name, visibility = None, **kwargs):
    """A rust_static_library that programs of any C compiler can be linked with.

    Args:
      name: of the target.
      crate_name: what the library is called.
      visibility: of the target.
      **kwargs: as for rust_static_library.
    """
    rust_static_library(
        name = name + "_of_rustc",
        crate_name = crate_name,
        visibility = visibility,
        **kwargs
    )
    native.genrule(
        name = name + "_for_windows_file",
        srcs = [name + "_of_rustc"],
        outs = ["windows/lib{}.a".format(crate_name)],
        cmd = _WITHOUT_PROBE,
        target_compatible_with = ["@platforms//os:windows"],
        tools = [
            "@llvm//:llvm-ar",
            "@llvm//:llvm-nm",
            "@llvm//:llvm-objcopy",
        ],
    )
    native.cc_import(
        name = name + "_for_windows_import",
        static_library = name + "_for_windows_file",
        target_compatible_with = ["@platforms//os:windows"],
    )
    native.cc_library(
        name = name + "_for_windows",
        linkopts = WINDOWS_LIBRARIES,
        target_compatible_with = ["@platforms//os:windows"],
        visibility = visibility,
        deps = [name + "_for_windows_import"],
    )
    native.alias(
        name = name,
        actual = select({
            "@platforms//os:windows": name + "_for_windows",
            "//conditions:default": name + "_of_rustc",
        }),
        visibility = visibility,
    )
