"""The reference of an interface, as a folder of pages."""

def _reference_impl(ctx):
    site = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("docs")
    args.add_all([site], before_each = "--out", expand_directories = False)
    if ctx.attr.snippets:
        # The folder of the target, from which the names of the files in messages count.
        label = ctx.attr.snippets.label
        args.add("--snippets", "/".join([part for part in [label.workspace_root, label.package] if part]))
    args.add(ctx.file.idl)
    ctx.actions.run(
        executable = ctx.executable._idlc,
        arguments = [args],
        inputs = [ctx.file.idl] + ctx.files.imports + ctx.files.snippets,
        outputs = [site],
        mnemonic = "Reference",
        progress_message = "Writing the reference of %s" % ctx.file.idl.short_path,
    )
    return [DefaultInfo(files = depset([site]))]

reference = rule(
    implementation = _reference_impl,
    doc = "Makes the reference site of an interface; index.html in the folder is its first page.",
    attrs = {
        "idl": attr.label(
            doc = "The IDL file.",
            allow_single_file = [".idl"],
            mandatory = True,
        ),
        "imports": attr.label_list(
            doc = "Files that it imports.",
            allow_files = [".idl"],
        ),
        "snippets": attr.label(
            doc = "A filegroup of source files with examples in them; all stand in its package or below.",
            allow_files = True,
        ),
        "_idlc": attr.label(
            default = "//codegen/cmd/idlc",
            executable = True,
            cfg = "exec",
        ),
    },
)
