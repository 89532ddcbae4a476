package docs

import (
	"bytes"
	"embed"
	"html/template"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

//go:embed templates assets
var files embed.FS

var layout = template.Must(template.ParseFS(files, "templates/*.html"))

// What the templates show.
type (
	indexBody struct {
		Doc    template.HTML
		Groups []indexGroup
	}
	indexGroup struct {
		Title string
		Items []indexItem
	}
	indexItem struct {
		link
		Summary    template.HTML
		Deprecated bool
		Parts      []link
	}
	typeBody struct {
		Doc      template.HTML
		Text     template.HTML // as the IDL writes it
		Tabs     tabs
		History  history
		Fields   []fieldRow
		Variants []variantBody
		Methods  []methodBody
		Users    []link
		Message  bool // variants are ways to fail
	}
	fieldRow struct {
		Name    string
		Anchor  string
		Type    template.HTML
		Default string
		Doc     template.HTML
		History history
		Since   bool // it came later than its type
	}
	variantBody struct {
		Name    string
		Doc     template.HTML
		Message template.HTML
		Fields  []fieldRow
		History history
	}
	methodBody struct {
		Name        string
		Constructor bool
		Immediate   bool
		Text        template.HTML
		Doc         template.HTML
		Args        []fieldRow
		Emits       template.HTML
		Throws      *throwsBody
		Tabs        tabs
		History     history
	}
	throwsBody struct {
		link
		Variants []link
	}
	valuesBody struct {
		Intro string
		Items []valueBody
	}
	valueBody struct {
		Name    string
		Text    template.HTML
		Doc     template.HTML
		Tabs    tabs
		History history
		Users   []link
	}
	runtimeBody struct{ Errors []runtimeError }
)

// pages writes everything.
func (b *builder) pages() (map[string][]byte, error) {
	out := map[string][]byte{}
	write := func(p *page, name string, body any) error {
		p.Body = body
		var text bytes.Buffer
		if err := layout.ExecuteTemplate(&text, name, p); err != nil {
			return err
		}
		out[p.Path] = text.Bytes()
		return nil
	}
	for _, t := range b.schema.Types {
		p := b.newPage(b.urls[t], "", t.TypeName())
		var body *typeBody
		switch t := t.(type) {
		case *ir.Record:
			p.Kind = "record"
			body = p.record(t)
		case *ir.Enum:
			p.Kind = "enum"
			body = p.enum(t)
		case *ir.Error:
			p.Kind = "error"
			body = p.failure(t)
		}
		if err := write(p, "type.html", body); err != nil {
			return nil, err
		}
	}
	for _, i := range b.interfaces() {
		p := b.newPage(b.urls[i], kindOf(i), i.Name)
		if err := write(p, "type.html", p.iface(i)); err != nil {
			return nil, err
		}
	}
	if len(b.schema.Constants) > 0 {
		p := b.newPage(constantsPage, "", "Constants")
		if err := write(p, "values.html", p.constants()); err != nil {
			return nil, err
		}
	}
	if len(b.schema.Aliases) > 0 {
		p := b.newPage(aliasesPage, "", "Aliases")
		if err := write(p, "values.html", p.aliases()); err != nil {
			return nil, err
		}
	}
	p := b.newPage(runtimePage, "", "Errors of the runtime")
	for _, e := range runtimeErrors {
		b.enter(e.Name, "error", "error of the runtime", runtimePage+"#"+e.Name, []string{e.When})
	}
	if err := write(p, "runtime.html", runtimeBody{runtimeErrors}); err != nil {
		return nil, err
	}
	p = b.newPage(indexPage, "", b.schema.Package)
	if err := write(p, "index.html", p.index()); err != nil {
		return nil, err
	}
	index, err := b.searchIndex()
	if err != nil {
		return nil, err
	}
	out["search.js"] = index
	for _, name := range []string{"items.css", "site.css", "site.js", "tabs.js"} {
		if out[name], err = files.ReadFile("assets/" + name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *page) index() indexBody {
	b := p.builder
	body := indexBody{Doc: p.doc(b.schema.Doc)}
	item := func(l listed) indexItem {
		it := indexItem{
			link: link{l.name, b.urls[l.item]}, Summary: p.inline(summary(l.about.Doc)), Deprecated: l.about.Deprecated != "",
		}
		for _, m := range l.methods {
			it.Parts = append(it.Parts, link{m.Name, b.urls[m]})
		}
		return it
	}
	// Constants and aliases stand on one page each; only the index lists them.
	constants, aliases := section{title: "Constants"}, section{title: "Aliases"}
	for _, c := range b.schema.Constants {
		constants.items = append(constants.items, listed{c.Name, c, c.About, nil})
	}
	for _, a := range b.schema.Aliases {
		aliases.items = append(aliases.items, listed{a.Name, a, a.About, nil})
	}
	for _, s := range slices.Concat(b.sections, []section{constants, aliases}) {
		group := indexGroup{Title: s.title}
		for _, l := range s.items {
			group.Items = append(group.Items, item(l))
		}
		if len(group.Items) > 0 {
			body.Groups = append(body.Groups, group)
		}
	}
	return body
}

func (p *page) record(t *ir.Record) *typeBody {
	p.builder.enter(t.Name, "record", "record", p.Path, t.Doc)
	body := &typeBody{
		Doc: p.doc(t.Doc), Text: p.idl("record", t.Name), Tabs: p.tabsOf(t, "declaration", t.Name), History: p.history(t.About),
		Users: p.usersOf(t),
	}
	for _, f := range t.Fields {
		p.scope[f.Name] = "#" + f.Name
	}
	body.Fields = p.fields(t.Fields, "", t.Since)
	for _, f := range t.Fields {
		p.builder.enter(t.Name+"."+f.Name, "field", "field", p.Path+"#"+f.Name, f.Doc)
	}
	return body
}

func (p *page) enum(t *ir.Enum) *typeBody {
	p.builder.enter(t.Name, "enum", "enum", p.Path, t.Doc)
	return &typeBody{
		Doc: p.doc(t.Doc), Text: p.idl("enum", t.Name), Tabs: p.tabsOf(t, "declaration", t.Name), History: p.history(t.About),
		Variants: p.variants(t.Name, "variant", t.Variants), Users: p.usersOf(t),
	}
}

func (p *page) failure(t *ir.Error) *typeBody {
	p.builder.enter(t.Name, "error", "error", p.Path, t.Doc)
	return &typeBody{
		Doc: p.doc(t.Doc), Text: p.idl("error", t.Name), Tabs: p.tabsOf(t, "declaration", t.Name), History: p.history(t.About),
		Variants: p.variants(t.Name, "way to fail", t.Variants), Users: p.usersOf(t), Message: true,
	}
}

func (p *page) variants(of, kind string, variants []*ir.Variant) []variantBody {
	for _, v := range variants {
		p.scope[v.Name] = "#" + v.Name
	}
	var all []variantBody
	for _, v := range variants {
		p.builder.enter(of+"."+v.Name, kind, kind, p.Path+"#"+v.Name, v.Doc)
		var message strings.Builder
		for _, part := range v.Message {
			if part.Field != nil {
				message.WriteString("<var>" + template.HTMLEscapeString(part.Field.Name) + "</var>")
			} else {
				message.WriteString(template.HTMLEscapeString(part.Text))
			}
		}
		all = append(all, variantBody{
			Name: v.Name, Doc: p.doc(v.Doc), Message: template.HTML(message.String()),
			Fields: p.fields(v.Fields, v.Name+".", v.Since), History: p.history(v.About),
		})
	}
	return all
}

func (p *page) fields(fields []*ir.Field, prefix, since string) []fieldRow {
	var rows []fieldRow
	for _, f := range fields {
		row := fieldRow{
			Name: f.Name, Anchor: prefix + f.Name, Type: p.typeText(f.Type), Doc: p.doc(f.Doc), History: p.history(f.About),
			Since: f.Since != "" && f.Since != since,
		}
		if f.Default != nil {
			row.Default = valueText(f.Type, f.Default)
		}
		rows = append(rows, row)
	}
	return rows
}

func (p *page) iface(i *ir.Interface) *typeBody {
	b := p.builder
	b.enter(i.Name, kindOf(i), kindOf(i), p.Path, i.Doc)
	for _, m := range i.All() {
		p.scope[m.Name] = "#" + m.Name
	}
	body := &typeBody{
		Doc: p.doc(i.Doc), Text: p.idl(kindOf(i), i.Name), Tabs: p.tabsOf(i, "declaration", i.Name), History: p.history(i.About),
		Users: p.usersOf(i),
	}
	for _, m := range i.All() {
		kind := "method"
		if m.Constructor {
			kind = "constructor"
		}
		b.enter(m.FullName(), "method", kind, b.urls[m], m.Doc)
		method := methodBody{
			Name: m.Name, Constructor: m.Constructor, Immediate: m.Immediate, Text: p.signature(m), Doc: p.doc(m.Doc),
			Args: p.args(m), Tabs: p.tabsOf(m, m.Name, m.FullName()), History: p.history(m.About),
		}
		if m.Emits != nil {
			method.Emits = p.anchor(m.Emits.Name, b.urls[m.Emits])
		}
		if m.Throws != nil {
			throws := &throwsBody{link: link{m.Throws.Name, p.Root + b.urls[m.Throws]}}
			for _, v := range m.Throws.Variants {
				throws.Variants = append(throws.Variants, link{v.Name, p.Root + b.urls[v]})
			}
			method.Throws = throws
		}
		body.Methods = append(body.Methods, method)
	}
	return body
}

// args are the arguments, where anything is said of them that the method's line does not say.
func (p *page) args(m *ir.Method) []fieldRow {
	rows := p.fields(m.Args, m.Name+".", m.Since)
	if m.Input != nil {
		input := p.fields([]*ir.Field{m.Input}, m.Name+".", m.Since)
		input[0].Type = p.streamText(m.Input.Type)
		rows = append(rows, input...)
	}
	for _, row := range rows {
		if row.Doc != "" || row.Since || row.History.Deprecated != "" {
			return rows
		}
	}
	return nil
}

func (p *page) constants() valuesBody {
	body := valuesBody{Intro: "Values with a name. They are compiled into both sides, and never sent."}
	for _, c := range p.builder.schema.Constants {
		p.builder.enter(c.Name, "constant", "constant", p.builder.urls[c], c.Doc)
		text := p.idl("const", c.Name) + template.HTML(": ") + p.typeText(c.Type) +
			template.HTML(" = "+template.HTMLEscapeString(valueText(c.Type, c.Value)))
		body.Items = append(body.Items, valueBody{
			Name: c.Name, Text: text, Doc: p.doc(c.Doc), Tabs: p.tabsOf(c, c.Name, ""), History: p.history(c.About),
		})
	}
	return body
}

func (p *page) aliases() valuesBody {
	body := valuesBody{Intro: "Other names for types. An alias and its type are the same on the wire."}
	for _, a := range p.builder.schema.Aliases {
		p.builder.enter(a.Name, "alias", "alias", p.builder.urls[a], a.Doc)
		body.Items = append(body.Items, valueBody{
			Name: a.Name, Text: p.idl("type", a.Name) + template.HTML(" = ") + p.typeText(a.Type), Doc: p.doc(a.Doc),
			Tabs: p.tabsOf(a, a.Name, ""), History: p.history(a.About), Users: p.usersOf(a),
		})
	}
	return body
}

// usersOf are the links to what mentions an item, from this page.
func (p *page) usersOf(item any) []link {
	var all []link
	for _, user := range p.builder.users[item] {
		all = append(all, link{user.Text, p.Root + user.URL})
	}
	return all
}
