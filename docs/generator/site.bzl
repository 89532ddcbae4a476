"""The site, as a folder of pages."""

def _site_impl(ctx):
    site = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add_all([site], before_each = "--out", expand_directories = False)
    args.add_all(ctx.files.reference, before_each = "--reference", expand_directories = False)
    args.add_all(ctx.files.sources, before_each = "--source")
    args.add_all(ctx.files.pages)
    ctx.actions.run(
        executable = ctx.executable._build,
        arguments = [args],
        inputs = ctx.files.pages + ctx.files.sources + ctx.files.reference,
        outputs = [site],
        env = {
            # The order of sets, and the dates of files, are no part of the site.
            "PYTHONHASHSEED": "0",
            "SOURCE_DATE_EPOCH": "0",
        },
        mnemonic = "Site",
        progress_message = "Writing the site",
    )
    return [DefaultInfo(files = depset([site]), runfiles = ctx.runfiles([site]))]

site = rule(
    implementation = _site_impl,
    doc = "Makes the site; index.html in the folder is its first page.",
    attrs = {
        "pages": attr.label_list(
            doc = "Markdown below docs, and the pictures in it.",
            allow_files = [".md", ".svg"],
            mandatory = True,
        ),
        "sources": attr.label_list(
            doc = "Files of the tree that pages link. They become pages, too.",
            allow_files = True,
        ),
        "reference": attr.label(
            doc = "What idlc made of the interface.",
            mandatory = True,
        ),
        "_build": attr.label(
            default = "//docs/generator:build",
            executable = True,
            cfg = "exec",
        ),
    },
)
