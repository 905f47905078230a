package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/digest"
)

const (
	header  = "# Written by flow; keep it in git. `flow repro` brings it up to date.\n"
	trailer = "# end of pipeline.lock\n"
)

// How many bytes of text there are for what is recorded once, a bit more than mostly.
const (
	usualStage  = 400
	usualSource = 160
)

// Encode returns the text of the file: the same content gives the same bytes.
func (f *File) Encode() []byte {
	w := &writer{}
	w.Grow(len(header) + usualStage*len(f.Stages) + usualSource*len(f.Data))
	w.WriteString(header)
	w.line(0, "flow", strconv.Itoa(Version))
	if len(f.Data) > 0 {
		w.open(0, "data")
		for _, path := range slices.Sorted(maps.Keys(f.Data)) {
			w.open(1, path)
			w.source(f.Data[path], f.Commits[path])
		}
	}
	if len(f.Stages) > 0 {
		w.open(0, "stages")
		for _, name := range slices.Sorted(maps.Keys(f.Stages)) {
			w.open(1, name)
			w.entry(f.Stages[name])
		}
	}
	w.WriteString(trailer)
	return w.Bytes()
}

// writer writes mappings, two spaces a level.
type writer struct{ bytes.Buffer }

func (w *writer) indent(level int) { w.WriteString("            "[:2*level]) }

func (w *writer) open(level int, key string) {
	w.indent(level)
	w.WriteString(quote(key))
	w.WriteString(":\n")
}

// line writes a key with a value that is YAML already.
func (w *writer) line(level int, key, value string) {
	w.indent(level)
	w.WriteString(quote(key))
	w.WriteString(": ")
	w.WriteString(value)
	w.WriteByte('\n')
}

func (w *writer) entry(e *Entry) {
	w.words(2, "cmd", e.Cmd)
	if e.Wdir != "" {
		w.line(2, "wdir", quote(e.Wdir))
	}
	if e.Shell != nil {
		w.words(2, "shell", e.Shell)
	}
	if len(e.Env) > 0 {
		w.open(2, "env")
		for _, name := range slices.Sorted(maps.Keys(e.Env)) {
			w.line(3, name, jsonText(e.Env[name]))
		}
	}
	w.items("deps", e.Deps)
	w.params(e.Params)
	w.items("outs", e.Outs)
}

// words writes one word on the key's line, several as a list.
func (w *writer) words(level int, key string, words []string) {
	if len(words) == 1 {
		w.line(level, key, quote(words[0]))
		return
	}
	w.open(level, key)
	for _, word := range words {
		w.indent(level + 1)
		w.WriteString("- ")
		w.WriteString(quote(word))
		w.WriteByte('\n')
	}
}

func (w *writer) items(key string, items []Item) {
	if len(items) == 0 {
		return
	}
	w.open(2, key)
	for _, item := range items {
		w.open(3, item.Path)
		w.content(4, item.Content)
	}
}

func (w *writer) params(params Params) {
	if len(params) == 0 {
		return
	}
	w.open(2, "params")
	for _, file := range slices.Sorted(maps.Keys(params)) {
		w.open(3, file)
		for _, key := range slices.Sorted(maps.Keys(params[file])) {
			w.line(4, key, params[file][key])
		}
	}
}

// source writes what is known of a data source.
func (w *writer) source(c digest.Content, commit string) {
	if commit != "" {
		w.line(2, "commit", quote(commit))
	}
	w.content(2, c)
}

// content leaves out the mode of plain files, being what most things are.
func (w *writer) content(level int, c digest.Content) {
	w.line(level, "hash", c.ID.String())
	if c.Mode != digest.File {
		w.line(level, "mode", c.Mode.String())
	}
	if c.Mode == digest.Dir {
		w.line(level, "nfiles", strconv.Itoa(c.Files))
	}
	w.line(level, "size", strconv.FormatInt(c.Size, 10))
}

// isPlain reports whether YAML reads a text as the same text without quotes, or as a
// number or word of its own that is written like it: a letter, dot, slash or underscore
// first, nothing that starts a comment or a mapping.
func isPlain(text string) bool {
	if text == "" || text[0] == ' ' || wordBytes[text[0]]&startsText == 0 {
		return false
	}
	for i := 1; i < len(text); i++ {
		switch kind := wordBytes[text[i]]; {
		case kind&inWord != 0 && (text[i-1] != ' ' || kind&startsWord != 0):
		case text[i] == ' ' && text[i-1] != ' ':
		default:
			return false
		}
	}
	return text[len(text)-1] != ' '
}

// What a byte may be in a text without quotes.
const (
	inWord uint8 = 1 << iota
	startsWord
	startsText
)

var wordBytes = func() (kinds [256]uint8) {
	for c := range kinds {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_', c == '.', c == '/':
			kinds[c] = inWord | startsWord | startsText
		case c >= '0' && c <= '9', strings.IndexByte("@%+=-", byte(c)) >= 0:
			kinds[c] = inWord | startsWord
		case c == ',':
			kinds[c] = inWord
		}
	}
	return kinds
}()

// special is texts that YAML would read as something else than a text.
var special = map[string]bool{
	"null": true, "true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true,
	".inf": true, ".nan": true,
}

// quote returns a text as a YAML scalar: plain where that is safe, else quoted as
// JSON quotes it, which YAML reads the same.
func quote(text string) string {
	if isPlain(text) && !special[strings.ToLower(text)] && !looksNumeric(text) {
		return text
	}
	return jsonText(text)
}

// looksNumeric knows .5 and ./-less texts of digits and dots.
func looksNumeric(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// jsonText quotes a text as JSON does, and escapes also what YAML doesn't let stand.
func jsonText(text string) string {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return strconv.Quote(text)
	}
	quoted := strings.TrimSuffix(buffer.String(), "\n")
	if !strings.ContainsFunc(quoted, isControl) {
		return quoted
	}
	var escaped strings.Builder
	for _, c := range quoted {
		if isControl(c) {
			fmt.Fprintf(&escaped, `\u%04x`, c)
		} else {
			escaped.WriteRune(c)
		}
	}
	return escaped.String()
}

// isControl knows what can't stand in a YAML file or, like the mark of a byte order and
// the line break of C1, does not stand for itself.
func isControl(c rune) bool {
	return c < ' ' || c >= 0x7f && c <= 0x9f || c == 0xfeff || c == 0xfffe || c == 0xffff
}
