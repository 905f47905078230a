package lock

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// readCanonical reads exactly what Encode writes: keys in its order, texts quoted as it
// quotes them. At anything else it gives up, and Decode has YAML's own reader at it, which
// is some fifty times slower and says what is wrong.
func readCanonical(text []byte) (*File, bool) {
	if !utf8.Valid(text) {
		return nil, false
	}
	r := &canonical{rest: string(text)}
	r.next()
	file := r.file(len(text) / 300)
	return file, !r.odd
}

// canonical goes through the lines of a lock file.
type canonical struct {
	rest       string
	level      int    // of the line at hand; -1 at the end
	key, value string // of the line at hand; no key: an item of a list
	open       bool   // it is a key alone, with something below it
	odd        bool   // something is not as Encode writes it

	entries []Entry // room for what is read, made for many at a time
	items   []Item
	words   []string
}

// next takes the next line that is no comment.
func (r *canonical) next() {
	for {
		if r.rest == "" || r.odd {
			r.level = -1
			return
		}
		line, rest, _ := strings.Cut(r.rest, "\n")
		r.rest = rest
		if line == "" || line[0] == '#' {
			if strings.ContainsFunc(line, isControl) { // which YAML refuses also there
				r.giveUp()
				return
			}
			continue
		}
		trimmed := strings.TrimLeft(line, " ")
		spaces := len(line) - len(trimmed)
		r.level = spaces / 2
		if spaces%2 != 0 || trimmed == "" || !r.take(trimmed) {
			r.giveUp()
		}
		return
	}
}

func (r *canonical) giveUp() { r.odd, r.level = true, -1 }

// take reads `key:`, `key: value` or `- value`.
func (r *canonical) take(text string) bool {
	if item, found := strings.CutPrefix(text, "- "); found {
		r.key, r.value, r.open = "", item, false
		return true
	}
	end, ok := 0, false
	if text[0] == '"' {
		end = closingQuote(text) + 1
	} else {
		end = strings.IndexByte(text, ':')
	}
	if end <= 0 {
		return false
	}
	if r.key, ok = unquote(text[:end]); !ok || r.key == "" {
		return false
	}
	rest, found := strings.CutPrefix(text[end:], ":")
	if r.value, r.open = "", rest == ""; !r.open {
		r.value, ok = strings.CutPrefix(rest, " ")
	}
	return found && ok
}

// unquote undoes quote.
func unquote(text string) (string, bool) {
	if text == "" || text[0] != '"' {
		return text, isPlain(text)
	}
	end := len(text) - 1
	if closingQuote(text) != end {
		return "", false
	}
	if inner := text[1:end]; !strings.ContainsFunc(inner, func(c rune) bool { return c == '\\' || isControl(c) }) {
		return inner, true
	}
	var value string
	return value, !strings.ContainsFunc(text, isControl) && json.Unmarshal([]byte(text), &value) == nil
}

// below calls read for each line of a level, and expects their keys to ascend.
func (r *canonical) below(level int, read func(key string)) {
	for last := ""; r.level == level; {
		key := r.key
		if key <= last {
			r.giveUp()
			return
		}
		last = key
		read(key)
	}
	if r.level > level {
		r.giveUp()
	}
}

// scalar returns the value of the line at hand and goes on.
func (r *canonical) scalar() string {
	value := r.value
	if r.open {
		r.giveUp()
	}
	r.next()
	return value
}

func (r *canonical) text() string {
	text, ok := unquote(r.scalar())
	if !ok {
		r.giveUp()
	}
	return text
}

// enter goes to what is below the line at hand.
func (r *canonical) enter() {
	if !r.open {
		r.giveUp()
		return
	}
	r.next()
}

// at reports whether a key of a level is at hand. Keys that are asked for in order are
// there at most once.
func (r *canonical) at(level int, key string) bool { return r.level == level && r.key == key }

func (r *canonical) file(size int) *File {
	file := New()
	file.Stages = make(map[string]*Entry, size)
	if !r.at(0, "flow") || r.value != strconv.Itoa(Version) {
		r.giveUp()
		return file
	}
	r.next()
	if r.at(0, "data") {
		r.enter()
		r.below(1, func(path string) {
			r.check(path)
			r.enter()
			if r.at(2, "commit") {
				if file.Commits[path] = r.text(); !isCommit(file.Commits[path]) {
					r.giveUp()
				}
			}
			file.Data[path] = r.content(2)
		})
	}
	if r.at(0, "stages") {
		r.enter()
		r.below(1, func(name string) {
			r.enter()
			file.Stages[name] = r.entry()
		})
	}
	if r.level >= 0 || len(file.Stages)+len(file.Data) == 0 {
		r.giveUp()
	}
	return file
}

func (r *canonical) entry() *Entry {
	e := room(&r.entries)
	if r.at(2, "cmd") {
		e.Cmd = r.list()
	}
	if r.at(2, "wdir") {
		e.Wdir = r.text()
	}
	if r.at(2, "shell") {
		e.Shell = r.list()
	}
	if r.at(2, "env") {
		r.enter()
		e.Env = map[string]string{}
		r.below(3, func(name string) { e.Env[name] = r.text() })
	}
	if r.at(2, "deps") {
		e.Deps = r.contents(true)
	}
	if r.at(2, "params") {
		r.enter()
		e.Params = Params{}
		r.below(3, func(file string) {
			r.enter()
			values := map[string]string{}
			r.below(4, func(key string) { values[key] = r.json() })
			e.Params[file] = values
		})
	}
	if r.at(2, "outs") {
		e.Outs = r.contents(false)
	}
	if r.level > 1 {
		r.giveUp()
	}
	return e
}

// list reads one word on the key's line, or several below it.
func (r *canonical) list() []string {
	if !r.open {
		word := room(&r.words)
		*word = r.text()
		return r.words[len(r.words)-1 : len(r.words) : len(r.words)]
	}
	var words []string
	for r.next(); r.level == 3 && r.key == ""; {
		words = append(words, r.text())
	}
	if r.level > 2 || words == nil {
		r.giveUp()
	}
	return words
}

func (r *canonical) contents(deps bool) []Item {
	r.enter()
	start := len(r.items)
	r.below(3, func(path string) {
		if !deps || !isOutside(path) {
			r.check(path)
		}
		if len(r.items) == cap(r.items) { // go on in new room, with what these items have so far
			grown := make([]Item, len(r.items)-start, max(512, 2*(len(r.items)-start)))
			copy(grown, r.items[start:])
			r.items, start = grown, 0
		}
		r.enter()
		r.items = append(r.items, Item{Path: path, Content: r.content(4)})
	})
	if len(r.items) == start {
		r.giveUp()
	}
	return r.items[start:len(r.items):len(r.items)]
}

func (r *canonical) check(path string) {
	if disk.CheckName(path) != nil {
		r.giveUp()
	}
}

func (r *canonical) content(level int) digest.Content {
	c := digest.Content{Mode: digest.File}
	var err error
	number := func() int64 {
		n, problem := strconv.ParseInt(r.scalar(), 10, 64)
		if problem != nil || n < 0 {
			r.giveUp()
		}
		return n
	}
	if !r.at(level, "hash") {
		r.giveUp()
		return c
	}
	c.ID, err = digest.Parse(r.scalar())
	if err == nil && r.at(level, "mode") {
		c.Mode, err = digest.ParseMode(r.scalar())
	}
	if r.at(level, "nfiles") {
		c.Files = int(number())
	}
	if r.at(level, "size") {
		c.Size = number()
	}
	if err != nil || r.level >= level || c.ID.IsZero() || c.Mode == digest.None {
		r.giveUp()
	}
	return c
}

// json returns the JSON text of a value.
func (r *canonical) json() string {
	value := r.scalar()
	if value == "" {
		r.giveUp()
		return ""
	}
	ok := true
	switch c := value[0]; {
	case c == '"':
		_, ok = unquote(value)
	case c == '[':
		ok = !strings.ContainsFunc(value, isControl) && json.Valid([]byte(value))
	case c == '{':
		ok = value == "{}"
	default:
		ok = isScalar(value) && !strings.ContainsFunc(value, isControl)
	}
	if !ok {
		r.giveUp()
	}
	return value
}

// isScalar reports whether YAML takes a text for one plain value as it stands.
func isScalar(text string) bool {
	switch text[0] {
	case ' ', '~', '|', '>', '&', '*', '!', '\'', '%', '@', '`', '?', '#', ',', ']', '}':
		return false
	case '-':
		if len(text) == 1 || text[1] == ' ' {
			return false
		}
	}
	switch text[len(text)-1] {
	case ' ', '\t', '\r', ':':
		return false
	}
	if len(text) == len("null") && text != "null" && strings.EqualFold(text, "null") {
		return false // it stands for another text
	}
	return !strings.Contains(text, " #") && !strings.Contains(text, ": ") && !strings.Contains(text, "\t")
}

// closingQuote returns where the quoted text at the start of text ends, or -1.
func closingQuote(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// room returns the next of many values that are made at once.
func room[T any](slab *[]T) *T {
	if len(*slab) == cap(*slab) {
		*slab = make([]T, 0, 512)
	}
	*slab = (*slab)[:len(*slab)+1]
	return &(*slab)[len(*slab)-1]
}
