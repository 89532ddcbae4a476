"""The part of the site that Sphinx does not bring: the reference, files of the tree as pages, and links to both.

Pages are Markdown that reads well without the site, too. So a link to a file of the tree is a plain relative link
there, and a name of the interface is only code; here the first becomes a link to a page that shows the file, the second
one to the reference.
"""

import json
import pathlib
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import bs4
from docutils import nodes
from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Name, Operator, Punctuation, String, Text
from pygments.token import Number as Digits
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains import Domain, ObjType
from sphinx.errors import ExtensionError
from sphinx.parsers import Parser
from sphinx.transforms import SphinxTransform
from sphinx.util.osutil import relative_uri

# The folders of the site that hold no Markdown.
REFERENCE = "reference/"
SOURCE = "source/"


class Interface(Domain):
    """Everything that the interface declares, for the search: an exact name comes before all pages that mention it."""

    name = "idl"
    label = "Interface"
    object_types: ClassVar = {
        kind: ObjType(kind)
        for kind in (
            "interface",
            "callback",
            "method",
            "record",
            "field",
            "enum",
            "variant",
            "error",
            "constant",
            "alias",
        )
    }
    initial_data: ClassVar = {"names": {}}

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        for name, (kind, document, anchor, rank) in self.data["names"].items():
            yield name, name, kind, document, anchor, 0 if rank < 4 else 1

    def resolve_any_xref(self, *_: Any) -> list[tuple[str, nodes.reference]]:
        return []

    def merge_domaindata(self, docnames: Iterable[str], otherdata: dict[str, Any]) -> None:
        self.data["names"].update(otherdata["names"])


def names(app: Sphinx) -> None:
    """Reads the index of the reference's own search: each name, its kind, its place, and how it is ranked."""
    index = pathlib.Path(app.srcdir, REFERENCE, "search.js").read_text(encoding="utf-8")
    found = {}
    for line in index.splitlines():
        if line.startswith("["):
            name, kind, url, _, rank = json.loads(line.rstrip(","))
            page, _, anchor = url.partition("#")
            found[name] = (kind.split(" ")[0], REFERENCE + page.removesuffix(".html"), anchor, rank)
    app.env.get_domain("idl").data["names"] = found


class ReferenceParser(Parser):
    """A page of idlc's reference. Its headings become sections, which the table of contents and the search know."""

    supported = ("reference",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        self.document_name = document.settings.env.docname
        main = bs4.BeautifulSoup(inputstring, "html.parser").find(id="content")
        if main is None:
            raise ExtensionError(f"{self.document_name}: the reference has no element with the id content")
        page = nodes.section(ids=["page"], classes=["reference"])
        document += page
        before: list[bs4.Tag] = []
        for child in main.find_all(recursive=False):
            if child.name == "h1":
                page += nodes.title("", child.get_text())
                page += [raw(str(tag)) for tag in before]
            elif not len(page):
                before.append(child)  # what kind it is, which stands above the heading
            else:
                self.add(page, child)
        if self.document_name == REFERENCE + "index":
            page += self.contents(main)

    def add(self, parent: nodes.section, tag: bs4.Tag) -> None:
        heading = tag.find(["h2", "h3"], recursive=False) if tag.name in ("section", "article") else None
        if heading is None:
            parent += raw(str(tag))
            return
        anchor = tag.get("id") or heading.get("id") or re.sub(r"\W+", "-", heading.get_text().lower())
        section = nodes.section(ids=[anchor], classes=list(tag.get("class", [])))
        title = nodes.title()
        own = heading.find("a", class_="self")
        title += nodes.literal("", own.get_text()) if own else nodes.Text(heading.get_text())
        section += title
        for child in tag.find_all(recursive=False):
            if child is not heading:
                self.add(section, child)
        parent += section

    def contents(self, main: bs4.Tag) -> nodes.Node:
        pages: list[str] = []
        for link in main.select("section.group a"):
            page = posixpath.normpath(REFERENCE + link["href"].partition("#")[0]).removesuffix(".html")
            if page not in pages:
                pages.append(page)
        return addnodes.toctree(
            parent=self.document_name,
            entries=[(None, page) for page in pages],
            includefiles=pages,
            rawentries=[],
            maxdepth=-1,
            caption=None,
            rawcaption="",
            glob=False,
            hidden=True,
            includehidden=False,
            numbered=0,
            titlesonly=True,
        )


def raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


class SourceParser(Parser):
    """A file of the tree, as a page."""

    supported = ("source",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        path = document.settings.env.docname.removeprefix(SOURCE)
        page = nodes.section(ids=["page"])
        page += nodes.title("", "", nodes.literal("", path))
        page += nodes.literal_block(inputstring, inputstring, language=language(path), linenos=True)
        document += page


_LANGUAGES = {
    ".bazel": "python",
    ".bzl": "python",
    ".c": "c",
    ".go": "go",
    ".h": "c",
    ".idl": "idl",
    ".py": "python",
    ".rs": "rust",
    ".sh": "bash",
}


def language(path: str) -> str:
    return _LANGUAGES.get(posixpath.splitext(path)[1], "text")


def aside(app: Sphinx, doctree: nodes.document) -> None:
    """Files of the tree are pages that links lead to, not ones to be found or turned to."""
    if app.env.docname.startswith(SOURCE):
        app.env.metadata[app.env.docname].update(orphan="", nosearch="")


class Links(SphinxTransform):
    """Links of Markdown pages that leave the documentation, and names of the interface."""

    # Before Sphinx copies what is linked as a download.
    default_priority = 400
    # Pages in whose code such a name is somebody else's.
    others = ("language", "diagnostics", "sdk", "editors", "build")

    def apply(self, **_: Any) -> None:
        if self.env.docname.startswith((REFERENCE, SOURCE)):
            return
        for link in list(self.document.findall(addnodes.download_reference)):
            path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(self.env.docname), link["reftarget"]))
            if SOURCE + path not in self.env.found_docs:
                raise ExtensionError(
                    f"{self.env.docname} links {path}; for the site to show it, add it to //docs:sources"
                )
            self.replace(link, SOURCE + path, "", link.children)
        if self.env.docname in self.others:
            return
        declared = self.env.get_domain("idl").data["names"]
        for code in list(self.document.findall(nodes.literal)):
            found = declared.get(code.astext())
            if (
                found
                and code.astext()[0].isupper()
                and not inside(code, (nodes.title, nodes.reference, addnodes.pending_xref))
            ):
                _, page, anchor, _ = found
                self.replace(code, page, anchor, [code.deepcopy()])
                self.env.site_mentions.setdefault(page, set()).add(self.env.docname)

    def replace(self, node: nodes.Node, page: str, anchor: str, children: list[nodes.Node]) -> None:
        uri = self.app.builder.get_relative_uri(self.env.docname, page) + ("#" + anchor if anchor else "")
        node.replace_self(nodes.reference("", "", *children, refuri=uri, internal=True))


def inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def mentions(app: Sphinx, doctree: nodes.document, document: str) -> None:
    """A page of the reference ends with the guides that tell of what it describes."""
    guides = sorted(app.env.site_mentions.get(document, ()), key=lambda page: app.env.titles[page].astext())
    if not guides:
        return
    items = nodes.bullet_list(classes=["inline"])
    for guide in guides:
        uri = relative_uri(app.builder.get_target_uri(document), app.builder.get_target_uri(guide))
        link = nodes.reference("", app.env.titles[guide].astext(), refuri=uri, internal=True)
        items += nodes.list_item("", nodes.paragraph("", "", link))
    section = nodes.section(ids=["told-in"], classes=["users"])
    section += nodes.title("", "Told in")
    section += items
    doctree[0] += section


def contents(app: Sphinx, document: str, source: list[str]) -> None:
    """The navigation, which Markdown does not show: all of it on the first page, and the decisions on theirs."""
    if document == app.config.root_doc:
        named = {entry.rpartition("<")[2].rstrip(">") for _, pages in app.config.site_contents for entry in pages}
        elsewhere = ("index", "reference/", "source/", "adr/")
        rest = sorted(page for page in app.env.found_docs - named if not page.startswith(elsewhere))
        for caption, pages in app.config.site_contents:
            # What has no place of its own comes last.
            last = caption == app.config.site_contents[-1][0]
            listed = "\n".join([*pages, *rest] if last else pages)
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"
    elif document == "adr/index":
        source[0] += "\n\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"


class Idl(RegexLexer):
    """The interface language."""

    name = "IDL"
    aliases: ClassVar = ["idl"]
    tokens: ClassVar = {
        "root": [
            (r"//[^\n]*", Comment),
            (r'"(\\.|[^"\\])*"', String),
            (
                words(
                    (
                        "package",
                        "import",
                        "record",
                        "enum",
                        "error",
                        "interface",
                        "callback",
                        "constructor",
                        "throws",
                        "emits",
                        "type",
                        "const",
                        "true",
                        "false",
                    ),
                    suffix=r"\b",
                ),
                Keyword,
            ),
            (r"@\w+", Name.Decorator),
            (
                words(
                    (
                        "bool",
                        "u8",
                        "u16",
                        "u32",
                        "u64",
                        "i8",
                        "i16",
                        "i32",
                        "i64",
                        "f32",
                        "f64",
                        "string",
                        "bytes",
                        "path",
                        "buffer",
                        "timestamp",
                        "duration",
                        "optional",
                        "list",
                        "map",
                        "stream",
                    ),
                    suffix=r"\b",
                ),
                Keyword.Type,
            ),
            (r"\d\w*", Digits),
            (r"\w+", Name),
            (r"->|[=<>]", Operator),
            (r"[^\s\w]", Punctuation),
            (r"\s+", Text),
        ]
    }


def begin(app: Sphinx) -> None:
    app.env.site_mentions = {}
    names(app)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("site_contents", [], "env")
    app.add_domain(Interface)
    for suffix, parser in ((".reference", ReferenceParser), (".source", SourceParser)):
        app.add_source_suffix(suffix, suffix[1:])
        app.add_source_parser(parser)
    app.add_lexer("idl", Idl)
    app.add_transform(Links)
    app.connect("builder-inited", begin)
    app.connect("source-read", contents)
    app.connect("doctree-read", aside, priority=900)
    app.connect("doctree-resolved", mentions)
    return {"parallel_read_safe": False, "parallel_write_safe": False}
