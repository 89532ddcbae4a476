"""The crates that Cargo.lock pins: sources by `cargo vendor`, which verifies them, and BUILD files from cargo's own unit graph."""

# Those of build_files.py.
_TRIPLES = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-pc-windows-gnullvm",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
]

def _crates_impl(rctx):
    # cargo wants the whole workspace: its manifests, and source files for each member.
    for label in [rctx.attr.lockfile] + rctx.attr.manifests:
        folder = label.package + "/" if label.package else ""
        rctx.file("workspace/" + folder + label.name, rctx.read(label))
        if label.package:
            rctx.file("workspace/" + folder + "src/lib.rs")
            rctx.file("workspace/" + folder + "src/main.rs", "fn main() {}")
    done = rctx.execute(["sh", "-ec", """
        cargo vendor --locked --versioned-dirs --no-delete --quiet --manifest-path workspace/Cargo.toml . >/dev/null
        mkdir units
        for triple in $2; do
            RUSTC_BOOTSTRAP=1 cargo build --workspace --release --tests --target $triple --unit-graph -Z unstable-options \
                --locked --offline --manifest-path workspace/Cargo.toml >units/$triple.json
        done
        python3 "$1" units .
        rm -rf workspace units cargo_home
    """, "sh", str(rctx.path(rctx.attr._build_files)), " ".join(_TRIPLES)], environment = {"CARGO_HOME": str(rctx.path("cargo_home"))}, timeout = 1200)
    if done.return_code != 0:
        fail("fetching the crates of Cargo.lock: " + done.stdout + done.stderr)

crates = repository_rule(
    implementation = _crates_impl,
    attrs = {
        "lockfile": attr.label(mandatory = True),
        "manifests": attr.label_list(mandatory = True),
        "_build_files": attr.label(default = "//third_party/crates:build_files.py"),
    },
)
