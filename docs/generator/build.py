"""build.py --out FOLDER --reference FOLDER [--source FILE…] PAGE…: makes the site.

Pages are Markdown files below docs; the first one of the site is docs/README.md. The reference is what idlc made.
Files of the tree that pages link become pages, too. Everything is laid out in a folder of its own, as it stands in the
tree, and Sphinx reads it there.
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile

from sphinx.cmd.build import build_main

# What the reference has for its own frame; the site has another one.
_FRAME = {"site.css", "site.js"}
# What both draw items with.
_SHARED = {"items.css", "tabs.js"}


def lay_out(tree: pathlib.Path, reference: pathlib.Path, sources: list[str], pages: list[str]) -> None:
    docs = tree / "docs"
    for page in pages:
        to = tree / page
        if to == docs / "README.md":
            to = docs / "index.md"
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, to)
    for source in sources:
        # Twice: where links look for it, and as the page that they lead to.
        for to in (tree / source, docs / "source" / (source + ".source")):
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, to)
    for file in sorted(reference.rglob("*")):
        name = file.relative_to(reference)
        if file.is_dir() or str(name) in _FRAME:
            continue
        to = (tree / "static" if str(name) in _SHARED else docs / "reference") / name
        if to.suffix == ".html":
            to = to.with_suffix(".reference")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=pathlib.Path, required=True)
    options.add_argument("--reference", type=pathlib.Path, required=True)
    options.add_argument("--source", action="append", default=[])
    options.add_argument("pages", nargs="+")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        lay_out(tree, given.reference, given.source, given.pages)
        os.environ["SITE_STATIC"] = str(tree / "static")
        made = tree / "html"
        configuration = str(pathlib.Path(__file__).absolute().parent)
        status = build_main(
            [
                "-q",
                "-W",
                "--keep-going",
                "-b",
                "html",
                "-c",
                configuration,
                "-d",
                str(tree / "doctrees"),
                str(tree / "docs"),
                str(made),
            ]
        )
        if status:
            return status
        # For Sphinx's next run and for other projects' links: there are none.
        for name in (".buildinfo", "objects.inv"):
            (made / name).unlink()
        (made / "_sources").rmdir()
        shutil.copytree(made, given.out, dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
