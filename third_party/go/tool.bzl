"""Builds a Go program from the Go proxy as a tool of the environment, when it is fetched.

The module's own go.sum pins what it needs, and its own sum is pinned here. It is not built by rules_go, because its hundred
modules would all have to be named in this tree.
"""

_GO = "/usr/lib/go-1.26/bin/go"

def _go_tool_impl(rctx):
    env = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(rctx.path("gocache")),
        "GOFLAGS": "-modcacherw -mod=readonly -buildvcs=false",
        "GOPATH": str(rctx.path("gopath")),
        "HOME": str(rctx.path(".")),
    }
    got = rctx.execute([_GO, "mod", "download", "-json", rctx.attr.module + "@" + rctx.attr.version], environment = env, timeout = 1200)
    if got.return_code != 0:
        fail("go mod download {}: {}{}".format(rctx.attr.module, got.stdout, got.stderr))
    answer = json.decode(got.stdout)
    if answer["Sum"] != rctx.attr.sum:
        fail("{}@{} has sum {}, pinned is {}".format(rctx.attr.module, rctx.attr.version, answer["Sum"], rctx.attr.sum))
    built = rctx.execute(
        [_GO, "build", "-trimpath", "-ldflags=-s -w", "-o", str(rctx.path(rctx.name)), "./" + rctx.attr.package],
        environment = env,
        timeout = 3600,
        working_directory = answer["Dir"],
    )
    if built.return_code != 0:
        fail("go build {}: {}{}".format(rctx.attr.module, built.stdout, built.stderr))
    rctx.execute(["rm", "-rf", "gocache", "gopath"])
    rctx.file("BUILD.bazel", 'exports_files(["{}"], visibility = ["//visibility:public"])\n'.format(rctx.name))

go_tool = repository_rule(
    implementation = _go_tool_impl,
    attrs = {
        "module": attr.string(mandatory = True),
        "package": attr.string(mandatory = True, doc = "folder of the program in the module"),
        "sum": attr.string(mandatory = True, doc = "as in go.sum"),
        "version": attr.string(mandatory = True),
    },
)
