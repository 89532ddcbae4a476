"""C and C++ for other platforms than the environment's own, by zig."""

load("@bazel_tools//tools/cpp:unix_cc_toolchain_config.bzl", "cc_toolchain_config")

_ZIG = "/opt/strongroom/python/ziglang"

def zig_toolchain(name, cpu, libc, constraints, link_flags = [], files = []):
    """The toolchain `name`, whose compiler is `name/cc`.

    Args:
      name: what //platforms calls the platform
      cpu: what Bazel calls the processor
      libc: the C library
      constraints: what the platform is
      link_flags: what the linker is told on this platform
      files: what `compile` reads for this platform
    """
    cc_toolchain_config(
        name = name + "_config",
        abi_libc_version = libc,
        abi_version = libc,
        # One that build scripts and rule sets know the flags of.
        compiler = "clang",
        compile_flags = [
            "-fstack-protector",
            "-Wall",
            "-fno-omit-frame-pointer",
        ],
        cpu = cpu,
        cxx_builtin_include_directories = [_ZIG + "/lib"],
        cxx_flags = ["-std=c++17"],
        dbg_compile_flags = ["-g"],
        host_system_name = "local",
        link_flags = link_flags,
        link_libs = ["-lm"],
        opt_compile_flags = [
            "-g0",
            "-O2",
            "-D_FORTIFY_SOURCE=1",
            "-DNDEBUG",
            "-ffunction-sections",
            "-fdata-sections",
        ],
        opt_link_flags = ["-Wl,--gc-sections"],
        target_libc = libc,
        target_system_name = name,
        tool_paths = {
            "ar": "ar",
            "cpp": name + "/cc",
            "dwp": "/bin/false",
            "gcc": name + "/cc",
            "gcov": "/bin/false",
            "ld": name + "/cc",
            "llvm-cov": "/bin/false",
            "nm": "/usr/bin/nm",
            "objcopy": "/bin/false",
            "objdump": "/bin/false",
            "strip": "/bin/false",
        },
        toolchain_identifier = "zig_" + name,
        unfiltered_compile_flags = [
            "-no-canonical-prefixes",
            "-Wno-builtin-macro-redefined",
            "-D__DATE__=\"redacted\"",
            "-D__TIMESTAMP__=\"redacted\"",
            "-D__TIME__=\"redacted\"",
        ],
    )
    native.filegroup(
        name = name + "_files",
        srcs = [
            "ar",
            "compile",
            name + "/cc",
        ] + files,
    )
    native.cc_toolchain(
        name = name + "_cc",
        all_files = name + "_files",
        ar_files = name + "_files",
        as_files = name + "_files",
        compiler_files = name + "_files",
        dwp_files = name + "_files",
        linker_files = name + "_files",
        objcopy_files = name + "_files",
        strip_files = name + "_files",
        supports_param_files = 1,
        toolchain_config = name + "_config",
    )
    native.toolchain(
        name = name,
        exec_compatible_with = [
            "@platforms//cpu:x86_64",
            "@platforms//os:linux",
        ],
        target_compatible_with = constraints,
        toolchain = name + "_cc",
        toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
    )
