"""The crates that Cargo.lock pins: sources by `cargo vendor`, which verifies them, and BUILD files from cargo's own unit graph."""

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
        RUSTC_BOOTSTRAP=1 cargo build --workspace --release --tests --target x86_64-unknown-linux-gnu --unit-graph -Z unstable-options \
            --locked --offline --manifest-path workspace/Cargo.toml >units.json
        python3 "$1" units.json .
        rm -rf workspace cargo_home
    """, "sh", str(rctx.path(rctx.attr._build_files))], environment = {"CARGO_HOME": str(rctx.path("cargo_home"))}, timeout = 1200)
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
