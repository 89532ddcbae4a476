package docs_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// builtSite is the site that Bazel made.
func builtSite(t *testing.T) string {
	t.Helper()
	built := os.Getenv("SITE")
	if built == "" {
		t.Skip("SITE names no site; tools/bazel test builds one")
	}
	path, err := filepath.Abs(built)
	require.NoError(t, err)
	return path
}

// visitSite opens a page of the site from a server, as tools/bazel run //docs:serve is one.
func visitSite(t *testing.T, page string, actions ...chromedp.Action) *reader {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(builtSite(t))))
	t.Cleanup(server.Close)
	return openAt(t, server.URL+"/", page, actions...)
}

// sitePages are one page of each kind and all guides; every link is looked at by //docs/generator:links_test.
func sitePages(t *testing.T) (pages []string) {
	t.Helper()
	root := builtSite(t)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		for _, alike := range []string{"adr/0", "reference/record/", "reference/enum/", "source/"} {
			if strings.HasPrefix(name, alike) {
				return err
			}
		}
		if filepath.Ext(name) == ".html" {
			pages = append(pages, name)
		}
		return err
	}))
	require.Greater(t, len(pages), 25)
	return append(pages, "adr/0001-python-extension.html", "reference/record/BackupOptions.html", "reference/enum/Compression.html",
		"source/docs/examples/go/agent/main.go.html")
}

func TestTheSitesSearchFindsGuidesAndTheInterface(t *testing.T) {
	r := visitSite(t, "index.html")
	for words, wanted := range map[string]string{
		"Repository.backup": "reference/interface/Repository.html",
		"no_such_snapshot":  "reference/error/RepositoryError.html",
		"lease view buffer": "guides/buffers.html",
		"If-None-Match":     "guides/fleet.html",
		"Argon2id":          "guides/security.html",
		"optional-optional": "diagnostics.html",
	} {
		r.visit("search.html?q=" + url.QueryEscape(words))
		r.becomes(`[...document.querySelectorAll("#search-results a")].some((a) => a.href.includes(%q))`, wanted)
	}
	r.visit("search.html?q=nosuchwordanywhere")
	r.becomes(`document.getElementById("search-results").innerText.includes("did not match any documents")`)
	// An exact name of the interface comes first.
	r.visit("search.html?q=Repository.backup")
	r.becomes(`document.querySelector("#search-results a")?.href.endsWith("reference/interface/Repository.html#backup")`)
}

func TestTheSiteIsUsedByKeyboard(t *testing.T) {
	r := visitSite(t, "guides/buffers.html")
	r.press(kb.Tab)
	assert.Contains(t, says[string](r, `document.activeElement.innerText`), "Skip to content")
	r.press(kb.Enter)
	r.becomes(`location.hash === "#furo-main-content"`)

	r.slash()
	r.becomes(`document.activeElement.name === "q"`)
	r.do(chromedp.KeyEvent("cancellation"))
	r.press(kb.Enter)
	r.becomes(`location.pathname.endsWith("/search.html") && document.querySelectorAll("#search-results a").length > 0`)

	// Everything that can be clicked can be reached, and is seen when it is.
	r.visit("reference/interface/Repository.html")
	r.do(chromedp.Focus("#backup--go", chromedp.ByQuery))
	r.press(kb.ArrowRight)
	assert.Equal(t, "Python", says[string](r, `document.activeElement.innerText`))
	assert.Contains(t, r.shown("backup"), "def backup(")
	r.visit("index.html")
	var reached []string
	for range 300 {
		r.press(kb.Tab)
		if says[bool](r, `document.activeElement === document.body`) {
			break
		}
		reached = append(reached, says[string](r, `document.activeElement.getAttribute("href") ?? document.activeElement.className`))
	}
	for _, wanted := range []string{"start/go.html", "guides/fleet.html", "reference/index.html", "theme-toggle"} {
		assert.Contains(t, reached, wanted)
	}
}

func TestTheSiteHasALightAndADarkTheme(t *testing.T) {
	const dark = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).every((part) => part < 60)`
	r := visitSite(t, "reference/interface/Repository.html", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "dark"},
	}))
	r.becomes(dark)
	r.readableSite()
	r.visit("guides/buffers.html")
	assert.Greater(t, r.contrast("article p"), 7.0)
	r.do(chromedp.Click(".theme-toggle-content .theme-toggle", chromedp.ByQuery)) // from what the system prefers to the other one
	r.becomes("!(%s)", dark)
	r.visit("reference/interface/Repository.html") // it is remembered
	r.becomes("!(%s)", dark)
	r.readableSite()
}

func (r *reader) readableSite() {
	r.t.Helper()
	assert.Greater(r.t, r.contrast("article .lead p"), 7.0)
	for _, selector := range []string{
		"article pre.idl a", ".since", "pre.code .k", "pre.code .s", "pre.code .c", "[role=tab][aria-selected=false]", "[role=tab][aria-selected=true]",
		".kind", ".example", ".sidebar-tree .reference", ".toc-tree a",
	} {
		assert.Greater(r.t, r.contrast(selector), 4.5, selector)
	}
}

func TestAPhoneShowsAllOfTheSite(t *testing.T) {
	r := visitSite(t, "index.html")
	for _, width := range []int64{320, 390} {
		r.do(emulation.SetDeviceMetricsOverride(width, 780, 2, true))
		for _, page := range sitePages(t) {
			r.visit(page)
			assert.LessOrEqual(t, says[int64](r, `document.scrollingElement.scrollWidth`), width, "%s is wider than the screen", page)
			assert.Empty(t, says[[]string](r, `[...document.querySelectorAll("pre")].filter((code) => code.scrollWidth > code.clientWidth + 1
				&& !["auto", "scroll"].includes(getComputedStyle(code).overflowX)).map((code) => code.innerText.slice(0, 80))`), "%s cuts code off", page)
		}
	}
	// The menu is behind a button that a finger hits and a keyboard reaches.
	r.visit("guides/buffers.html")
	r.do(chromedp.Click("label.nav-overlay-icon", chromedp.ByQuery))
	r.becomes(`document.querySelector(".sidebar-drawer").getBoundingClientRect().left >= 0`)
	r.do(chromedp.Click(`.sidebar-tree a[href$="streams.html"]`, chromedp.ByQuery))
	r.becomes(`document.querySelector("h1")?.innerText.startsWith("Streams")`)
	r.do(chromedp.Focus("label.nav-overlay-icon", chromedp.ByQuery))
	assert.True(t, says[bool](r, `document.activeElement.classList.contains("nav-overlay-icon")`), "the keyboard cannot reach the menu")
	r.press(kb.Enter)
	r.becomes(`document.querySelector(".sidebar-drawer").getBoundingClientRect().left >= 0`)
}

func TestTheSiteWorksFromTheDisk(t *testing.T) {
	base := (&url.URL{Scheme: "file", Path: builtSite(t)}).String() + "/"
	r := openAt(t, base, "search.html?q=lease")
	r.becomes(`[...document.querySelectorAll("#search-results a")].some((a) => a.href.includes("guides/buffers.html"))`)
	// The excerpts under results are read from the pages, which a browser allows from a server only. All else has to be quiet.
	for _, complaint := range r.trouble.list() {
		assert.Regexp(t, "(?i)cors|fetch|ERR_FAILED|origin", complaint)
	}
	r.trouble.forget()
}
