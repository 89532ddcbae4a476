"""The sources of the differential test, of as many random IDL files as the flag //conformance/differential:files says."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

_OUTPUTS = ["generated.go", "generated.h", "generated.py", "generated.rs", "lib.rs", "methods.inc", "vectors.json"]

def _sources(ctx):
    outputs = [ctx.actions.declare_file(name) for name in _OUTPUTS]
    ctx.actions.run(
        executable = ctx.executable._generate,
        arguments = [
            "--files",
            str(ctx.attr._files[BuildSettingInfo].value),
            "--seed",
            str(ctx.attr._seed[BuildSettingInfo].value),
            "--out",
            outputs[0].dirname,
        ],
        outputs = outputs,
        mnemonic = "RandomInterfaces",
    )
    groups = {output.basename: depset([output]) for output in outputs}
    return [DefaultInfo(files = depset(outputs)), OutputGroupInfo(**{name.replace(".", "_"): files for name, files in groups.items()})]

differential_sources = rule(
    implementation = _sources,
    attrs = {
        "_files": attr.label(default = "//conformance/differential:files"),
        "_generate": attr.label(default = "//conformance/differential/generate", executable = True, cfg = "exec"),
        "_seed": attr.label(default = "//conformance/differential:seed"),
    },
)
