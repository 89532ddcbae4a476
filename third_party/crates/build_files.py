"""Writes a BUILD file for every crate that cargo vendored.

    build_files.py UNITS VENDOR

UNITS is a folder with the answer of `cargo build --unit-graph` for every platform of PLATFORMS, as TRIPLE.json: cargo's
own resolution, one unit for each crate, build script and run of one, with its features and dependencies. VENDOR is the
folder of sources (one `name-version` folder a crate). Bazel builds the graph that cargo would. A crate becomes two
targets where cargo builds it with two sets of features, or of dependencies because platforms differ.
"""

import json
import pathlib
import sys
import tomllib

# What //platforms calls the triples that cargo was asked about. Names of targets are those of the first.
PLATFORMS = {
    "x86_64-unknown-linux-gnu": "linux_amd64",
    "aarch64-unknown-linux-gnu": "linux_arm64",
    "x86_64-unknown-linux-musl": "linux_amd64_musl",
    "aarch64-unknown-linux-musl": "linux_arm64_musl",
    "x86_64-pc-windows-gnullvm": "windows_amd64",
    "x86_64-apple-darwin": "macos_amd64",
    "aarch64-apple-darwin": "macos_arm64",
}


def quoted(items):
    return "[" + ", ".join(json.dumps(i) for i in items) + "]"


class Graph:
    def __init__(self, answers, vendor):
        self.units = []
        for answer in answers:
            before = len(self.units)
            for unit in answer["units"]:
                for dependency in unit["dependencies"]:
                    dependency["index"] += before
                self.units.append(unit)
        self.vendor = vendor
        self.names = {}
        self.taken = {}
        self.files = {}
        # The library of a package whose build script set DEP_* variables is what link_deps takes.
        self.owner = {
            dependency["index"]: index
            for index, unit in enumerate(self.units)
            for dependency in unit["dependencies"]
            if unit["mode"] == "build" and self.units[dependency["index"]]["mode"] == "run-custom-build"
        }

    def is_ours(self, unit):
        return unit["pkg_id"].startswith("path+")

    def folder(self, unit):
        path = pathlib.PurePath(unit["target"]["src_path"])
        known = [p for p in path.parents if (self.vendor / p.name).is_dir() and p.name != "src"]
        if not known:
            raise SystemExit(f"{path} is in no vendored crate")
        return known[0]

    def name(self, index):
        """The target's name in its package: equal units share one."""
        if index in self.names:
            return self.names[index]
        unit = self.units[index]
        crate = unit["target"]["name"]
        if unit["target"]["kind"] == ["custom-build"]:
            crate = "build_script"
        package = self.folder(unit).name
        dependencies = sorted((d["extern_crate_name"], self.label(d["index"])) for d in unit["dependencies"])
        links = self.links(unit) if unit["mode"] == "run-custom-build" else []
        what = json.dumps([unit["mode"], unit["target"]["name"], unit["features"], dependencies, links])
        taken = self.taken.setdefault((package, crate, unit["mode"] == "run-custom-build"), [])
        if what not in taken:
            taken.append(what)
        at = taken.index(what)
        self.names[index] = crate + (f"_{at + 1}" if at else "")
        return self.names[index]

    def label(self, index):
        return f"//{self.folder(self.units[index]).name}:{self.name(index)}"

    def links(self, run):
        """The libraries whose build scripts ran before this one, and told it something."""
        return sorted(
            self.label(self.owner[d["index"]])
            for d in run["dependencies"]
            if self.units[d["index"]]["mode"] == "run-custom-build" and d["index"] in self.owner
        )

    def rule(self, kind, index, extra):
        unit = self.units[index]
        folder = self.folder(unit)
        manifest = tomllib.loads((self.vendor / folder.name / "Cargo.toml").read_text(encoding="utf-8"))["package"]
        version = manifest["version"]
        deps, macros, aliases = [], [], {}
        for dependency in unit["dependencies"]:
            target = self.units[dependency["index"]]
            if target["target"]["kind"] == ["custom-build"]:
                if unit["mode"] != "run-custom-build" and target["mode"] == "run-custom-build":
                    deps.append(self.label(dependency["index"]))
                continue
            label = self.label(dependency["index"])
            (macros if target["target"]["kind"] == ["proc-macro"] else deps).append(label)
            if dependency["extern_crate_name"] != target["target"]["name"].replace("-", "_"):
                aliases[label] = dependency["extern_crate_name"]
        lines = [
            f"    name = {json.dumps(self.name(extra.get('named', index)))},",
            '    srcs = glob(["**/*.rs"]),',
            f"    aliases = {json.dumps(aliases)},",
            f"    crate_features = {quoted(unit['features'])},",
            f"    crate_root = {json.dumps(str(pathlib.PurePath(unit['target']['src_path']).relative_to(folder)))},",
            f"    deps = {quoted(sorted(deps))},",
            f"    edition = {json.dumps(unit['target']['edition'])},",
            f"    proc_macro_deps = {quoted(sorted(macros))},",
            f'    rustc_env = {{"CARGO_PKG_NAME": {json.dumps(manifest["name"])}}},',
            # Warnings in others' code are theirs to read.
            '    rustc_flags = ["--cap-lints=allow"],',
            f"    version = {json.dumps(version)},",
        ]
        everything = 'glob(["**"], exclude = ["BUILD.bazel", "**/* *"])'
        if kind == "cargo_build_script":
            lines += [f"    data = {everything},", f"    pkg_name = {json.dumps(manifest['name'])},"]
            if "links" in manifest:
                lines.append(f"    links = {json.dumps(manifest['links'])},")
            lines.append(f"    link_deps = {quoted(extra['links'])},")
        else:
            crate = unit["target"]["name"].replace("-", "_")
            lines += [
                '    compile_data = glob(["**"], exclude = ["BUILD.bazel", "**/*.rs", "**/* *"]),',
                f"    crate_name = {json.dumps(crate)},",
            ]
        text = f"{kind}(\n" + "\n".join(lines) + "\n)\n"
        rules = self.files.setdefault(folder.name, [])
        if text not in rules:
            rules.append(text)

    def alias(self, name, labels):
        """What our crates name: one on all platforms, or chosen by them. Where cargo has no such unit, none."""
        if len(set(labels.values())) == 1 and len(labels) == len(PLATFORMS):
            actual = json.dumps(labels[next(iter(PLATFORMS))])
        else:
            chosen = "".join(
                f'        "@strongroom//platforms:is_{PLATFORMS[triple]}": {json.dumps(labels[triple])},\n'
                for triple in PLATFORMS
                if triple in labels
            )
            missing = json.dumps(f"cargo builds {name} for other platforms only")
            actual = f"select({{\n{chosen}    }}, no_match_error = {missing})"
        return f"alias(\n    name = {json.dumps(name)},\n    actual = {actual},\n)\n"

    def write(self):
        # By package name, then by platform.
        direct = {}
        for index, unit in enumerate(self.units):
            if self.is_ours(unit):
                for dependency in unit["dependencies"]:
                    target = self.units[dependency["index"]]
                    if not self.is_ours(target) and target["mode"] == "build":
                        package = target["pkg_id"].split("#")[-1].split("@")[0]
                        triples = [unit["platform"]] if unit["platform"] else PLATFORMS
                        for triple in triples:
                            direct.setdefault(package, {})[triple] = self.label(dependency["index"])
                continue
            kind = unit["target"]["kind"]
            if unit["mode"] == "run-custom-build":
                script = next(
                    d["index"]
                    for d in unit["dependencies"]
                    if self.units[d["index"]]["mode"] == "build" and self.units[d["index"]]["pkg_id"] == unit["pkg_id"]
                )
                self.rule("cargo_build_script", script, {"named": index, "links": self.links(unit)})
            elif kind == ["custom-build"]:
                continue
            elif kind == ["proc-macro"]:
                self.rule("rust_proc_macro", index, {})
            else:
                self.rule("rust_library", index, {})
        head = (
            'load("@rules_rust//cargo:defs.bzl", "cargo_build_script")\n'
            'load("@rules_rust//rust:defs.bzl", "rust_library", "rust_proc_macro")\n\n'
            'package(default_visibility = ["//visibility:public"])\n\n'
        )
        for folder, rules in self.files.items():
            (self.vendor / folder / "BUILD.bazel").write_text(head + "\n".join(rules), encoding="utf-8")
        aliases = 'package(default_visibility = ["//visibility:public"])\n\n' + "\n".join(
            self.alias(name, labels) for name, labels in sorted(direct.items())
        )
        (self.vendor / "BUILD.bazel").write_text(aliases, encoding="utf-8")


def main():
    vendor = pathlib.Path(sys.argv[2])
    for stale in list(vendor.glob("*/**/BUILD")) + list(vendor.glob("*/**/BUILD.bazel")):
        stale.unlink()
    answers = [pathlib.Path(sys.argv[1], f"{triple}.json").read_text(encoding="utf-8") for triple in PLATFORMS]
    Graph([json.loads(answer) for answer in answers], vendor).write()


if __name__ == "__main__":
    main()
