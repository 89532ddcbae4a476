"""The licences of what is linked into the drop and brings none to Bazel: Go modules, and the standard libraries."""

_GO = "/usr/lib/go-1.26/bin/go"

def _go_modules_impl(rctx):
    rctx.file("go.mod", rctx.read(rctx.attr.go_mod))
    rctx.file("go.sum", rctx.read(rctx.attr.go_sum))
    env = {"GOFLAGS": "-mod=mod -modcacherw", "GOPATH": str(rctx.path("gopath")), "GOCACHE": str(rctx.path("gocache")), "HOME": str(rctx.path("."))}
    asked = rctx.execute([_GO, "mod", "edit", "-json"], environment = env)
    if asked.return_code != 0:
        fail("reading go.mod: " + asked.stderr)
    required = ["{}@{}".format(r["Path"], r["Version"]) for r in json.decode(asked.stdout)["Require"]]
    got = rctx.execute([_GO, "mod", "download", "-json"] + required, environment = env, timeout = 1200)
    if got.return_code != 0:
        fail("go mod download: {}{}".format(got.stdout, got.stderr))

    # A line with a closing brace ends each answer.
    for answer in got.stdout.split("\n}\n"):
        if not answer.strip():
            continue
        module = json.decode(answer + "}")
        for file in rctx.path(module["Dir"]).readdir():
            if file.basename.upper().split(".")[0].split("-")[0] in _NAMES:
                rctx.file("modules/{}/{}".format(module["Path"], file.basename), rctx.read(file), executable = False)

    # As GOPROXY=file://... reads it.
    rctx.execute(["sh", "-ec", "mv gopath/pkg/mod/cache/download proxy && rm -rf proxy/sumdb gopath gocache go.mod go.sum && find proxy -name '*.lock' -delete"])
    rctx.file("BUILD.bazel", _FOLDER.format("files", "modules") + _FOLDER.format("proxy", "proxy"))

_NAMES = ["COPYING", "LICENCE", "LICENSE", "NOTICE", "PATENTS"]

_FOLDER = """\
filegroup(
    name = "{}",
    srcs = glob(["{}/**"]),
    visibility = ["//visibility:public"],
)
"""

go_modules = repository_rule(
    doc = "The licences of the modules that go.mod requires, and the modules as a proxy has them.",
    implementation = _go_modules_impl,
    attrs = {
        "go_mod": attr.label(mandatory = True),
        "go_sum": attr.label(mandatory = True),
    },
)

# Name, licence, the text or texts in the environment, and the command that says the version.
_ZIG = "/opt/strongroom/python/ziglang"
_RUNTIMES = [
    struct(
        name = "rust-std",
        licence = "MIT OR Apache-2.0",
        texts = {"copyright": "/usr/share/doc/libstd-rust-dev/copyright"},
        version = ["rustc", "--version"],
    ),
    struct(
        name = "go-std",
        licence = "BSD-3-Clause",
        texts = {"copyright": "/usr/share/doc/golang-1.26-go/copyright"},
        version = [_GO, "env", "GOVERSION"],
    ),
    struct(
        # LLVM's unwinder, compiler-rt and, where it is needed, libc++, as zig brings them.
        name = "llvm-runtimes",
        licence = "Apache-2.0 WITH LLVM-exception",
        texts = {"LICENSE.TXT": _ZIG + "/lib/libunwind/LICENSE.TXT"},
        version = [_ZIG + "/zig", "version"],
    ),
    struct(
        name = "musl",
        licence = "MIT",
        texts = {"COPYRIGHT": _ZIG + "/lib/libc/musl/COPYRIGHT"},
        version = [_ZIG + "/zig", "version"],
    ),
    struct(
        name = "mingw-w64",
        licence = "ZPL-2.1",
        texts = {"COPYING": _ZIG + "/lib/libc/mingw/COPYING"},
        version = [_ZIG + "/zig", "version"],
    ),
]

def _runtime_licences_impl(rctx):
    for runtime in _RUNTIMES:
        said = rctx.execute(runtime.version)
        if said.return_code != 0:
            fail("asking {} for its version: {}".format(runtime.version[0], said.stderr))
        version = [word for word in said.stdout.split(" ") if word.lstrip("go")[:1].isdigit()][0].strip().removeprefix("go")
        if runtime.version[0].startswith(_ZIG):
            version = "zig-" + version
        rctx.file("runtimes/{}/about.json".format(runtime.name), json.encode({"licence": runtime.licence, "version": version}))
        for name, path in runtime.texts.items():
            rctx.file("runtimes/{}/{}".format(runtime.name, name), rctx.read(path), executable = False)
    rctx.file("BUILD.bazel", _FOLDER.format("files", "runtimes"))

runtime_licences = repository_rule(
    doc = "The licences of the standard libraries that the environment's compilers link in.",
    implementation = _runtime_licences_impl,
)
