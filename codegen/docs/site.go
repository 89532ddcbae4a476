// Package docs makes what people read of an interface: the reference as a static site, and the catalogue of the compiler's
// diagnostics. Pages show the declarations that the backends really write; snippets are cut out of files that tests run.
package docs

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// Site makes the files of the reference, by their paths below its folder.
func Site(s *ir.Schema, snippets Snippets) (map[string][]byte, error) {
	b := &builder{schema: s, snippets: snippets, urls: map[any]string{}, words: map[string]string{}, users: map[any][]link{}}
	for _, l := range languages {
		declared, err := l.declared(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		b.declared = append(b.declared, declared)
	}
	b.place()
	b.sort()
	if err := snippets.fit(s); err != nil {
		return nil, err
	}
	b.use()
	return b.pages()
}

// builder knows where everything stands before the first page is written.
type builder struct {
	schema   *ir.Schema
	snippets Snippets
	declared []map[any]string    // as languages
	urls     map[any]string      // of items, from the site's folder
	words    map[string]string   // what a doc comment names in backquotes, and where it is
	names    []map[string]string // names in the languages' code, and where they are explained
	users    map[any][]link      // what mentions an item
	sections []section
	entries  []entry
}

// section is the declarations of one kind, in the order in which the reference lists kinds.
type section struct {
	title string
	items []listed
}

type listed struct {
	name    string
	item    any // its place is in urls
	about   ir.About
	methods []*ir.Method
}

// sort lists what has a page of its own, by kind.
func (b *builder) sort() {
	interfaces := func(all []*ir.Interface) (items []listed) {
		for _, i := range all {
			items = append(items, listed{i.Name, i, i.About, i.All()})
		}
		return items
	}
	var records, enums, errors []listed
	for _, t := range b.schema.Types {
		switch t := t.(type) {
		case *ir.Record:
			records = append(records, listed{t.Name, t, t.About, nil})
		case *ir.Enum:
			enums = append(enums, listed{t.Name, t, t.About, nil})
		case *ir.Error:
			errors = append(errors, listed{t.Name, t, t.About, nil})
		}
	}
	b.urls[runtimePage] = runtimePage
	errors = append(errors, listed{
		"Errors of the runtime", runtimePage, ir.About{Doc: []string{"What every call can fail with, besides its own errors."}}, nil,
	})
	for _, s := range []section{
		{"Interfaces", interfaces(b.schema.Interfaces)}, {"Callbacks", interfaces(b.schema.Callbacks)}, {"Errors", errors},
		{"Records", records}, {"Enums", enums},
	} {
		if len(s.items) > 0 {
			b.sections = append(b.sections, s)
		}
	}
}

// link is a name with its place.
type link struct{ Text, URL string }

// Folders and pages of the site.
const (
	indexPage     = "index.html"
	constantsPage = "constants.html"
	aliasesPage   = "aliases.html"
	runtimePage   = "runtime-errors.html"
)

// place gives every item its address.
func (b *builder) place() {
	name := func(item any, text, url string) {
		b.urls[item] = url
		b.words[text] = url
	}
	for _, c := range b.schema.Constants {
		name(c, c.Name, constantsPage+"#"+c.Name)
	}
	for _, a := range b.schema.Aliases {
		name(a, a.Name, aliasesPage+"#"+a.Name)
	}
	for _, t := range b.schema.Types {
		switch t := t.(type) {
		case *ir.Record:
			name(t, t.Name, "record/"+t.Name+".html")
		case *ir.Enum:
			name(t, t.Name, "enum/"+t.Name+".html")
			for _, v := range t.Variants {
				name(v, t.Name+"."+v.Name, "enum/"+t.Name+".html#"+v.Name)
			}
		case *ir.Error:
			name(t, t.Name, "error/"+t.Name+".html")
			for _, v := range t.Variants {
				name(v, t.Name+"."+v.Name, "error/"+t.Name+".html#"+v.Name)
			}
		}
	}
	for _, i := range b.interfaces() {
		name(i, i.Name, kindOf(i)+"/"+i.Name+".html")
		for _, m := range i.All() {
			name(m, m.FullName(), b.urls[i]+"#"+m.Name)
		}
	}
	for n, l := range languages {
		b.names = append(b.names, map[string]string{})
		for item, text := range b.declared[n] {
			if _, method := item.(*ir.Method); method {
				continue
			}
			for _, found := range l.declares.FindAllStringSubmatch(text, -1) {
				b.names[n][found[1]] = b.urls[item]
			}
		}
	}
}

func (b *builder) interfaces() []*ir.Interface {
	return slices.Concat(b.schema.Interfaces, b.schema.Callbacks)
}

func kindOf(i *ir.Interface) string {
	if i.Callback {
		return "callback"
	}
	return "interface"
}

// use finds out what mentions what.
func (b *builder) use() {
	var mention func(r *ir.Ref, by link)
	add := func(item any, by link) {
		if !slices.Contains(b.users[item], by) {
			b.users[item] = append(b.users[item], by)
		}
	}
	mention = func(r *ir.Ref, by link) {
		switch {
		case r == nil:
			return
		case r.Alias != nil:
			add(r.Alias, by)
			return
		case r.Record != nil:
			add(r.Record, by)
		case r.Enum != nil:
			add(r.Enum, by)
		case r.Interface != nil:
			add(r.Interface, by)
		}
		mention(r.Key, by)
		mention(r.Elem, by)
	}
	fields := func(all []*ir.Field, by link) {
		for _, f := range all {
			mention(f.Type, by)
		}
	}
	for _, i := range b.interfaces() {
		for _, m := range i.All() {
			by := link{m.FullName(), b.urls[m]}
			fields(m.Args, by)
			if m.Input != nil {
				mention(m.Input.Type, by)
			}
			if !m.Constructor {
				mention(m.Result, by)
			}
			if m.Emits != nil {
				add(m.Emits, by)
			}
			if m.Throws != nil {
				add(m.Throws, by)
			}
		}
	}
	for _, t := range b.schema.Types {
		by := link{t.TypeName(), b.urls[t]}
		switch t := t.(type) {
		case *ir.Record:
			fields(t.Fields, by)
		case *ir.Enum:
			for _, v := range t.Variants {
				fields(v.Fields, by)
			}
		case *ir.Error:
			for _, v := range t.Variants {
				fields(v.Fields, by)
			}
		}
	}
	for _, a := range b.schema.Aliases {
		mention(a.Type, link{a.Name, b.urls[a]})
	}
}

// page is what the layout shows around every page.
type page struct {
	Package string
	Title   string
	Kind    string // "record"; empty for the pages that show no item
	Path    string
	Root    string // the way from the page to the site's folder
	Nav     []navGroup
	Body    any

	builder *builder
	scope   map[string]string // further words that doc comments may name
}

type navGroup struct {
	Title string
	Links []navLink
}

type navLink struct {
	link
	Current    bool
	Deprecated bool
	Parts      []link // methods of the page that is shown
}

// newPage starts a page at a path.
func (b *builder) newPage(path, kind, title string) *page {
	p := &page{
		Package: b.schema.Package, Title: title, Kind: kind, Path: path,
		Root: strings.Repeat("../", strings.Count(path, "/")), builder: b, scope: map[string]string{},
	}
	for _, s := range b.sections {
		group := navGroup{Title: s.title}
		for _, l := range s.items {
			url := b.urls[l.item]
			entry := navLink{link: link{l.name, p.Root + url}, Current: url == path, Deprecated: l.about.Deprecated != ""}
			if entry.Current {
				for _, m := range l.methods {
					entry.Parts = append(entry.Parts, link{m.Name, "#" + m.Name})
				}
			}
			group.Links = append(group.Links, entry)
		}
		p.Nav = append(p.Nav, group)
	}
	var values []navLink
	if len(b.schema.Constants) > 0 {
		values = append(values, navLink{link: link{"Constants", p.Root + constantsPage}, Current: path == constantsPage})
	}
	if len(b.schema.Aliases) > 0 {
		values = append(values, navLink{link: link{"Aliases", p.Root + aliasesPage}, Current: path == aliasesPage})
	}
	if len(values) > 0 {
		p.Nav = append(p.Nav, navGroup{"Names", values})
	}
	return p
}

// tab is one language's part of an item.
type tab struct {
	ID, Name string
	Code     template.HTML // empty: the language has no declaration of its own
	Snippet  template.HTML // empty: there is none
	Of       string        // what it shows, where that is not the item itself
	Remark   string
}

type tabs struct {
	Anchor string
	Tabs   []tab
}

// tabsOf shows an item in every language.
func (p *page) tabsOf(item any, anchor, snippet string) tabs {
	all := tabs{Anchor: anchor}
	for n, l := range languages {
		t := tab{ID: l.ID, Name: l.Name}
		if code := p.builder.declared[n][item]; code != "" {
			t.Code = p.highlight(n, code)
		}
		if code, of := p.builder.example(item, snippet, l.ID); code != "" {
			t.Snippet, t.Of = p.highlight(n, code), of
		}
		if i, ok := item.(*ir.Interface); ok && !i.Callback {
			t.Remark = l.Interfaces
		}
		all.Tabs = append(all.Tabs, t)
	}
	return all
}

// example is the snippet of an item in a language. An interface that has none of its own has that of a method, and a record,
// an enum or an error that of the nearest method which uses it; of says which.
func (b *builder) example(item any, name, language string) (code, of string) {
	if code := b.snippets[name][language]; code != "" {
		return code, ""
	}
	if i, ok := item.(*ir.Interface); ok {
		for _, m := range i.All() {
			if code := b.snippets[m.FullName()][language]; code != "" {
				return code, m.FullName()
			}
		}
	}
	if _, isType := item.(ir.Type); !isType {
		return "", ""
	}
	types := map[string]any{}
	for _, t := range b.schema.Types {
		types[t.TypeName()] = t
	}
	seen := map[any]bool{}
	for near := []any{item}; len(near) > 0; near = near[1:] {
		if seen[near[0]] {
			continue
		}
		seen[near[0]] = true
		for _, user := range b.users[near[0]] {
			if user.Text != name && b.snippets[user.Text][language] != "" {
				return b.snippets[user.Text][language], user.Text
			}
			if t, ok := types[user.Text]; ok {
				near = append(near, t)
			}
		}
	}
	return "", ""
}

// history says since when an item is there, and what to use instead of it.
type history struct {
	Since      string
	Deprecated template.HTML
}

func (p *page) history(a ir.About) history {
	h := history{Since: "the first version"}
	if a.Since != "" {
		h.Since = a.Since
	}
	if a.Deprecated != "" {
		h.Deprecated = p.inline(a.Deprecated)
	}
	return h
}
