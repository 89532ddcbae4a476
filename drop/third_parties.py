"""Says what others wrote in the binaries of the drop, and on which terms: an SBOM, a folder of licences, or one text.

    third_parties.py LINKED --cargo-lock FILE --go-mod FILE --modules FOLDER --runtimes FOLDER
        [--sbom FILE --licences FOLDER] [--notices FILE]

LINKED is JSON: `version`, and for each platform what was linked into its files: `crates` (the files of the crates that
say who they are and on which terms), `packages` (import paths of Go), `runtimes` (names). What the lock files have and
no binary does is not listed; what is listed without a licence is an error.
"""

import argparse
import collections
import json
import pathlib
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping

# How a licence's text is told, for Go modules: they have no field that names it. The first that fits.
_TEXTS = (
    ("Apache-2.0", r"Apache License\s+Version 2\.0"),
    ("MIT", r"Permission is hereby granted, free of charge"),
    ("BSD-3-Clause", r"Redistribution and use in source and binary forms[\s\S]*Neither the name"),
    ("BSD-2-Clause", r"Redistribution and use in source and binary forms"),
)


class Part:
    """A crate, a Go module or a runtime, and where it is linked in."""

    def __init__(self, name: str, version: str, purl: str, licence: str, texts: Mapping[str, bytes]) -> None:
        if not texts:
            sys.exit(f"third_parties: {name} {version} has no licence; without one it cannot be in the drop")
        self.name, self.version, self.purl, self.licence = name, version, purl, licence
        self.texts = texts
        self.hash: str | None = None
        self.platforms: set[str] = set()

    def folder(self) -> str:
        return f"{self.name.replace('/', '_')}-{self.version}"


def crates(files: Iterable[str], lock: pathlib.Path, found: dict[str, Part], platform: str) -> None:
    pinned = {(p["name"], p["version"]): p for p in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]}
    folders: dict[str, dict[str, pathlib.Path]] = collections.defaultdict(dict)
    for file in map(pathlib.Path, files):
        at = file.parts.index("crates")
        folders[file.parts[at + 1]]["/".join(file.parts[at + 2 :])] = file
    for folder, have in folders.items():
        if folder not in found:
            about = tomllib.loads(have["Cargo.toml"].read_text(encoding="utf-8"))["package"]
            name, version = about["name"], about["version"]
            # Older crates write a slash for "or".
            licence = about["license"].replace(" / ", " OR ").replace("/", " OR ")
            texts = {path: file.read_bytes() for path, file in have.items() if path != "Cargo.toml"}
            part = Part(name, version, f"pkg:cargo/{name}@{version.replace('+', '%2B')}", licence, texts)
            part.hash = pinned[name, version]["checksum"]
            found[folder] = part
        found[folder].platforms.add(platform)


def modules(
    packages: Iterable[str], mod: pathlib.Path, folder: pathlib.Path, found: dict[str, Part], platform: str
) -> None:
    required = dict(re.findall(r"^\s*(?:require )?(\S+) (v\S+)", mod.read_text(encoding="utf-8"), re.MULTILINE))
    for package in packages:
        owners = [m for m in required if package == m or package.startswith(f"{m}/")]
        if not owners:
            sys.exit(f"third_parties: {package} is of no module that go.mod requires")
        module = max(owners, key=len)
        if module not in found:
            place = folder / module
            texts = {f.name: f.read_bytes() for f in sorted(place.glob("*")) if f.is_file()}
            licences = set()
            for name, text in texts.items():
                known = [i for i, p in _TEXTS if re.search(p, text.decode("utf-8", "replace"))]
                if known:
                    licences.add(known[0])
                elif not re.match(r"NOTICE|PATENTS|AUTHORS", name, re.IGNORECASE):
                    sys.exit(f"third_parties: {module} has a licence that is not known here: {name}")
            version = required[module]
            found[module] = Part(
                module, version, f"pkg:golang/{module}@{version}", " AND ".join(sorted(licences)), texts
            )
        found[module].platforms.add(platform)


def runtimes(folder: pathlib.Path, names: Iterable[str], found: dict[str, Part], platform: str) -> None:
    """The standard libraries, which no lock file names. Each has a folder with `about.json` and texts."""
    for name in names:
        if name not in found:
            about = json.loads((folder / name / "about.json").read_text(encoding="utf-8"))
            texts = {f.name: f.read_bytes() for f in sorted((folder / name).iterdir()) if f.name != "about.json"}
            version = about["version"]
            found[name] = Part(name, version, f"pkg:generic/{name}@{version}", about["licence"], texts)
        found[name].platforms.add(platform)


def component(part: Part) -> dict[str, object]:
    made: dict[str, object] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "licenses": [{"expression": part.licence}],
        "purl": part.purl,
        "properties": [{"name": "strongroom:linked-for", "value": platform} for platform in sorted(part.platforms)],
    }
    if part.hash:
        made["hashes"] = [{"alg": "SHA-256", "content": part.hash}]
    return made


def sbom(version: str, parts: list[Part]) -> dict[str, object]:
    root = f"pkg:generic/strongroom-sdk@{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": root,
                "name": "strongroom-sdk",
                "version": version,
                "licenses": [{"expression": "Apache-2.0"}],
                "purl": root,
            }
        },
        "components": [component(part) for part in parts],
        "dependencies": [{"ref": root, "dependsOn": [part.purl for part in parts]}],
    }


def write_folder(parts: list[Part], folder: pathlib.Path) -> None:
    rows = ["What others wrote in the binaries, and on which terms. sbom.cdx.json says the same for programs.\n"]
    for part in parts:
        for name, text in part.texts.items():
            file = folder / part.folder() / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        rows.append(f"{part.name} {part.version}: {part.licence}; {part.folder()}/")
    (folder / "README.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def notices(parts: list[Part]) -> bytes:
    """One text with all of it; a licence that many have word for word stands there once."""
    texts: dict[bytes, list[str]] = collections.defaultdict(list)
    for part in parts:
        for text in part.texts.values():
            texts[text.strip()].append(f"{part.name} {part.version} ({part.licence})")
    made = [b"What others wrote in the libraries of this package, and on which terms.\n"]
    for text, names in texts.items():
        made += [b"=" * 80, *(name.encode() for name in dict.fromkeys(names)), b"", text, b""]
    return b"\n".join(made)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("linked", type=pathlib.Path)
    for option in ("--cargo-lock", "--go-mod", "--modules", "--runtimes"):
        parser.add_argument(option, type=pathlib.Path, required=True)
    for option in ("--sbom", "--licences", "--notices"):
        parser.add_argument(option, type=pathlib.Path)
    arguments = parser.parse_args()
    linked = json.loads(arguments.linked.read_text(encoding="utf-8"))
    found: dict[str, Part] = {}
    for platform, what in sorted(linked["platforms"].items()):
        crates(what["crates"], arguments.cargo_lock, found, platform)
        modules(what["packages"], arguments.go_mod, arguments.modules, found, platform)
        runtimes(arguments.runtimes, what["runtimes"], found, platform)
    parts = sorted(found.values(), key=lambda part: (part.name, part.version))

    if arguments.sbom:
        arguments.sbom.write_text(json.dumps(sbom(linked["version"], parts), indent=1) + "\n", encoding="utf-8")
    if arguments.licences:
        write_folder(parts, arguments.licences)
    if arguments.notices:
        arguments.notices.write_bytes(notices(parts))


if __name__ == "__main__":
    main()
