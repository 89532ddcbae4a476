// Package docs_test opens the reference and the site in a browser, as a reader does, without a network: the reference from the disk, the site from
// a server on this machine.
package docs_test

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/docs"
)

// browser is one Chromium for all tests; each gets a tab of its own.
var (
	browser context.Context
	site    string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp(os.Getenv("TEST_TMPDIR"), "reference")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	if site, err = reference(folder); err != nil {
		return 0, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath("/usr/bin/chromium"),
		chromedp.UserDataDir(filepath.Join(folder, "profile")),
		chromedp.Env("HOME="+folder, "XDG_CONFIG_HOME="+folder, "XDG_CACHE_HOME="+folder),
		chromedp.NoSandbox, // the test's own sandbox gives it no user namespaces
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WindowSize(1280, 900),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	var end context.CancelFunc
	browser, end = chromedp.NewContext(allocator)
	defer end()
	if err := chromedp.Run(browser); err != nil {
		return 0, fmt.Errorf("cannot start Chromium: %w", err)
	}
	return m.Run(), nil
}

// reference is the site that Bazel built; the go command has none, and gets one made.
func reference(folder string) (string, error) {
	if built := os.Getenv("REFERENCE"); built != "" {
		return filepath.Abs(built)
	}
	schema, err := compile.File("../idl/strongroom.idl")
	if err != nil {
		return "", err
	}
	snippets, err := docs.ReadSnippets(os.DirFS("snippets"))
	if err != nil {
		return "", err
	}
	files, err := docs.Site(schema, snippets)
	if err != nil {
		return "", err
	}
	made := filepath.Join(folder, "reference")
	return made, docs.Write(made, files)
}

// reader is a tab with someone before it.
type reader struct {
	t       *testing.T
	ctx     context.Context
	base    string // where all pages begin
	trouble *trouble
}

// trouble collects what a page should not have.
type trouble struct {
	sync.Mutex
	all []string
}

func (l *trouble) add(format string, args ...any) {
	l.Lock()
	defer l.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, args...))
}

func (l *trouble) forget() {
	l.Lock()
	defer l.Unlock()
	l.all = nil
}

func (l *trouble) list() []string {
	l.Lock()
	defer l.Unlock()
	return slices.Clone(l.all)
}

// open begins at a page of the reference.
func open(t *testing.T, page string, actions ...chromedp.Action) *reader {
	t.Helper()
	return openAt(t, (&url.URL{Scheme: "file", Path: site}).String()+"/", page, actions...)
}

// openAt begins at a page, with nothing remembered. At the end no page may have complained, or asked for anything that is not below base.
func openAt(t *testing.T, base, page string, actions ...chromedp.Action) *reader {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	r := &reader{t, ctx, base, &trouble{}}
	chromedp.ListenTarget(ctx, func(event any) {
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			r.trouble.add("%s", event.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if event.Type == runtime.APITypeError || event.Type == runtime.APITypeWarning {
				r.trouble.add("the console says %s", event.Type)
			}
		case *log.EventEntryAdded:
			r.trouble.add("%s: %s %s", event.Entry.Level, event.Entry.Text, event.Entry.URL)
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(event.Request.URL, base) && !strings.HasPrefix(event.Request.URL, "data:") {
				r.trouble.add("asks for %s", event.Request.URL)
			}
		case *network.EventLoadingFailed:
			if !event.Canceled {
				r.trouble.add("cannot load: %s", event.ErrorText)
			}
		}
	})
	t.Cleanup(func() {
		assert.Empty(t, r.trouble.list())
		cancel()
		closeTab()
	})
	r.do(log.Enable(), network.Enable(), runtime.Enable(), emulation.SetFocusEmulationEnabled(true))
	r.do(chromedp.Navigate(base+"index.html"), chromedp.Evaluate(`localStorage.clear()`, nil))
	r.do(actions...)
	r.visit(page)
	return r
}

func (r *reader) do(actions ...chromedp.Action) {
	r.t.Helper()
	for _, action := range actions {
		err := chromedp.Run(r.ctx, action)
		// After a click on a link, the nodes that chromedp knows may still be those of the page before.
		for tries := 0; tries < 100 && err != nil && strings.Contains(err.Error(), "Could not find node"); tries++ {
			time.Sleep(100 * time.Millisecond)
			err = chromedp.Run(r.ctx, action)
		}
		require.NoError(r.t, err)
	}
}

func (r *reader) visit(page string) {
	r.t.Helper()
	r.do(chromedp.Navigate(r.base + page))
}

func (r *reader) press(keys ...string) {
	r.t.Helper()
	for _, key := range keys {
		r.do(chromedp.KeyEvent(key))
	}
}

// slash presses the key as one event, as keyboards do: chromedp's own writes the character even where a page has used up the key.
func (r *reader) slash() {
	r.t.Helper()
	r.do(input.DispatchKeyEvent(input.KeyDown).WithText("/").WithKey("/").WithCode("Slash"),
		input.DispatchKeyEvent(input.KeyUp).WithKey("/").WithCode("Slash"))
}

// says evaluates an expression.
func says[T any](r *reader, expression string, args ...any) T {
	r.t.Helper()
	var value T
	r.do(chromedp.Evaluate(fmt.Sprintf(expression, args...), &value))
	return value
}

// becomes waits until an expression is true. While another page is loaded, there is nothing that could be asked.
func (r *reader) becomes(expression string, args ...any) {
	r.t.Helper()
	text := fmt.Sprintf(expression, args...)
	require.Eventually(r.t, func() bool {
		var so bool
		return chromedp.Run(r.ctx, chromedp.Evaluate(text, &so)) == nil && so
	}, 20*time.Second, 20*time.Millisecond, "never so: %s", text)
}

// pages are all pages of the site that can be reached by links, in an order that does not change.
func (r *reader) pages() []string {
	r.t.Helper()
	seen := map[string]bool{}
	next := []string{"index.html"}
	var all []string
	anchors := map[string]map[string]bool{}
	wanted := map[string]string{} // address with anchor: the page that links it
	for len(next) > 0 {
		page := next[0]
		next = next[1:]
		if seen[page] {
			continue
		}
		seen[page] = true
		all = append(all, page)
		r.visit(page)
		require.NotEmpty(r.t, says[string](r, `document.querySelector("h1")?.innerText ?? ""`), page)
		anchors[page] = map[string]bool{"": true}
		for _, id := range says[[]string](r, `[...document.querySelectorAll("[id]")].map((e) => e.id)`) {
			anchors[page][id] = true
		}
		for _, link := range says[[]string](r, `[...document.querySelectorAll("a")].map((a) => a.href)`) {
			target, inside := strings.CutPrefix(link, r.base)
			if !assert.True(r.t, inside, "%s links %s", page, link) {
				continue
			}
			wanted[target] = page
			path, _, _ := strings.Cut(target, "#")
			next = append(next, path)
		}
	}
	for target, from := range wanted {
		path, anchor, _ := strings.Cut(target, "#")
		assert.True(r.t, anchors[path][anchor], "%s links %s, which is not there", from, target)
	}
	return all
}

func TestEveryLinkLeads(t *testing.T) {
	r := open(t, "index.html")
	pages := r.pages()
	assert.Contains(t, pages, "interface/Repository.html")
	assert.Contains(t, pages, "error/RepositoryError.html")
	assert.Greater(t, len(pages), 25)
	var files int
	require.NoError(t, filepath.WalkDir(site, func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".html" {
			files++
		}
		return err
	}))
	assert.Len(t, pages, files, "pages that nothing links")
}

func TestTheSearchIsUsedByKeyboard(t *testing.T) {
	r := open(t, "record/Entry.html")
	r.slash()
	require.Equal(t, "search", says[string](r, `document.activeElement.id`))
	r.do(chromedp.KeyEvent("backup"))
	r.becomes(`document.querySelector("#results [aria-selected=true] code")?.innerText === "Repository.backup"`)
	assert.Contains(t, says[string](r, `document.querySelector("#results [aria-selected=true]").innerText`), "Walks and reads the paths")
	assert.Equal(t, "true", says[string](r, `document.getElementById("search").ariaExpanded`))
	assert.Regexp(t, `^\d+ results$`, says[string](r, `document.getElementById("result-count").innerText`))
	first := says[string](r, `document.getElementById("search").getAttribute("aria-activedescendant")`)
	r.press(kb.ArrowDown)
	second := says[string](r, `document.getElementById("search").getAttribute("aria-activedescendant")`)
	assert.NotEqual(t, first, second)
	assert.Equal(t, second, says[string](r, `document.querySelector("#results [aria-selected=true]").id`))
	r.press(kb.ArrowUp, kb.Enter)
	r.becomes(`location.pathname.endsWith("/interface/Repository.html") && location.hash === "#backup"`)
	r.becomes(`document.readyState === "complete"`)
	r.becomes(`(() => { const top = document.querySelector("#backup h3").getBoundingClientRect().top; return top > 0 && top < innerHeight; })()`)

	// On the same page, by words of the summary, and nothing.
	r.slash()
	r.do(chromedp.KeyEvent("random identity"))
	r.becomes(`document.querySelector("#results [aria-selected=true] code")?.innerText === "Repository.id"`)
	r.press(kb.Enter)
	r.becomes(`location.hash === "#id" && document.getElementById("results").hidden`)
	r.slash()
	r.do(chromedp.KeyEvent("no such word"))
	r.becomes(`document.getElementById("results").innerText.includes("Nothing has this")`)
	assert.Equal(t, "0 results", says[string](r, `document.getElementById("result-count").innerText`))
	r.press(kb.Escape)
	r.becomes(`document.getElementById("results").hidden`)

	// Case and underscores do not matter, and an exact name comes first.
	r.press(kb.Escape)
	r.slash()
	r.do(chromedp.KeyEvent("NoSuchSnapshot"))
	r.becomes(`document.querySelector("#results [aria-selected=true] code")?.innerText === "RepositoryError.no_such_snapshot"`)
}

// shown is the text of the panel of an item that a reader sees.
func (r *reader) shown(anchor string) string {
	r.t.Helper()
	return says[string](r, `[...document.querySelectorAll("#%s--go, #%s--python, #%s--rust, #%s--c")]
		.map((tab) => document.getElementById(tab.getAttribute("aria-controls")))
		.filter((panel) => panel.checkVisibility()).map((panel) => panel.innerText).join("\n=====\n")`, anchor, anchor, anchor, anchor)
}

func TestTabsAreUsedByKeyboard(t *testing.T) {
	r := open(t, "interface/Repository.html")
	assert.Contains(t, r.shown("backup"), "func (r *Repository) Backup(")
	assert.NotContains(t, r.shown("backup"), "=====", "one language is shown")
	selected := func() string { return says[string](r, `document.activeElement.innerText`) }

	r.do(chromedp.Focus("#backup--go", chromedp.ByQuery))
	for _, want := range []struct{ key, tab, text string }{
		{kb.ArrowRight, "Python", "def backup("},
		{kb.ArrowRight, "Rust", "fn backup("},
		{kb.ArrowRight, "C", "strongroom_repository_backup("},
		{kb.ArrowRight, "Go", "func (r *Repository) Backup("},
		{kb.ArrowLeft, "C", "strongroom_repository_backup("},
		{kb.Home, "Go", "func (r *Repository) Backup("},
		{kb.End, "C", "strongroom_repository_backup("},
		{kb.ArrowLeft, "Rust", "fn backup("},
		{kb.ArrowLeft, "Python", "async def backup("},
	} {
		r.press(want.key)
		require.Equal(t, want.tab, selected())
		assert.Equal(t, "true", says[string](r, `document.activeElement.ariaSelected`))
		assert.Contains(t, r.shown("backup"), want.text)
		assert.Contains(t, r.shown("resolve"), map[string]string{
			"Go": "Resolve(", "Python": "def resolve(", "Rust": "fn resolve(", "C": "strongroom_repository_resolve(",
		}[want.tab], "all items change together")
		assert.Equal(t, 1, says[int](r, `[...document.activeElement.parentElement.children].filter((tab) => tab.tabIndex === 0).length`))
	}
	assert.Contains(t, r.shown("backup"), "strongroom.BackupOptions(paths=[folder]", "the example is shown")
	r.press(kb.Tab)
	assert.Equal(t, "tabpanel", says[string](r, `document.activeElement.role ?? ""`), "the code follows its tab")

	// The choice is kept on the next page, and by links.
	r.visit("record/Location.html")
	assert.Contains(t, r.shown("declaration"), "class Location:")
	assert.Equal(t, "Python", says[string](r, `document.querySelector("[role=tab][aria-selected=true]").innerText`))
	r.do(chromedp.Click("nav a[href$='Credentials.html']", chromedp.ByQuery))
	r.becomes(`document.querySelector("h1")?.innerText === "Credentials" && document.readyState === "complete"`)
	assert.Contains(t, r.shown("declaration"), "class CredentialsKeyFile:")
}

func TestMethodsHaveExamplesThatRan(t *testing.T) {
	r := open(t, "interface/Repository.html")
	assert.Contains(t, r.shown("open"), "client.OpenRepository(ctx, strongroom.Location{")
	for _, method := range []string{"init", "open", "backup", "snapshots", "read", "restore", "ingest"} {
		for _, language := range []string{"go", "python", "rust", "c"} {
			r.do(chromedp.Click("#"+method+"--"+language, chromedp.ByQuery))
			assert.Contains(t, strings.ToUpper(r.shown(method)), "EXAMPLE", "%s in %s", method, language)
		}
	}
	r.do(chromedp.Click("#read--rust", chromedp.ByQuery))
	assert.Contains(t, r.shown("read"), "sink.send(block.into()).await?", "in Rust: what answers the call")
	assert.Contains(t, r.shown("declaration"), "rpc::export!(SERVICE);")
}

func TestTypesHaveExamplesThatRan(t *testing.T) {
	r := open(t, "index.html")
	for page, part := range map[string]string{
		"record/Location.html":       "..Location::default()",
		"enum/Credentials.html":      "Credentials::KeyFile { .. } =>",
		"enum/Compression.html":      "Compression::Zstd { level } =>",
		"enum/IssueKind.html":        "IssueKind::Vanished",
		"error/RepositoryError.html": "RepositoryError::NotFound { url } =>",
	} {
		r.visit(page)
		r.do(chromedp.Click("#declaration--rust", chromedp.ByQuery))
		assert.Contains(t, r.shown("declaration"), part, page)
	}
}

// TestEveryPageHasAnExampleInEveryLanguage: its own, or that of a method which uses it.
func TestEveryPageHasAnExampleInEveryLanguage(t *testing.T) {
	r := open(t, "index.html")
	for _, folder := range []string{"interface", "record", "enum", "error"} {
		pages, err := filepath.Glob(filepath.Join(site, folder, "*.html"))
		require.NoError(t, err)
		require.NotEmpty(t, pages, folder)
		for _, page := range pages {
			name := filepath.Join(folder, filepath.Base(page))
			r.visit(name)
			for _, language := range []string{"go", "python", "rust", "c"} {
				example := says[string](r, `document.getElementById("declaration--%s-code").textContent`, language)
				assert.Contains(t, example, "Example", "%s in %s", name, language)
			}
		}
	}
}

func TestErrorsSayWhenTheyHappenAndWhoThrowsThem(t *testing.T) {
	r := open(t, "error/RepositoryError.html")
	text := says[string](r, `document.getElementById("not_found").innerText`)
	assert.Contains(t, text, "“there is no repository at url; create one with init”")
	assert.Contains(t, text, "Since the first version")
	assert.Contains(t, text, "Opening: nothing is at the URL.")
	assert.Contains(t, says[string](r, `document.getElementById("thrown-by").parentElement.innerText`), "Repository.backup")
	r.do(chromedp.Click(`//a[.="Repository.backup"]`))
	r.becomes(`location.hash === "#backup" && document.readyState === "complete"`)
	r.do(chromedp.Focus("#backup summary", chromedp.ByQuery))
	r.press(kb.Enter)
	r.becomes(`document.querySelector("#backup details").innerText.includes("no_space")`)
}

func TestTheKeyboardSkipsToTheContent(t *testing.T) {
	r := open(t, "interface/Ingest.html")
	r.press(kb.Tab)
	assert.Equal(t, "Skip to the content", says[string](r, `document.activeElement.innerText`))
	assert.GreaterOrEqual(t, says[float64](r, `document.activeElement.getBoundingClientRect().left`), 0.0, "it is seen when it has the focus")
	assert.Equal(t, "solid", says[string](r, `getComputedStyle(document.activeElement).outlineStyle`))
	r.press(kb.Enter)
	r.becomes(`document.activeElement.id === "content"`)
	r.press(kb.Tab)
	assert.True(t, says[bool](r, `document.getElementById("content").contains(document.activeElement)`))
	assert.Equal(t, "solid", says[string](r, `getComputedStyle(document.activeElement).outlineStyle`), "what has the focus is seen")
}

// contrast is that of WCAG 2, between the text of an element and what is behind it.
func (r *reader) contrast(selector string) float64 {
	r.t.Helper()
	colours := says[[][]float64](r, `(() => {
		const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
		const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
		let element = document.querySelector(%q);
		const text = rgb(getComputedStyle(element).color);
		while (element.parentElement && rgb(getComputedStyle(element).backgroundColor)[3] < 255) element = element.parentElement;
		return [text, rgb(getComputedStyle(element).backgroundColor)];
	})()`, selector)
	luminance := func(c []float64) float64 {
		var parts [3]float64
		for i := range parts {
			if parts[i] = c[i] / 255; parts[i] <= 0.04045 {
				parts[i] /= 12.92
			} else {
				parts[i] = math.Pow((parts[i]+0.055)/1.055, 2.4)
			}
		}
		return 0.2126*parts[0] + 0.7152*parts[1] + 0.0722*parts[2]
	}
	a, b := luminance(colours[0]), luminance(colours[1])
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

func (r *reader) readable() {
	r.t.Helper()
	assert.Greater(r.t, r.contrast(".lead p"), 7.0)
	for _, selector := range []string{
		"main .idl a", ".since", ".k", ".s", ".c", "nav a[aria-current]", "nav h2", "[role=tab][aria-selected=false]", "#theme", ".kind", ".example",
	} {
		assert.Greater(r.t, r.contrast(selector), 4.5, selector)
	}
}

func TestLightAndDark(t *testing.T) {
	const dark = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).every((part) => part < 60)`
	r := open(t, "interface/Repository.html", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "dark"},
	}))
	r.becomes(dark)
	assert.Equal(t, "true", says[string](r, `document.getElementById("theme").ariaPressed`))
	r.readable()

	r.do(chromedp.Focus("#theme", chromedp.ByQuery))
	r.press(" ")
	r.becomes("!(%s)", dark)
	assert.Equal(t, "false", says[string](r, `document.getElementById("theme").ariaPressed`))
	r.readable()
	r.visit("index.html") // the choice is remembered, against what the system prefers
	assert.False(t, says[bool](r, dark))
	r.do(chromedp.Focus("#theme", chromedp.ByQuery))
	r.press(kb.Enter)
	r.becomes(dark)

	light := open(t, "interface/Repository.html", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "light"},
	}))
	assert.False(t, says[bool](light, dark))
	light.readable()
}

func TestAPhoneShowsAllOfIt(t *testing.T) {
	r := open(t, "index.html")
	pages := r.pages()
	for _, width := range []int64{320, 390} {
		r.do(emulation.SetDeviceMetricsOverride(width, 780, 2, true))
		for _, page := range pages {
			r.visit(page)
			assert.LessOrEqual(t, says[int64](r, `document.scrollingElement.scrollWidth`), width, "%s is wider than the screen", page)
			assert.Empty(t, says[[]string](r, `[...document.querySelectorAll("pre")].filter((code) => code.scrollWidth > code.clientWidth
				&& !["auto", "scroll"].includes(getComputedStyle(code).overflowX)).map((code) => code.innerText)`), "%s cuts code off", page)
			assert.Less(t, says[float64](r, `document.querySelector("h1").getBoundingClientRect().bottom`), 400.0, "%s begins with something else", page)
		}
	}
	assert.GreaterOrEqual(t, says[float64](r, `parseFloat(getComputedStyle(document.body).fontSize)`), 16.0)
	require.False(t, says[bool](r, `document.getElementById("nav").checkVisibility()`))
	r.do(chromedp.Click("#menu", chromedp.ByQuery))
	assert.True(t, says[bool](r, `document.getElementById("nav").checkVisibility()`))
	assert.Equal(t, "true", says[string](r, `document.getElementById("menu").ariaExpanded`))
	assert.GreaterOrEqual(t, says[float64](r, `document.querySelector("nav a").getBoundingClientRect().height`), 30.0, "a finger hits it")
	r.do(chromedp.Click("nav a[href$='Repository.html']", chromedp.ByQuery))
	r.becomes(`document.querySelector("h1")?.innerText === "Repository"`)

	r.do(chromedp.Click("#search", chromedp.ByQuery), chromedp.KeyEvent("snapshot"))
	r.becomes(`document.querySelectorAll("#results [role=option]").length > 3`)
	assert.LessOrEqual(t, says[float64](r, `document.getElementById("results").getBoundingClientRect().right`), 390.0)
	assert.GreaterOrEqual(t, says[float64](r, `document.getElementById("results").getBoundingClientRect().left`), 0.0)
}

func TestWithoutScriptsEverythingIsShown(t *testing.T) {
	r := open(t, "index.html", emulation.SetScriptExecutionDisabled(true))
	r.visit("interface/Ingest.html")
	var text string
	r.do(chromedp.Text("#write", &text, chromedp.ByQuery))
	for _, part := range []string{"func (i *Ingest) Write(", "def write(", "fn write(", "strongroom_ingest_write("} {
		assert.Contains(t, text, part)
	}
}
