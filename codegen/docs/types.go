package docs

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/token"
)

// anchor links a name to an address that counts from the site's folder.
func (p *page) anchor(name, url string) template.HTML {
	if url == p.Path {
		return template.HTML(template.HTMLEscapeString(name))
	}
	return template.HTML(`<a href="` + template.HTMLEscapeString(p.Root+url) + `">` + template.HTMLEscapeString(name) + `</a>`)
}

// idl begins a declaration as the IDL writes it.
func (p *page) idl(keyword, name string) template.HTML {
	return template.HTML(`<span class="k">` + keyword + `</span> ` + template.HTMLEscapeString(name))
}

// typeText is a type as the IDL writes it, with links.
func (p *page) typeText(r *ir.Ref) template.HTML {
	b := p.builder
	switch {
	case r.Alias != nil:
		return p.anchor(r.Alias.Name, b.urls[r.Alias])
	case r.Kind == ir.Optional:
		return "optional&lt;" + p.typeText(r.Elem) + "&gt;"
	case r.Kind == ir.List:
		return "list&lt;" + p.typeText(r.Elem) + "&gt;"
	case r.Kind == ir.Map:
		return "map&lt;" + p.typeText(r.Key) + ", " + p.typeText(r.Elem) + "&gt;"
	case r.Record != nil:
		return p.anchor(r.Record.Name, b.urls[r.Record])
	case r.Enum != nil:
		return p.anchor(r.Enum.Name, b.urls[r.Enum])
	case r.Interface != nil:
		return p.anchor(r.Interface.Name, b.urls[r.Interface])
	}
	return template.HTML(template.HTMLEscapeString(r.String()))
}

func (p *page) streamText(r *ir.Ref) template.HTML { return "stream&lt;" + p.typeText(r) + "&gt;" }

// signature is a method as the IDL writes it, with links.
func (p *page) signature(m *ir.Method) template.HTML {
	var out strings.Builder
	if m.Immediate {
		out.WriteString(`<span class="k">@immediate</span> `)
	}
	if m.Constructor {
		out.WriteString(`<span class="k">constructor</span> `)
	}
	out.WriteString(m.Name + "(")
	var args []string
	for _, a := range m.Args {
		args = append(args, a.Name+": "+string(p.typeText(a.Type)))
	}
	if m.Input != nil {
		args = append(args, m.Input.Name+": "+string(p.streamText(m.Input.Type)))
	}
	out.WriteString(strings.Join(args, ", ") + ")")
	switch {
	case m.Constructor || m.Result == nil:
	case m.Stream:
		out.WriteString(" -&gt; " + string(p.streamText(m.Result)))
	default:
		out.WriteString(" -&gt; " + string(p.typeText(m.Result)))
	}
	if m.Emits != nil {
		out.WriteString(` <span class="k">emits</span> ` + string(p.anchor(m.Emits.Name, p.builder.urls[m.Emits])))
	}
	if m.Throws != nil {
		out.WriteString(` <span class="k">throws</span> ` + string(p.anchor(m.Throws.Name, p.builder.urls[m.Throws])))
	}
	return template.HTML(out.String())
}

// valueText is a value as the IDL writes it.
func valueText(r *ir.Ref, v *ir.Value) string {
	switch r.Kind {
	case ir.Duration:
		return durationText(time.Duration(v.Int))
	case ir.String:
		return strconv.Quote(v.Text)
	default:
		return v.Literal(r)
	}
}

// durationText counts in the largest unit that leaves no rest.
func durationText(d time.Duration) string {
	for _, unit := range []string{"d", "h", "m", "s", "ms", "us"} {
		if size := token.Units[unit]; d != 0 && d%size == 0 {
			return fmt.Sprintf("%d%s", d/size, unit)
		}
	}
	return fmt.Sprintf("%dns", int64(d))
}
