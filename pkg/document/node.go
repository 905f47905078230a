package document

import (
	"strconv"
	"strings"

	"flow/pkg/diag"
)

// Kind is what a value is.
type Kind uint8

// The kinds, scalars first.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

// String names the kind as a message would.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "number", "text", "list", "mapping"}[min(k, Map)]
}

// Node is a value and where it stands. Of an alias it is what the alias stands for,
// at the alias's place; what is below it is at the place of the anchor, and shared.
type Node struct {
	Kind    Kind
	Quoted  bool   // a scalar that is quoted, a block, or tagged as a text
	Text    string // of a scalar: its text; of a plain one what the person typed
	Pos     diag.Pos
	Items   []*Node // of a List
	Entries []Entry // of a Map, in file order; those merged in by << are where it is

	flow   bool // written with brackets
	anchor bool // has one, so that an alias may refer to it
	indent int  // column of the block around it, or -1; what a block scalar is indented against
	at     int  // offset of its first byte, its anchor and tag included
	src    *source
	more   *more
}

// Entry is a key with its value.
type Entry struct{ Key, Value *Node }

// more is what few nodes need.
type more struct {
	alias string         // the name, when the text has an alias here
	tag   string         // as the text has it
	from  *Node          // what it was made of, which the text has
	own   []Entry        // of a Map with a merge key: what the text has here, << included
	index map[string]int // of a large Map: where in Entries a key is
}

// indexFrom is the number of entries from which a Map is looked up by an index.
const indexFrom = 16

// Get returns the value behind a key of a Map, or nil. It may be called on nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	if n.more != nil && n.more.index != nil {
		if i, found := n.more.index[key]; found {
			return n.Entries[i].Value
		}
		return nil
	}
	for _, entry := range n.Entries {
		if entry.Key.Text == key {
			return entry.Value
		}
	}
	return nil
}

// Find returns the value at a path of keys and, within a List, of indices such as
// [0], or nil.
func (n *Node) Find(path ...string) *Node {
	for _, step := range path {
		switch {
		case n == nil:
			return nil
		case n.Kind == List:
			i, ok := listIndex(step)
			if !ok || i >= len(n.Items) {
				return nil
			}
			n = n.Items[i]
		default:
			n = n.Get(step)
		}
	}
	return n
}

// listIndex reads [3] or 3.
func listIndex(step string) (int, bool) {
	if inner, found := strings.CutPrefix(step, "["); found {
		step = strings.TrimSuffix(inner, "]")
	}
	i, err := strconv.ParseUint(step, 10, 31)
	return int(i), err == nil
}

// Keys returns the keys of a Map in order.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.Entries))
	for i, entry := range n.Entries {
		keys[i] = entry.Key.Text
	}
	return keys
}

// Bool returns the value of a Bool.
func (n *Node) Bool() (value, ok bool) {
	if n == nil || n.Kind != Bool {
		return false, false
	}
	return strings.EqualFold(n.Text, "true"), true
}

// Int returns the value of an Int that fits.
func (n *Node) Int() (value int64, ok bool) {
	if n == nil || n.Kind != Int {
		return 0, false
	}
	base, digits := 10, n.Text
	switch {
	case strings.HasPrefix(digits, "0o"):
		base, digits = 8, digits[2:]
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	}
	value, err := strconv.ParseInt(digits, base, 64)
	return value, err == nil
}

// Float returns the value of a Float or Int.
func (n *Node) Float() (value float64, ok bool) {
	if n == nil || n.Kind != Float && n.Kind != Int {
		return 0, false
	}
	if i, ok := n.Int(); ok {
		return float64(i), true
	}
	text := strings.ToLower(n.Text)
	if strings.HasSuffix(text, ".inf") || text == ".nan" {
		text = strings.Replace(text, ".", "", 1)
	}
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil
}

// Str returns the text of any scalar but Null, as the person typed it.
func (n *Node) Str() (value string, ok bool) {
	if n == nil || n.Kind == Null || n.Kind >= List {
		return "", false
	}
	return n.Text, true
}

// Errorf returns an error at the node's place.
func (n *Node) Errorf(format string, args ...any) *diag.Error {
	problem := diag.At(n.Pos, format, args...)
	if n.Pos.Col > 0 {
		problem.Width = 1
	}
	if n.src != nil {
		problem.Width = n.Width()
		problem.Line = n.src.lineText(n.Pos.Line)
	}
	return problem
}

// Replace returns a copy of a scalar with another text, at the same place. The text is
// read like what it replaces: what was quoted stays a text.
func (n *Node) Replace(text string) *Node {
	renewed := n.renewed(String)
	renewed.Text, renewed.Quoted = text, n.Quoted
	if !n.Quoted {
		renewed.Kind = resolve(text)
	}
	return renewed
}

// WithItems returns a List at the same place.
func (n *Node) WithItems(items []*Node) *Node {
	made := n.renewed(List)
	made.Items = items
	return made
}

// WithEntries returns a Map at the same place. The keys must differ.
func (n *Node) WithEntries(entries []Entry) *Node {
	made := n.renewed(Map)
	made.Entries = entries
	if len(entries) >= indexFrom {
		made.more.index = indexKeys(entries)
	}
	return made
}

func (n *Node) renewed(kind Kind) *Node {
	return &Node{Kind: kind, Pos: n.Pos, at: n.at, src: n.src, more: &more{from: n}}
}

func indexKeys(entries []Entry) map[string]int {
	index := make(map[string]int, len(entries))
	for i, entry := range entries {
		index[entry.Key.Text] = i
	}
	return index
}

// empty tells whether there is nothing in the text where a value could be.
func (n *Node) empty() bool { return n.Kind == Null && n.Text == "" && !n.Quoted && n.alias() == "" }

func (n *Node) scalar() bool { return n.Kind < List }

func (n *Node) alias() string {
	if n.more == nil {
		return ""
	}
	return n.more.alias
}

func (n *Node) tag() string {
	if n.more == nil {
		return ""
	}
	return n.more.tag
}

// own returns the entries that the text has here, << as it stands.
func (n *Node) own() []Entry {
	if n.more != nil && n.more.own != nil {
		return n.more.own
	}
	return n.Entries
}
