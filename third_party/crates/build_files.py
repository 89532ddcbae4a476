"""Writes a BUILD file for every crate that cargo vendored.

    build_files.py UNITS VENDOR

UNITS is the answer of `cargo build --unit-graph`: cargo's own resolution, one unit for each crate, build script and run
of one, with its features and dependencies. VENDOR is the folder of sources (one `name-version` folder a crate). Bazel
builds the graph that cargo would; a crate that cargo builds with two sets of features becomes two targets.
"""

import json
import pathlib
import sys
import tomllib


def quoted(items):
    return "[" + ", ".join(json.dumps(i) for i in items) + "]"


class Graph:
    def __init__(self, units, vendor):
        self.units = units["units"]
        self.roots = units["roots"]
        self.vendor = vendor
        self.names = {}
        self.taken = {}
        self.files = {}

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
        what = json.dumps([unit["mode"], unit["target"]["name"], unit["features"], dependencies])
        taken = self.taken.setdefault((package, crate, unit["mode"] == "run-custom-build"), [])
        if what not in taken:
            taken.append(what)
        at = taken.index(what)
        self.names[index] = crate + (f"_{at + 1}" if at else "")
        return self.names[index]

    def label(self, index):
        return f"//{self.folder(self.units[index]).name}:{self.name(index)}"

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
            lines.append(f"    link_deps = {quoted(sorted(extra['links']))},")
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

    def write(self):
        direct = {}
        # The library of a package whose build script set DEP_* variables is what link_deps takes.
        owner = {}
        for index, unit in enumerate(self.units):
            for dependency in unit["dependencies"]:
                if unit["mode"] == "build" and self.units[dependency["index"]]["mode"] == "run-custom-build":
                    owner[dependency["index"]] = index
        for index, unit in enumerate(self.units):
            if self.is_ours(unit):
                for dependency in unit["dependencies"]:
                    target = self.units[dependency["index"]]
                    if not self.is_ours(target) and target["mode"] == "build":
                        package = target["pkg_id"].split("#")[-1].split("@")[0]
                        direct[package] = self.label(dependency["index"])
                continue
            kind = unit["target"]["kind"]
            if unit["mode"] == "run-custom-build":
                script = next(
                    d["index"]
                    for d in unit["dependencies"]
                    if self.units[d["index"]]["mode"] == "build" and self.units[d["index"]]["pkg_id"] == unit["pkg_id"]
                )
                links = [
                    self.label(owner[d["index"]])
                    for d in unit["dependencies"]
                    if self.units[d["index"]]["mode"] == "run-custom-build" and d["index"] in owner
                ]
                self.rule("cargo_build_script", script, {"named": index, "links": links})
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
            f"alias(\n    name = {json.dumps(name)},\n    actual = {json.dumps(label)},\n)\n"
            for name, label in sorted(direct.items())
        )
        (self.vendor / "BUILD.bazel").write_text(aliases, encoding="utf-8")


def main():
    vendor = pathlib.Path(sys.argv[2])
    for stale in list(vendor.glob("*/**/BUILD")) + list(vendor.glob("*/**/BUILD.bazel")):
        stale.unlink()
    Graph(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), vendor).write()


if __name__ == "__main__":
    main()
