"""Fetches a Go module as a repository of its own: for rule sets that are Go modules.

gazelle's go_repository does the same for libraries, but comes from here itself.
"""

_GO = "/usr/lib/go-1.26/bin/go"

def _go_module_impl(rctx):
    env = {"GOFLAGS": "-mod=mod", "GOPATH": str(rctx.path("gopath")), "GOCACHE": str(rctx.path("gocache")), "HOME": str(rctx.path("."))}
    got = rctx.execute([_GO, "mod", "download", "-json", rctx.attr.module + "@" + rctx.attr.version], environment = env)
    if got.return_code != 0:
        fail("go mod download {}: {}{}".format(rctx.attr.module, got.stdout, got.stderr))
    answer = json.decode(got.stdout)
    if answer["Sum"] != rctx.attr.sum:
        fail("{}@{} has sum {}, pinned is {}".format(rctx.attr.module, rctx.attr.version, answer["Sum"], rctx.attr.sum))
    steps = [
        'cp -R "$1"/. . && chmod -R u+w .',
        # Module zips drop the executable bits.
        "find . -path ./gopath -prune -o -name '*.sh' -exec chmod +x {} +",
    ]
    if rctx.attr.vendor:
        # Module zips drop vendor folders too.
        steps.append(_GO + " mod vendor -e")
    steps.append("chmod -R u+w gopath && rm -rf gopath gocache")
    done = rctx.execute(["sh", "-ec", "\n".join(steps), "sh", answer["Dir"]], environment = env, timeout = 1200)
    if done.return_code != 0:
        fail("unpacking {}: {}{}".format(rctx.attr.module, done.stdout, done.stderr))
    for patch in rctx.attr.patches:
        rctx.patch(patch, strip = 1)

go_module = repository_rule(
    implementation = _go_module_impl,
    attrs = {
        "module": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
        "sum": attr.string(mandatory = True, doc = "as in go.sum"),
        "vendor": attr.bool(doc = "make the vendor folder that the module's zip lacks"),
        "patches": attr.label_list(),
    },
)
