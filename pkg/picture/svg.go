package picture

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// family is what texts are set in; a browser takes the first that it has.
const family = `system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif`

// SVG returns the picture as a file of its own.
func (p *Picture) SVG() string {
	var w writer
	w.open(p, `xmlns="http://www.w3.org/2000/svg" width="`+number(p.Width)+`" height="`+number(p.Height)+`"`)
	w.WriteString("<style>" + Styles() + "</style>\n")
	w.shape(Box{W: p.Width, H: p.Height, Style: Style{Fill: Paper}})
	w.close(p)
	return w.String()
}

// Inline returns the picture as a part of a page that has Styles; it is as wide as
// there is room, up to its own width.
func (p *Picture) Inline() string { return p.inline(`style="max-width:` + number(p.Width) + `px"`) }

// InlineWhole is Inline for a picture that keeps its size.
func (p *Picture) InlineWhole() string {
	return p.inline(`width="` + number(p.Width) + `" height="` + number(p.Height) + `"`)
}

func (p *Picture) inline(attributes string) string {
	w := writer{inline: true}
	w.open(p, attributes)
	w.close(p)
	return w.String()
}

type writer struct {
	strings.Builder
	inline bool // in a page with scripts, which want names and data
}

func (w *writer) open(p *Picture, attributes string) {
	w.WriteString("<svg " + attributes + ` viewBox="0 0 ` + number(p.Width) + " " + number(p.Height) + `" role="img" aria-label="` + Escape(p.Title) + `" font-family="` + family + "\" font-size=\"12\">\n")
}

func (w *writer) close(p *Picture) {
	for _, shape := range p.Shapes {
		w.shape(shape)
	}
	w.WriteString("</svg>\n")
}

func (w *writer) shape(shape Shape) {
	switch s := shape.(type) {
	case Path:
		w.path(s)
	case Box:
		w.box(s)
	case Text:
		w.text(s)
	case Image:
		w.attributes(`<image x="`, number(s.X), `" y="`, number(s.Y), `" width="`, number(s.W), `" height="`, number(s.H), `" href="`, DataURL(s.Type, s.Data), "\"/>\n")
	case Group:
		w.group(s)
	}
}

func (w *writer) attributes(parts ...string) {
	for _, part := range parts {
		w.WriteString(part)
	}
}

func (w *writer) group(g Group) {
	w.WriteString("<g")
	if w.inline {
		w.attributes(` class="`, Escape(g.Name), `"`)
		for _, datum := range g.Data {
			w.attributes(" data-", datum[0], `="`, Escape(datum[1]), `"`)
		}
	}
	w.WriteString(">")
	if g.Tip != "" {
		w.attributes("<title>", Escape(g.Tip), "</title>")
	}
	w.WriteString("\n")
	for _, shape := range g.Shapes {
		w.shape(shape)
	}
	w.WriteString("</g>\n")
}

func (w *writer) path(p Path) {
	if len(p.Points) == 0 {
		return
	}
	w.WriteString(`<path d="`)
	for i, at := range p.Points {
		switch {
		case i == 0:
			w.WriteString("M")
		case p.Corner > 0 && i+1 < len(p.Points):
			from, to := corner(p.Points[i-1], at, p.Points[i+1], p.Corner)
			w.attributes("L", number(from.X), ",", number(from.Y), "Q", number(at.X), ",", number(at.Y), " ", number(to.X), ",", number(to.Y))
			continue
		default:
			w.WriteString("L")
		}
		w.attributes(number(at.X), ",", number(at.Y))
	}
	if p.Closed {
		w.WriteString("Z")
	}
	w.WriteString(`"`)
	w.style(p.Style)
	w.WriteString("/>\n")
}

func (w *writer) box(b Box) {
	w.attributes(`<rect x="`, number(b.X), `" y="`, number(b.Y), `" width="`, number(b.W), `" height="`, number(b.H), `"`)
	if b.Radius > 0 {
		w.attributes(` rx="`, number(b.Radius), `"`)
	}
	w.style(b.Style)
	w.WriteString("/>\n")
}

func (w *writer) style(s Style) {
	var classes []string
	if s.Fill != None {
		classes = append(classes, "f-"+string(s.Fill))
	}
	if s.Stroke != None {
		classes = append(classes, "k-"+string(s.Stroke))
	}
	w.attributes(` class="`, strings.Join(classes, " "), `" fill="`, light(s.Fill), `"`)
	if s.Stroke != None {
		w.attributes(` stroke="`, light(s.Stroke), `"`)
		if s.Width > 0 {
			w.attributes(` stroke-width="`, number(s.Width), `"`)
		}
		if len(s.Dash) > 0 {
			var lengths []string
			for _, length := range s.Dash {
				lengths = append(lengths, number(length))
			}
			w.attributes(` stroke-dasharray="`, strings.Join(lengths, " "), `"`)
		}
		w.WriteString(` stroke-linejoin="round"`)
	}
	if s.Opacity > 0 && s.Opacity < 1 {
		w.attributes(` opacity="`, number(s.Opacity), `"`)
	}
}

func (w *writer) text(t Text) {
	role, size := t.Role, t.Size
	if role == None {
		role = Ink
	}
	w.attributes(`<text x="`, number(t.At.X), `" y="`, number(t.At.Y), `" class="f-`, string(role), `" fill="`, light(role), `"`)
	if size > 0 && size != TextSize {
		w.attributes(` font-size="`, number(size), `"`)
	}
	if t.Anchor != "" && t.Anchor != Start {
		w.attributes(` text-anchor="`, string(t.Anchor), `"`)
	}
	if t.Bold {
		w.WriteString(` font-weight="600"`)
	}
	if t.Upward {
		w.attributes(` transform="rotate(-90 `, number(t.At.X), " ", number(t.At.Y), `)"`)
	}
	w.attributes(">", Escape(t.Text), "</text>\n")
}

// DataURL returns a file as an address that holds it.
func DataURL(kind string, data []byte) string {
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// Escape makes a text safe in the text and in the quoted attributes of HTML and XML.
// What neither may hold becomes the replacement character.
func Escape(text string) string {
	safe := true
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c >= utf8.RuneSelf || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' {
			safe = false
			break
		}
	}
	if safe {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r != '\t' && r != '\n' && unicode.IsControl(r), r == 0xfffe, r == 0xffff:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
