"""What Sphinx is told. build.py lays out the pages, and runs it with this file."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent))

project = "Strongroom"
author = "the Strongroom authors"
root_doc = "index"
extensions = ["myst_parser", "pages"]

# Links to a heading, as code hosts make them: `page.md#a-heading`.
myst_heading_anchors = 5
myst_links_external_new_tab = False
# Code without a language, indented code above all, is of a shell or a grammar, and no Python.
highlight_language = "text"
pygments_style = "xcode"
pygments_dark_style = "github-dark"
nitpicky = True
smartquotes = False
language = "en"

html_theme = "furo"
html_title = "Strongroom"
html_favicon = "static/icon.svg"
html_static_path = [os.environ["SITE_STATIC"], "static"]
templates_path = ["templates"]
html_css_files = ["items.css", "site.css"]
html_js_files = [("tabs.js", {"priority": 200}), "site.js"]
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {
        "color-brand-primary": "#0b5fad",
        "color-brand-content": "#0b5fad",
        "color-brand-visited": "#0b5fad",
        "font-stack--monospace": (
            'ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
        ),
    },
    "dark_css_variables": {
        "color-brand-primary": "#7ab8ff",
        "color-brand-content": "#7ab8ff",
        "color-brand-visited": "#7ab8ff",
    },
}

# What stands in the navigation, in this order. Pages that are missing here follow at the end.
site_contents = [
    (
        "Start",
        [
            "The agent <start/agent>",
            "Go <start/go>",
            "Python <start/python>",
            "C <start/c>",
            "drop",
        ],
    ),
    (
        "Guides",
        [
            "guides/buffers",
            "guides/requests",
            "guides/streams",
            "guides/cancellation",
            "guides/errors",
            "guides/embedding",
            "guides/fleet",
            "guides/security",
            "performance",
            "guides/upgrading",
        ],
    ),
    (
        "Reference",
        [
            "The interface <reference/index>",
            "go",
            "python",
            "exit-codes",
            "format",
            "boundary",
            "platforms",
        ],
    ),
    (
        "Interfaces of your own",
        [
            "sdk",
            "language",
            "diagnostics",
            "editors",
        ],
    ),
    (
        "Project",
        [
            "build",
            "release",
            "adr/index",
        ],
    ),
]
