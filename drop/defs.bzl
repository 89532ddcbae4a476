"""The drop: what is built for each platform, and the archives of it."""

load("@io_bazel_rules_go//go:def.bzl", "GoArchive")
load("@release//:version.bzl", "VERSION")
load("@rules_rust//rust:defs.bzl", "rust_common")
load(":bazel.bzl", "bazel_files")
load(":platforms.bzl", "tags_of", "with_symbols")

# What the files of a system are called, and what a program that takes the static library links beside it. `shared` and `links` are paths in the
# platform's folder: a program that is linked with the library asks for the first by its name, and a linker for the second.
_SYSTEMS = {
    "linux": struct(
        agent = "bin/strongroom",
        archive = ".tar.gz",
        libraries = "-lm -ldl",
        links = {"lib/libstrongroom.so": "libstrongroom.so.1"},
        runtimes = ["go-std", "llvm-runtimes", "rust-std"],
        shared = "lib/libstrongroom.so.1",
        stubs = [],
        threads = "-pthread",
    ),
    "macos": struct(
        agent = "bin/strongroom",
        archive = ".tar.gz",
        libraries = "-Wl,-framework,Security -Wl,-framework,CoreFoundation",
        links = {"lib/libstrongroom.dylib": "libstrongroom.1.dylib"},
        runtimes = ["go-std", "llvm-runtimes", "rust-std"],
        shared = "lib/libstrongroom.1.dylib",
        stubs = [],
        threads = "",
    ),
    "windows": struct(
        agent = "bin/strongroom.exe",
        archive = ".zip",
        libraries = "-ladvapi32 -lbcrypt -lntdll -luserenv -lws2_32",
        links = {},
        runtimes = ["go-std", "llvm-runtimes", "mingw-w64", "rust-std"],
        # Programs look for it beside themselves and in PATH.
        shared = "bin/strongroom.dll",
        stubs = ["--stubs"],
        threads = "",
    ),
}

PlatformFilesInfo = provider(
    "What a platform gives to the drop.",
    fields = {
        "agent": "the agent's path in the platform's folder",
        "crates": "depset of files: the crates' manifests and licences",
        "entries": "list of structs for pack.py, with paths in the drop",
        "libraries": "what a program that takes the static library links beside it",
        "name": "as in linux-amd64",
        "packages": "depset of import paths: Go packages in the agent",
        "runtimes": "list of names: the standard libraries in the files",
        "static": "the static library",
        "symbols": "list of structs like entries, for the archive of symbols",
        "wheel": "the wheel",
    },
)

# ---- What is linked ----

_CratesInfo = provider("The crates that a target links.", fields = {"files": "depset of their manifests and licences"})

def _is_notice(file):
    name = file.basename.upper()
    return name == "CARGO.TOML" or name.endswith(("COPYING", "COPYRIGHT", "NOTICE")) or name.startswith(("LICENCE", "LICENSE", "UNLICENSE", "COPYING.", "NOTICE."))

def _crates_impl(target, ctx):
    # A crate depends on the run of its build script, and that on what the script needs.
    if "build_script" in ctx.rule.kind:
        return [_CratesInfo(files = depset())]
    own = []
    if rust_common.crate_info in target and target.label.workspace_name == "crates":
        own = [file for file in ctx.rule.files.compile_data if _is_notice(file)]
    linked = getattr(ctx.rule.attr, "deps", []) + getattr(ctx.rule.attr, "srcs", []) + [getattr(ctx.rule.attr, "static_library", None)]
    deps = [dep[_CratesInfo].files for dep in linked if dep and _CratesInfo in dep]
    return [_CratesInfo(files = depset(own, transitive = deps))]

# Not along those for macros and build scripts, which run in the build and are in no binary. On Windows, the static library is a file made from
# another one: tools/rust/static.bzl.
_crates = aspect(implementation = _crates_impl, attr_aspects = ["deps", "srcs", "static_library"])

# ---- One platform ----

def _to_platform_impl(_settings, attr):
    # None is what Bazel starts with: the same configuration, and the same outputs, as all tests have.
    return {"//command_line_option:platforms": [attr.platform] if attr.platform else []}

_to_platform = transition(
    implementation = _to_platform_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _one(target, ends):
    files = [file for file in target.files.to_list() if file.basename.endswith(tuple(ends))]
    if len(files) != 1:
        fail("{} gives {}, of which one was to end with {}".format(target.label, target.files.to_list(), " or ".join(ends)))
    return files[0]

def _library(target, name):
    """The static library of a name, of those that a C program which depends on the target is linked with."""
    for input in target[CcInfo].linking_context.linker_inputs.to_list():
        for library in input.libraries:
            file = library.pic_static_library or library.static_library
            if file and file.basename in (name + ".a", name + ".pic.a"):
                return file
    fail("{} gives no {}".format(target.label, name))

def _tools(ctx):
    return ["--objcopy", ctx.executable._objcopy.path, "--strip", ctx.executable._strip.path]

def _stripped(ctx, source, name):
    """A program or shared library without its symbols, and they."""
    out = ctx.actions.declare_file("{}/{}".format(ctx.label.name, name))
    symbols = ctx.actions.declare_file("{}/{}.debug".format(ctx.label.name, name))
    ctx.actions.run(
        executable = "python3",
        use_default_shell_env = True,
        arguments = [ctx.file._binaries.path, "strip"] + _tools(ctx) + [source.path, out.path, symbols.path],
        inputs = [source, ctx.file._binaries],
        outputs = [out, symbols],
        tools = [ctx.executable._objcopy, ctx.executable._strip],
        mnemonic = "Strip",
    )
    return out, symbols

def _archive(ctx, source, name, stubs):
    """A static library in which everything has a name of its own; `stubs` are options about those of DLLs."""
    out = ctx.actions.declare_file("{}/{}".format(ctx.label.name, name))
    ctx.actions.run(
        executable = "python3",
        use_default_shell_env = True,
        arguments = [ctx.file._binaries.path, "archive"] + _tools(ctx) + ["--ar", ctx.executable._ar.path, "--nm", ctx.executable._nm.path] + stubs + [source.path, out.path],
        inputs = [source, ctx.file._binaries],
        outputs = [out],
        tools = [ctx.executable._ar, ctx.executable._nm, ctx.executable._objcopy, ctx.executable._strip],
        mnemonic = "Strip",
    )
    return out

def _entry(path, file, executable = False):
    return struct(path = path, file = file, executable = executable)

def _platform_files_impl(ctx):
    name = ctx.label.name.replace("_", "-")
    system = _SYSTEMS[name.split("-")[0]]

    # A transition makes lists of attributes that hold one target.
    agent, client, shared, static, wheel = [
        attr[0]
        for attr in [ctx.attr._agent, ctx.attr._client, ctx.attr._shared, ctx.attr._static, ctx.attr._wheel]
    ]
    static_library = _archive(ctx, _library(static, "libstrongroom"), "libstrongroom.a", system.stubs)
    client_library = _archive(ctx, _library(client, "libclient"), "libstrongroom_client.a", [])
    shared_library, shared_symbols = _stripped(ctx, _one(shared, [".so", ".dylib", ".dll"]), system.shared)
    agent_program, agent_symbols = _stripped(ctx, agent[DefaultInfo].files_to_run.executable, system.agent)
    libraries = [
        _entry("lib/libstrongroom.a", static_library),
        _entry("lib/libstrongroom_client.a", client_library),
        _entry(system.shared, shared_library, executable = True),
    ]
    # By it, programs are linked with a DLL.
    libraries += [_entry("lib/" + file.basename, file) for file in shared.files.to_list() if file.basename.endswith(".dll.a")]

    texts = ctx.actions.declare_directory(ctx.label.name + "/texts")
    args = ctx.actions.args()
    args.add(ctx.file._prefix)
    args.add("--version", VERSION)
    args.add("--platform", name)
    args.add("--libraries=" + system.libraries)
    args.add("--threads=" + system.threads)
    args.add("--shared", system.shared)
    args.add_all([texts], before_each = "--out", expand_directories = False)
    for entry in libraries:
        args.add("--file", "{}={}".format(entry.path, entry.file.path))
    args.add_all(ctx.files._templates)
    ctx.actions.run(
        executable = "python3",
        use_default_shell_env = True,
        arguments = [args],
        inputs = [ctx.file._prefix] + [entry.file for entry in libraries] + ctx.files._templates,
        outputs = [texts],
        mnemonic = "Prefix",
    )

    entries = libraries + [_entry(system.agent, agent_program, executable = True)]
    entries += [_entry("include/" + file.basename, file) for file in ctx.files._headers]
    entries = [struct(path = "{}/{}".format(name, e.path), file = e.file, executable = e.executable) for e in entries]
    entries.append(struct(path = name + "/lib", folder = texts))
    entries += [struct(path = "{}/{}".format(name, path), link = link) for path, link in system.links.items()]
    if ctx.file.glibc:
        entries.append(_entry(name + "/glibc", ctx.file.glibc))
    wheel = _one(wheel, [".whl"])
    return [
        PlatformFilesInfo(
            agent = system.agent,
            crates = static[_CratesInfo].files,
            entries = entries + [_entry("python/" + wheel.basename, wheel)],
            libraries = " ".join([options for options in [system.libraries, system.threads] if options]),
            name = name,
            packages = depset([a.importpath for a in agent[GoArchive].transitive.to_list()]),
            runtimes = system.runtimes + (["musl"] if name.endswith("-musl") else []),
            static = static_library,
            symbols = [
                _entry("{}/{}.debug".format(name, system.agent), agent_symbols),
                _entry("{}/{}.debug".format(name, system.shared), shared_symbols),
            ],
            wheel = wheel,
        ),
        DefaultInfo(files = depset([static_library, client_library, shared_library, agent_program, wheel])),
    ]

def _built(label, **kwargs):
    return attr.label(default = label, cfg = _to_platform, **kwargs)

def _tool(label):
    return attr.label(default = label, executable = True, allow_single_file = True, cfg = "exec")

platform_files = rule(
    doc = "What a platform gives to the drop. Its name is the platform's.",
    implementation = _platform_files_impl,
    attrs = {
        "glibc": attr.label(doc = "a file that says which glibc is the oldest that the platform's libraries need", allow_single_file = True),
        "platform": attr.string(doc = "the label of the platform; none is the one that the build runs on"),
        "_agent": _built("//go/cmd/strongroom"),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
        "_ar": _tool("@llvm//:llvm-ar"),
        "_binaries": attr.label(default = "//drop:binaries.py", allow_single_file = True),
        "_client": _built("//rust/capi/include:client"),
        "_headers": attr.label(default = "//drop:headers", allow_files = True),
        "_nm": _tool("@llvm//:llvm-nm"),
        "_objcopy": _tool("@llvm//:llvm-objcopy"),
        "_prefix": attr.label(default = "//drop:prefix.py", allow_single_file = True),
        "_shared": _built("//rust/capi:shared"),
        "_static": _built("//rust/capi:static", aspects = [_crates]),
        "_strip": _tool("@llvm//:llvm-strip"),
        "_templates": attr.label(default = "//drop:templates", allow_files = True),
        "_wheel": _built("//python:wheel"),
    },
)

# ---- Archives ----

def _pack(ctx, root, entries, out):
    """Packs the entries."""
    inputs = []
    described = []
    for entry in entries:
        if hasattr(entry, "link"):
            described.append({"path": entry.path, "link": entry.link})
        elif hasattr(entry, "folder"):
            described.append({"path": entry.path, "folder": entry.folder.path})
            inputs.append(entry.folder)
        else:
            described.append({"path": entry.path, "file": entry.file.path, "executable": entry.executable})
            inputs.append(entry.file)
    manifest = ctx.actions.declare_file(out.basename + ".json")
    ctx.actions.write(manifest, json.encode({"root": root, "entries": described}))
    ctx.actions.run(
        executable = "python3",
        use_default_shell_env = True,
        arguments = [ctx.file._pack.path, manifest.path, out.path],
        inputs = inputs + [manifest, ctx.file._pack],
        outputs = [out],
        mnemonic = "Pack",
        progress_message = "Packing %{output}",
    )

def _go_module(ctx, platforms):
    out = ctx.actions.declare_directory(ctx.label.name + "/go")
    example = ctx.actions.declare_directory(ctx.label.name + "/go_example")
    header = [file for file in ctx.files._headers if file.basename == "sr.h"][0]
    args = ctx.actions.args()
    args.add(ctx.file._go_module)
    args.add("--version", VERSION)
    args.add("--go-mod", ctx.file._go_mod)
    args.add("--header", header)
    args.add_all([out], before_each = "--out", expand_directories = False)
    args.add_all([example], before_each = "--example", expand_directories = False)
    for platform in platforms:
        args.add("--platform", "{}={}".format(platform.name.replace("-", "_"), platform.static.path))
    args.add("--go-sum", ctx.file._go_sum)
    args.add("--proxy", "{}/proxy".format(ctx.attr._proxy.label.workspace_root))
    args.add_all(ctx.files._go_sources)
    ctx.actions.run(
        executable = "python3",
        use_default_shell_env = True,
        arguments = [args],
        inputs = [ctx.file._go_module, ctx.file._go_mod, ctx.file._go_sum, header] + [p.static for p in platforms] + ctx.files._go_sources + ctx.files._proxy,
        outputs = [out, example],
        mnemonic = "GoModule",
    )
    return out, example

def _describe(ctx, platforms, outputs):
    """Says what others wrote; `outputs` are options of third_parties.py and files."""
    linked = ctx.actions.declare_file(ctx.label.name + "/linked.json")
    ctx.actions.write(linked, json.encode({
        "platforms": {
            platform.name: {
                "crates": [file.path for file in platform.crates.to_list()],
                # Others' packages: the tree's own have no dot before the first slash but this one.
                "packages": [p for p in platform.packages.to_list() if "." in p.split("/")[0] and not p.startswith("strongroom.dev/")],
                "runtimes": platform.runtimes,
            }
            for platform in platforms
        },
        "version": VERSION,
    }))
    args = ctx.actions.args()
    args.add(ctx.file._third_parties)
    args.add(linked)
    args.add("--cargo-lock", ctx.file._cargo_lock)
    args.add("--go-mod", ctx.file._go_mod)
    args.add("--modules", "{}/modules".format(ctx.attr._modules.label.workspace_root))
    args.add("--runtimes", "{}/runtimes".format(ctx.attr._runtimes.label.workspace_root))
    for option, file in outputs.items():
        args.add_all([file], before_each = option, expand_directories = False)
    ctx.actions.run(
        executable = "python3",
        use_default_shell_env = True,
        arguments = [args],
        inputs = depset(
            [ctx.file._third_parties, linked, ctx.file._cargo_lock, ctx.file._go_mod] + ctx.files._modules + ctx.files._runtimes,
            transitive = [platform.crates for platform in platforms],
        ),
        outputs = outputs.values(),
        mnemonic = "ThirdParties",
    )

_DESCRIBED = {
    "_cargo_lock": attr.label(default = "//:Cargo.lock", allow_single_file = True),
    "_go_mod": attr.label(default = "//:go.mod", allow_single_file = True),
    "_modules": attr.label(default = "@go_modules//:files"),
    "_runtimes": attr.label(default = "@runtime_licences//:files"),
    "_third_parties": attr.label(default = "//drop:third_parties.py", allow_single_file = True),
}

def _notices_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    library = struct(name = "library", crates = ctx.attr.library[_CratesInfo].files, packages = depset(), runtimes = ["llvm-runtimes", "rust-std"])
    _describe(ctx, [library], {"--notices": out})
    return [DefaultInfo(files = depset([out]))]

notices = rule(
    doc = "One text with the licences of what others wrote in a library.",
    implementation = _notices_impl,
    attrs = dict(_DESCRIBED, library = attr.label(mandatory = True, aspects = [_crates])),
)

def _drop_archive_impl(ctx):
    platforms = [platform[PlatformFilesInfo] for platform in ctx.attr.platforms]
    version = ctx.actions.declare_file(ctx.label.name + "/VERSION")
    ctx.actions.write(version, VERSION + "\n")
    sbom = ctx.actions.declare_file(ctx.label.name + "/sbom.cdx.json")
    licences = ctx.actions.declare_directory(ctx.label.name + "/licences")
    _describe(ctx, platforms, {"--licences": licences, "--sbom": sbom})
    go, go_example = _go_module(ctx, platforms)
    entries = []
    for path, text in bazel_files(VERSION, platforms).items():
        file = ctx.actions.declare_file("{}/bazel/{}".format(ctx.label.name, path))
        ctx.actions.write(file, text)
        entries.append(_entry(path, file))
    entries += [
        _entry("VERSION", version),
        _entry("sbom.cdx.json", sbom),
        struct(path = "examples/go", folder = go_example),
        struct(path = "go", folder = go),
        struct(path = "licences", folder = licences),
        struct(path = "reference", folder = ctx.file._reference),
    ]
    for target, path in ctx.attr.files.items():
        files = target.files.to_list()
        for file in files:
            # A path that ends with a slash is a folder.
            entries.append(_entry(path + file.basename if path.endswith("/") else path, file, executable = file.extension == "sh"))
    for platform in platforms:
        entries += platform.entries
    root = "strongroom-sdk-" + VERSION + ("-" + ctx.attr.suffix if ctx.attr.suffix else "")
    archive = ctx.actions.declare_file("{}{}".format(root, ctx.attr.extension))
    _pack(ctx, root, entries, archive)
    return [DefaultInfo(files = depset([archive]))]

drop_archive = rule(
    doc = "An archive of some platforms.",
    implementation = _drop_archive_impl,
    attrs = dict(_DESCRIBED, **{
        "extension": attr.string(default = ".tar.gz", values = [".tar.gz", ".zip"]),
        "files": attr.label_keyed_string_dict(doc = "what is the same everywhere, and its path in the drop", allow_files = True),
        "platforms": attr.label_list(mandatory = True, providers = [PlatformFilesInfo]),
        "suffix": attr.string(doc = "the platform's name in that of the archive"),
        "_go_module": attr.label(default = "//drop:go_module.py", allow_single_file = True),
        "_go_sum": attr.label(default = "//:go.sum", allow_single_file = True),
        "_go_sources": attr.label(default = "//drop:go_sources", allow_files = True),
        "_headers": attr.label(default = "//drop:headers", allow_files = True),
        "_pack": attr.label(default = "//drop:pack.py", allow_single_file = True),
        "_proxy": attr.label(default = "@go_modules//:proxy"),
        "_reference": attr.label(default = "//docs:reference", allow_single_file = True),
    }),
)

def _drop_symbols_impl(ctx):
    platform = ctx.attr.platform[PlatformFilesInfo]
    root = "strongroom-sdk-{}-{}-symbols".format(VERSION, platform.name)
    archive = ctx.actions.declare_file(root + ".tar.gz")
    _pack(ctx, root, platform.symbols, archive)
    return [DefaultInfo(files = depset([archive]))]

drop_symbols = rule(
    doc = "The archive of a platform's symbols, for those who look into a crash.",
    implementation = _drop_symbols_impl,
    attrs = {
        "platform": attr.label(mandatory = True, providers = [PlatformFilesInfo]),
        "_pack": attr.label(default = "//drop:pack.py", allow_single_file = True),
    },
)

def platform_drop(name, files, platform = "", glibc = None):
    """The files of a platform, `NAME_archive` and `NAME_symbols`.

    Args:
      name: of the platform
      files: as for drop_archive
      platform: as for platform_files
      glibc: as for platform_files
    """
    platform_files(
        name = name,
        glibc = glibc,
        platform = platform,
        tags = tags_of(name),
    )
    drop_archive(
        name = name + "_archive",
        extension = _SYSTEMS[name.split("_")[0]].archive,
        files = files,
        platforms = [name],
        suffix = name.replace("_", "-"),
        tags = tags_of(name),
    )
    if with_symbols([name]):
        drop_symbols(
            name = name + "_symbols",
            platform = name,
            tags = tags_of(name),
        )

def _sums_impl(ctx):
    out = ctx.actions.declare_file("strongroom-sdk-{}-SHA256SUMS".format(VERSION))
    args = ctx.actions.args()
    args.add(out)
    args.add_all(ctx.files.archives)
    ctx.actions.run_shell(
        # By name, because that is where they will lie: in one folder.
        command = "out=$1; shift; for file; do echo \"$(sha256sum <\"$file\" | cut -d ' ' -f 1)  ${file##*/}\"; done | sort -k 2 >\"$out\"",
        arguments = [args],
        inputs = ctx.files.archives,
        outputs = [out],
        mnemonic = "Sums",
    )
    return [DefaultInfo(files = depset([out] + ctx.files.archives))]

drop = rule(
    doc = "The archives, and their sums: what tools/release signs.",
    implementation = _sums_impl,
    attrs = {"archives": attr.label_list(mandatory = True)},
)
