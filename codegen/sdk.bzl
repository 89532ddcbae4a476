"""`sdk_library`: from one IDL file, and the Rust crate that does the work, the packages that other languages import."""

load("@io_bazel_rules_go//go:def.bzl", "go_library")
load("@rules_python//python:defs.bzl", "py_library")
load("@rules_rust//rust:defs.bzl", "rust_library", "rust_shared_library", "rust_static_library")
load("//codegen/docs:reference.bzl", "reference")

def sdk_library(
        name,
        idl,
        service,
        importpath,
        srcs = [],
        snippets = None,
        visibility = ["//visibility:public"]):
    """The targets of an interface, in Rust, C, Go and Python, and its reference.

    docs/sdk.md goes through an example. Nothing that is generated needs to be checked in. The targets are

    | target        | what it is |
    |---|---|
    | `NAME_rust`   | `rust_library`, crate NAME: the types, and the traits that the service implements |
    | `NAME_shared` | the service as a shared library, libNAME.so |
    | `NAME_static` | the service as a static library |
    | `NAME_c`      | `cc_library`: the header NAME.h, with the static library behind it |
    | `NAME_go`     | `go_library`: the package NAME, with the static library linked in |
    | `NAME_py`     | `py_library`: the package NAME, with the shared library in its folder |
    | `NAME_docs`   | the reference, a folder with a static site |

    Args:
      name: the name of the interface's package, as `package` says in the IDL.
      idl: the IDL file.
      service: a `rust_library` that implements the traits of `NAME_rust`, and has `rpc::export!` in its root.
      importpath: by which Go imports the package; its last part should be NAME.
      srcs: what the IDL file imports, and what those files import.
      snippets: a filegroup of programs from which the examples of the reference are cut. They stand in its package.
      visibility: of all targets.
    """
    header = name + ".h"
    golang = name + "_go.go"
    python = name + "/generated.py"
    rust = name + "_rust.rs"
    native.genrule(
        name = name + "_generated",
        srcs = [idl] + srcs,
        outs = [header, golang, python, rust],
        cmd = " ".join(
            ["$(execpath %s) gen" % _IDLC] +
            ["--out %s=$(execpath %s)" % output for output in [("c", header), ("golang", golang), ("python", python), ("rust", rust)]] +
            ["$(execpath %s)" % idl],
        ),
        message = "Generating the bindings of",
        tools = [_IDLC],
        visibility = ["//visibility:private"],
    )

    rust_library(
        name = name + "_rust",
        srcs = [rust],
        crate_name = name,
        crate_root = rust,
        visibility = visibility,
        deps = [Label("//rust/rpc")],
    )

    # A crate of one line takes in the service, so that the service is compiled once.
    for rule, suffix in [(rust_shared_library, "_shared"), (rust_static_library, "_static")]:
        rule(
            name = name + suffix,
            srcs = [Label("//tools/rust:whole.rs")],
            aliases = {service: "library"},
            crate_name = name,
            visibility = visibility,
            deps = [service],
        )

    native.cc_library(
        name = name + "_c",
        hdrs = [header],
        # `includes = ["."]` would be refused in the first package of a workspace.
        strip_include_prefix = "/" + native.package_name(),
        visibility = visibility,
        deps = [
            name + "_static",
            Label("//rust/capi/include:client"),
        ],
    )

    go_library(
        name = name + "_go",
        srcs = [golang],
        cdeps = [
            name + "_static",
            Label("//rust/rpc:header"),
        ],
        cgo = True,
        importpath = importpath,
        visibility = visibility,
        deps = [Label("//go/rpc")],
    )

    package = name + "/__init__.py"
    native.genrule(
        name = name + "_py_package",
        srcs = [_PACKAGE],
        outs = [package],
        cmd = "cp $< $@",
        visibility = ["//visibility:private"],
    )

    # The package looks for its library beside itself.
    library = "%s/lib%s.so" % (name, name)
    native.genrule(
        name = name + "_py_beside",
        srcs = [name + "_shared"],
        outs = [library],
        cmd = "cp $< $@",
        visibility = ["//visibility:private"],
    )

    # Tells type checkers that the package has types.
    typed = name + "/py.typed"
    native.genrule(
        name = name + "_py_typed",
        outs = [typed],
        cmd = "touch $@",
        visibility = ["//visibility:private"],
    )
    py_library(
        name = name + "_py",
        srcs = [
            package,
            python,
        ],
        data = [
            library,
            typed,
        ],
        imports = ["."],
        visibility = visibility,
        deps = [Label("//python/strongroom:package")],
    )

    reference(
        name = name + "_docs",
        idl = idl,
        imports = srcs,
        snippets = snippets,
        visibility = visibility,
    )

_IDLC = Label("//codegen/cmd/idlc")
_PACKAGE = Label("//codegen:package.py")
