package lsp

import (
	"context"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"strongroom.dev/codegen/ast"
)

// completer gathers what can be written at a place.
type completer struct {
	place
	server *server
	wanted wanted
	items  []completionItem
}

func (s *server) completion(_ context.Context, p positionParams) ([]completionItem, error) {
	at, err := s.at(p)
	if err != nil {
		return nil, err
	}
	c := &completer{place: at, server: s, wanted: wantedAt(at.unit, at.offset), items: []completionItem{}}
	switch c.wanted.kind {
	case wantDeclaration:
		c.declarations()
	case wantItem, wantEffect, wantEither:
		if c.wanted.kind != wantEffect && c.wanted.keyword == "interface" {
			c.words(constructorWord)
		}
		c.words(c.wanted.effects...)
	case wantField, wantArgument, wantResult, wantItems, wantKey, wantConstant:
		c.types()
	case wantEmitted:
		c.named("record")
	case wantThrown:
		c.named("error")
	case wantValue:
		c.values()
	case wantAttribute:
		c.attributes()
	case wantPath:
		c.paths()
	case wantPlaceholder:
		c.placeholders()
	}
	return c.items, nil
}

// add offers a text. Those of a lower rank come after the others.
func (c *completer) add(label string, kind, rank int, detail, documentation string, deprecated bool) {
	item := completionItem{
		Label:    label,
		Kind:     kind,
		Detail:   detail,
		SortText: string(rune('0'+rank)) + label,
		TextEdit: &textEdit{c.server.encoding.span(c.unit.text, c.wanted.start, c.offset), label},
	}
	if documentation != "" {
		item.Documentation = markdown(documentation)
	}
	if deprecated {
		item.Tags = []int{tagDeprecated}
	}
	c.items = append(c.items, item)
}

func (c *completer) words(words ...keyword) {
	for _, k := range words {
		c.add(k.word, completeKeyword, 0, "", k.about, false)
	}
}

func (c *completer) declarations() {
	first := true // nothing but the package can stand here
	early := true // an import can
	for _, t := range c.unit.tokens {
		if t.Span.Start >= c.wanted.start {
			break
		}
		if t.FirstOnLine && t.Text == packageWord.word {
			first = false
		}
	}
	for _, d := range c.unit.tree.Decls {
		early = early && d.DeclName().Span.Start > c.offset
	}
	if first {
		c.words(packageWord)
		return
	}
	if early {
		c.words(importWord)
	}
	c.words(declarations...)
}

// shape is how a symbol looks in a list.
func shape(sym *symbol) (kind int, detail string) {
	switch n := sym.node.(type) {
	case *ast.Record, *ast.Error:
		return completeStruct, sym.what
	case *ast.Enum:
		return completeEnum, sym.what
	case *ast.Interface:
		return completeInterface, sym.what
	case *ast.Constant:
		return completeConstant, written(sym)
	case *ast.Variant:
		return completeVariant, variantText(n)
	case *ast.Field:
		return completeField, fieldText(n)
	default:
		return completeType, written(sym)
	}
}

func (c *completer) symbol(sym *symbol, rank int) {
	kind, detail := shape(sym)
	c.add(sym.name, kind, rank, detail, documentation(sym), sym.head.Attribute("deprecated") != nil)
}

// scoped are the declarations that the file sees, by name.
func (c *completer) scoped() []*symbol {
	names := c.scope(c.unit)
	var all []*symbol
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, names[name])
	}
	return all
}

func (c *completer) types() {
	for _, sym := range c.scoped() {
		if c.fits(sym) {
			c.symbol(sym, 0)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(builtinTypes)) {
		if c.fitsBuiltin(name) {
			c.add(name, completeKeyword, 1, builtinTypes[name].written, builtinTypes[name].about, false)
		}
	}
}

// fits leaves out what the compiler would refuse at this place.
func (c *completer) fits(sym *symbol) bool {
	switch n := sym.node.(type) {
	case *ast.Record, *ast.Enum:
		return c.wanted.kind != wantKey && c.wanted.kind != wantConstant
	case *ast.Alias:
		_, meant := c.meaning(sym.unit, n.Type)
		if meant == nil {
			return false
		}
		if c.wanted.kind == wantKey || c.wanted.kind == wantConstant {
			return c.fitsBuiltin(meant.Name.Text)
		}
		return true
	case *ast.Interface:
		if n.Callback {
			return c.wanted.kind == wantArgument && c.wanted.keyword == "interface"
		}
		return c.wanted.kind == wantResult && c.wanted.keyword == "interface"
	}
	return false
}

func (c *completer) fitsBuiltin(name string) bool {
	switch c.wanted.kind {
	case wantKey, wantConstant:
		switch name {
		case "bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "string":
			return true
		case "bytes":
			return c.wanted.kind == wantKey
		case "f32", "f64", "duration":
			return c.wanted.kind == wantConstant
		}
		return false
	}
	switch name {
	case "stream":
		return (c.wanted.kind == wantArgument || c.wanted.kind == wantResult) && c.wanted.keyword == "interface"
	case "buffer":
		return c.wanted.kind != wantField
	}
	_, known := builtinTypes[name]
	return known
}

// named offers the declarations of one kind.
func (c *completer) named(keyword string) {
	for _, sym := range c.scoped() {
		if sym.what == keyword {
			c.symbol(sym, 0)
		}
	}
}

// values offers what a default can be by its name.
func (c *completer) values() {
	if len(c.wanted.typ) != 1 { // types with parameters have no defaults
		return
	}
	home, meant := c.meaning(c.unit, &ast.Type{Name: ast.Name{Text: c.wanted.typ[0].Text}})
	if meant == nil {
		return
	}
	if sym := c.scope(home)[meant.Name.Text]; sym != nil {
		if enum, ok := sym.node.(*ast.Enum); ok {
			for _, v := range enum.Variants {
				c.symbol(c.item(sym.unit, "variant", &v.Head, v, sym), 0)
			}
		}
		return
	}
	if meant.Name.Text == "bool" {
		c.words(keyword{"true", ""}, keyword{"false", ""})
	}
	if c.wanted.keyword == "const" { // a constant is written out
		return
	}
	for _, sym := range c.scoped() {
		if constant, ok := sym.node.(*ast.Constant); ok {
			if _, t := c.meaning(sym.unit, constant.Type); t != nil && t.Name.Text == meant.Name.Text {
				c.symbol(sym, 0)
			}
		}
	}
}

func (c *completer) attributes() {
	methods := c.wanted.keyword == "interface"
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if a := attributes[name]; methods || !a.methods {
			c.add(name, completeKeyword, 0, a.written, a.about, false)
		}
	}
}

// paths offers the IDL files and folders that an import can name, one step of the path at a time.
func (c *completer) paths() {
	if !filepath.IsAbs(c.unit.path) {
		return
	}
	written := c.unit.text.text[c.wanted.start:c.offset]
	folder, _ := path.Split(written)
	c.wanted.start += len(folder)
	entries, err := os.ReadDir(filepath.Join(filepath.Dir(c.unit.path), filepath.FromSlash(folder)))
	if err != nil {
		return // what is written leads nowhere yet
	}
	self := filepath.Base(c.unit.path)
	for _, entry := range entries {
		switch name := entry.Name(); {
		case strings.HasPrefix(name, "."):
		case entry.IsDir():
			c.add(name+"/", completeFolder, 1, "", "", false)
		case filepath.Ext(name) == ".idl" && !(name == self && folder == ""):
			c.add(name, completeFile, 0, "", "", false)
		}
	}
}

// placeholders offers the fields of the variant whose message is being written.
func (c *completer) placeholders() {
	var around *symbol
	for _, o := range c.names(c.unit) {
		if o.span.Start > c.offset {
			break
		}
		if o.declares && o.symbol.what == "variant" {
			around = o.symbol
		}
	}
	if around == nil {
		return
	}
	for _, f := range around.node.(*ast.Variant).Fields {
		c.symbol(c.item(c.unit, "field", &f.Head, f, around), 0)
	}
}
