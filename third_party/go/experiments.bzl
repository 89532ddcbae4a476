"""What of GOEXPERIMENT the Go SDK is asked for. `--config=race` sets it; everything else builds without."""

def _go_experiments_impl(rctx):
    names = [name for name in rctx.os.environ.get("STRONGROOM_GOEXPERIMENT", "").split(",") if name]
    rctx.file("BUILD.bazel", "")
    rctx.file("experiments.bzl", "EXPERIMENTS = %r\n" % names)

go_experiments = repository_rule(
    doc = "The list `EXPERIMENTS`, from `--repo_env=STRONGROOM_GOEXPERIMENT=A,B`. A rule of a WORKSPACE cannot read an option by itself.",
    implementation = _go_experiments_impl,
    environ = ["STRONGROOM_GOEXPERIMENT"],
    local = True,
)
