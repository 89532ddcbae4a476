"""Looks at every link: in the Markdown, as a code host shows it, and on the site, where also every other thing that a
page loads is its own.
"""

import argparse
import collections
import html.parser
import pathlib
import posixpath
import re
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    """What a page can be linked at, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.anchors.append(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "shortcut icon", "preload", "prefetch"):
            self.loads.append(given["href"])
        elif tag in ("script", "img", "source", "iframe", "object", "embed") and "src" in given:
            self.loads.append(given["src"])
        elif tag in ("use", "image"):
            self.loads.append(given.get("href") or given.get("xlink:href", ""))


def outside(link: str) -> bool:
    return urllib.parse.urlsplit(link).scheme in ("https", "mailto")


def look_at_site(site: pathlib.Path) -> list[str]:
    files = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    pages = {name: Page((site / name).read_text(encoding="utf-8")) for name in files if name.endswith(".html")}
    wrong = []
    reached = {"index.html", "search.html"}
    for name, page in sorted(pages.items()):
        for anchor, times in collections.Counter(page.anchors).items():
            if times > 1:
                wrong.append(f"{name}: the id {anchor} stands there {times} times")
        for link in page.links + page.loads:
            address = urllib.parse.urlsplit(link)
            if link in page.links and outside(link):
                continue
            target = (
                posixpath.normpath(posixpath.join(posixpath.dirname(name), urllib.parse.unquote(address.path)))
                if address.path
                else name
            )
            if address.scheme == "data":
                continue
            if address.scheme or address.netloc:
                wrong.append(f"{name}: {link} is another host's")
            elif target not in files:
                wrong.append(f"{name}: {link} leads nowhere")
            elif (
                address.fragment
                and target in pages
                and urllib.parse.unquote(address.fragment) not in pages[target].anchors
            ):
                wrong.append(f"{name}: {link}: there is no such heading")
            elif target != name:
                reached.add(target)
    for name in sorted(set(pages) - reached):
        wrong.append(f"{name}: no page links it")
    for name in sorted(files):
        if name.endswith((".css", ".js", ".svg")):
            text = (site / name).read_text(encoding="utf-8")
            for found in re.findall(r"(?:url\(|@import\s+)\s*[\"']?(?!data:)(https?:)?//[^)\s]*", text):
                wrong.append(f"{name}: loads {found} from another host")
    if len(pages) < 60:
        wrong.append(f"the site has {len(pages)} pages only")
    return wrong


def headings(text: str) -> set[str]:
    """The anchors that a code host gives to headings."""
    found: collections.Counter[str] = collections.Counter()
    anchors = set()
    for heading in re.findall(r"^#{1,6} +(.*?) *$", without_code(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return anchors


def without_code(text: str) -> str:
    text = re.sub(r"^(```+)[^\n]*\n.*?^\1`*$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", lambda code: code.group() if "](" not in code.group() else "", text)


def look_at_markdown(tree: pathlib.Path) -> list[str]:
    pages = {
        page.relative_to(tree): page.read_text(encoding="utf-8")
        for page in [tree / "README.md", *tree.glob("docs/**/*.md")]
    }
    wrong = []
    for page, text in sorted(pages.items()):
        for link in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", without_code(text)):
            if outside(link):
                continue
            path, _, anchor = link.partition("#")
            target = pathlib.Path(posixpath.normpath(page.parent / path)) if path else page
            if not (tree / target).exists():
                wrong.append(f"{page}: {link} leads nowhere; if the file is there, add it to //docs:sources")
            elif anchor and anchor not in headings(pages.get(target, "")):
                wrong.append(f"{page}: {link}: there is no such heading")
    decisions = pages[pathlib.Path("docs/adr/index.md")]
    for page in sorted(tree.glob("docs/adr/0*.md")):
        if f"({page.name})" not in decisions:
            wrong.append(f"docs/adr/index.md does not list {page.name}")
    return wrong


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--site", type=pathlib.Path, required=True)
    given = options.parse_args()
    wrong = look_at_site(given.site) + look_at_markdown(pathlib.Path())
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
