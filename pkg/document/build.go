package document

import (
	"strings"

	"gopkg.in/yaml.v3"

	"flow/pkg/diag"
)

// builder turns what the YAML library read into Nodes.
type builder struct {
	src      *source
	cursor   cursor
	slab     []Node
	anchors  map[*yaml.Node]measured // complete ones only
	nodes    int                     // so far, with aliases expanded
	full     bool                    // there were too many; the rest is not read
	tooDeep  bool                    // told already
	problems diag.List
}

// measured is a node, with how many nodes it is and how many levels it has when its
// aliases are expanded.
type measured struct {
	node         *Node
	size, height int
}

func newBuilder(src *source) *builder {
	return &builder{src: src, cursor: cursor{src: src}, anchors: map[*yaml.Node]measured{}}
}

func (b *builder) add(problem *diag.Error) {
	switch {
	case len(b.problems) < maxShown:
		b.problems.Add(problem)
	case len(b.problems) == maxShown:
		b.problems.Add(diag.At(problem.Pos, "there are more problems; they are shown when these are mended"))
		b.problems[maxShown].Width, b.problems[maxShown].Line = problem.Width, problem.Line
	}
}

func (b *builder) root(from *yaml.Node) *Node {
	node, _ := b.node(from, 1, -1)
	return node
}

// fresh returns a node from a block of them: there are many, and they live equally long.
func (b *builder) fresh() *Node {
	if len(b.slab) == 0 {
		b.slab = make([]Node, min(max(b.nodes, 16), 512))
	}
	node := &b.slab[0]
	b.slab = b.slab[1:]
	return node
}

// node builds a value and what is below it, at a level counted from 1, inside a block
// at column indent. It returns how many levels there are.
func (b *builder) node(from *yaml.Node, level, indent int) (node *Node, height int) {
	node = b.fresh()
	b.nodes++
	at := b.cursor.offset(from.Line, from.Column)
	*node = Node{Pos: diag.Pos{File: b.src.file, Line: from.Line, Col: from.Column}, src: b.src, at: at, indent: indent}
	if len(b.src.lines) != len(b.src.breaks) || at == len(b.src.text) {
		node.Pos = b.cursor.place(at) // the library's place is none that people know
	}
	if !b.bounded(node, level) {
		return node, 1
	}
	if from.Kind == yaml.AliasNode {
		return b.alias(node, from, level)
	}
	before := b.nodes
	node.flow = from.Style&yaml.FlowStyle != 0
	node.anchor = from.Anchor != ""
	b.readTag(node, from)
	switch from.Kind {
	case yaml.SequenceNode:
		height = b.list(node, from, level)
	case yaml.MappingNode:
		height = b.mapping(node, from, level)
	default:
		b.scalar(node, from)
	}
	height++
	if node.anchor {
		b.anchors[from] = measured{node, b.nodes - before + 1, height}
	}
	return node, height
}

// bounded tells whether there is room for a node at a level.
func (b *builder) bounded(node *Node, level int) bool {
	if b.full {
		return false
	}
	if b.nodes > maxNodes {
		b.full = true
		b.add(b.src.fail(node.at, 1, "the file holds more values than the limit of %d", maxNodes))
		return false
	}
	if level > maxDepth {
		if !b.tooDeep {
			b.tooDeep = true
			b.add(b.src.fail(node.at, 1, "values are nested deeper than the limit of %d levels", maxDepth))
		}
		return false
	}
	return true
}

// alias makes node what the alias stands for.
func (b *builder) alias(node *Node, from *yaml.Node, level int) (*Node, int) {
	target, complete := b.anchors[from.Alias]
	end := node.at + 1 + len(from.Value)
	fail := func(format string, args ...any) (*Node, int) {
		b.add(b.src.failSpan(node.at, end, format, args...))
		return node, 1
	}
	switch {
	case !complete:
		return fail("the alias *%s stands inside the value that it names", from.Value)
	case level+target.height-1 > maxDepth:
		return fail("with the alias *%s, values are nested deeper than the limit of %d levels", from.Value, maxDepth)
	case b.nodes+target.size-1 > maxNodes:
		b.full = true
		return fail("with the alias *%s, the file holds more values than the limit of %d", from.Value, maxNodes)
	}
	b.nodes += target.size - 1
	named := target.node
	node.Kind, node.Quoted, node.Text = named.Kind, named.Quoted, named.Text
	node.Items, node.Entries = named.Items, named.Entries
	node.more = &more{alias: from.Value}
	if named.more != nil {
		node.more.index = named.more.index
	}
	return node, target.height
}

func (b *builder) list(node *Node, from *yaml.Node, level int) (height int) {
	node.Kind = List
	indent := node.indent
	if !node.flow {
		indent = b.blockColumn(from)
	}
	node.Items = make([]*Node, 0, len(from.Content))
	for _, content := range from.Content {
		if b.full {
			break
		}
		item, below := b.node(content, level+1, indent)
		node.Items = append(node.Items, item)
		height = max(height, below)
	}
	return height
}

// blockColumn returns the column from 0 of a block List, which its place does not tell
// when it has an anchor or tag.
func (b *builder) blockColumn(from *yaml.Node) int {
	at := b.cursor.offset(from.Line, from.Column)
	return b.src.column(b.src.afterProps(at))
}

func (b *builder) mapping(node *Node, from *yaml.Node, level int) (height int) {
	node.Kind = Map
	node.Entries = make([]Entry, 0, len(from.Content)/2)
	seen := newSeen(len(from.Content) / 2)
	indent, merges := node.indent, 0
	for i := 0; i+1 < len(from.Content) && !b.full; i += 2 {
		if !node.flow && i == 0 {
			indent = b.keyColumn(from)
		}
		key, _ := b.node(from.Content[i], level+1, indent)
		value, below := b.node(from.Content[i+1], level+1, indent)
		height = max(height, below, 1)
		if !b.checkKey(key) {
			continue
		}
		if first := seen.put(key); first != nil {
			b.add(key.Errorf("the key %q is there twice", key.Text).
				WithHint("remove one of them").WithNote(first.Pos, "first here"))
			continue
		}
		if isMerge(from.Content[i]) && key.alias() == "" {
			merges++
		}
		node.Entries = append(node.Entries, Entry{key, value})
	}
	if merges > 0 {
		b.merge(node)
	} else if seen.index != nil && len(node.Entries) == len(seen.index) {
		b.extra(node).index = seen.index
	}
	return height
}

// keyColumn returns the column from 0 of a block Map: that of its first key, or of the
// question mark before it.
func (b *builder) keyColumn(from *yaml.Node) int {
	at := b.cursor.offset(from.Content[0].Line, from.Content[0].Column)
	return b.src.column(b.src.keyStart(at))
}

func (b *builder) extra(node *Node) *more {
	if node.more == nil {
		node.more = &more{}
	}
	return node.more
}

func (b *builder) checkKey(key *Node) bool {
	switch {
	case !key.scalar():
		b.add(key.Errorf("a key must be a text, not a %s", key.Kind).
			WithHint("put quotes around a text that starts with { or ["))
		return false
	case key.empty():
		b.add(key.Errorf("a key is missing"))
		return false
	}
	return true
}

// seen is the keys of a Map so far.
type seen struct {
	keys  []*Node
	index map[string]int
}

func newSeen(size int) *seen {
	s := &seen{keys: make([]*Node, 0, size)}
	if size >= indexFrom {
		s.index = make(map[string]int, size)
	}
	return s
}

// put adds a key, or returns the one that has the same text.
func (s *seen) put(key *Node) *Node {
	if s.index != nil {
		if i, found := s.index[key.Text]; found {
			return s.keys[i]
		}
		s.index[key.Text] = len(s.keys)
	} else {
		for _, other := range s.keys {
			if other.Text == key.Text {
				return other
			}
		}
	}
	s.keys = append(s.keys, key)
	return nil
}

func (b *builder) scalar(node *Node, from *yaml.Node) {
	const notPlain = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	node.Text = from.Value
	node.Kind = String
	switch tag := node.tag(); {
	case from.Style&notPlain != 0 || tag == "!" || tag == "!!str":
		node.Quoted = true
	default:
		node.Kind = resolve(node.Text)
	}
	want, found := scalarTags[node.tag()]
	if !found || want == node.Kind {
		return
	}
	if kind := resolve(node.Text); kind == want || want == Float && kind == Int {
		node.Kind, node.Quoted = want, false
		return
	}
	b.add(node.Errorf("%q is no %s, which the tag %s asks for", node.Text, want, node.tag()))
}

// scalarTags and collectionTags are the tags that are understood.
var (
	scalarTags     = map[string]Kind{"!": String, "!!str": String, "!!int": Int, "!!float": Float, "!!bool": Bool, "!!null": Null}
	collectionTags = map[string]yaml.Kind{"!": 0, "!!map": yaml.MappingNode, "!!seq": yaml.SequenceNode}
)

// readTag reads the tag of a node from the text: the library drops some.
func (b *builder) readTag(node *Node, from *yaml.Node) {
	if node.at >= len(b.src.text) || !strings.ContainsRune("&!", rune(b.src.text[node.at])) {
		return
	}
	if from.Kind == yaml.ScalarNode && from.Value == "" && from.Style == 0 {
		return // nothing is there, so that the place may be that of what is next
	}
	start, end := b.src.tag(node.at)
	if start < 0 {
		return
	}
	tag := b.src.text[start:end]
	if from.Style&yaml.TaggedStyle != 0 {
		tag = from.Tag
	}
	b.extra(node).tag = tag
	_, isScalar := scalarTags[tag]
	kind, isCollection := collectionTags[tag]
	if from.Kind == yaml.ScalarNode && isScalar || isCollection && (kind == 0 || kind == from.Kind) {
		return
	}
	b.add(b.src.failSpan(start, end, "the tag %s is not supported here", b.src.text[start:end]).
		WithHint("remove it, or put quotes around a text that starts with !"))
}
