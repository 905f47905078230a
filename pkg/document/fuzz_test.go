package document

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

var seeds = []string{
	"", "# only a comment\n", "---\n", "a: 1\nb:\n  - x\n  - y: 2\n", "a: &x {b: [1, 2]}\nc: *x\nd:\n  <<: *x\n  e: f\n",
	"a: |\n  text\n   more\n\nb: >-\n  folded\n  line\n", "a: \"q\\n\"\r\nb: 'it''s'\r\n", "\ufeffé: ü # c\n? k\n: v\n",
	"- - a\n  - b\n-\n  c: 1\n", "{a: 1,\n b: [x, y,],}\n", "a: [b: c, d]\ne: !!str 1\n", "a: b\u2028c: d\n", "a:\n- b\n# c\n\nd:\n",
	"a: {{ x }}\n", "a: 'it's'\n", "a:\n\tb: 1\n", "a: b: c\n", "a: 1\n---\nb: 2\n", "a: *b\n", "a: @x\n", "a: \"\\q\"\n", "a: [*.csv]\n",
	"a: &a [*a]\n", "x: 0\na:\n  b: 1\n c: 2\n", "a: \"x\n  y\"\nb: p\n  q\n", "? a\n? b\n: c\n", "%YAML 1.2\n---\na: 1\n...\n", "a: |+\n  x\n\n\nb: |2\n   y\n",
}

func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := Parse("f.yaml", text)
		if err != nil {
			var list diag.List
			require.True(t, errors.As(err, &list))
			for _, problem := range list {
				requireInside(t, text, problem)
			}
			return
		}
		if doc.Root != nil {
			requireExtents(t, doc.src, doc.Root)
		}
	})
}

// requireInside checks that a problem's place is in the text, and drawable.
func requireInside(t *testing.T, text []byte, problem *diag.Error) {
	s := newSource("f.yaml", text)
	pos := problem.Pos
	require.True(t, pos.Line >= 1 && pos.Line <= len(s.lines), "%v: there are %d lines", problem, len(s.lines))
	end := len(s.text)
	if pos.Line < len(s.lines) {
		end = s.lines[pos.Line]
	}
	runes := utf8.RuneCountInString(s.text[s.lines[pos.Line-1]:end])
	require.True(t, pos.Col >= 1 && pos.Col <= runes+1, "%v: the line has %d runes", problem, runes)
	require.True(t, problem.Width >= 1 && pos.Col+problem.Width-1 <= runes+1, "%v: width %d on %d runes", problem, problem.Width, runes)
	require.NotContains(t, problem.Line, "\n")
	require.NotContains(t, problem.Msg, "\n")
	require.NotContains(t, problem.Hint, "\n")
	require.NotEmpty(t, problem.Msg)
}

// requireExtents checks that every value is where the text has it: within its parent and
// behind its elder sibling.
func requireExtents(t *testing.T, s *source, n *Node) (from, to int) {
	from, to = n.at, s.end(n)
	require.LessOrEqual(t, from, to)
	require.LessOrEqual(t, to, len(s.text))
	require.Equal(t, n.Pos, s.place(n.at))
	require.GreaterOrEqual(t, n.Width(), 1)
	if n.alias() != "" {
		require.Equal(t, "*"+n.alias(), s.text[from:to])
		return from, to
	}
	body, last := s.body(n), from
	inside := func(child *Node) {
		a, b := requireExtents(t, s, child)
		require.LessOrEqual(t, last, a)
		if !child.bare() {
			require.LessOrEqual(t, b, to, "%q reaches over its parent in %q", s.text[a:b], s.text)
		}
		last = b
	}
	for _, item := range n.Items {
		inside(item)
	}
	for _, entry := range n.own() {
		inside(entry.Key)
		inside(entry.Value)
	}
	switch {
	case n.scalar() && n.Quoted && body < to && strings.IndexByte(`"'`, s.text[body]) >= 0:
		require.Equal(t, s.text[body], s.text[to-1])
	case n.flow && n.Kind == List:
		require.Equal(t, "[]", s.text[body:body+1]+s.text[to-1:to])
	case n.scalar() && !n.Quoted && n.Text != "":
		require.Equal(t, strings.Join(strings.Fields(n.Text), ""), strings.Join(strings.Fields(s.text[body:to]), ""))
	}
	return from, to
}

// FuzzEdit sets, appends and deletes at the pick-th place of a text.
func FuzzEdit(f *testing.F) {
	for i, seed := range seeds {
		f.Add([]byte(seed), uint(i), uint(i), uint(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, pick, kind, which uint) {
		doc, err := Parse("f.yaml", text)
		if err != nil || doc.Root == nil || strings.ContainsAny(string(text), "*&") {
			return
		}
		before := flat(doc.Root, "", map[string]string{})
		paths := paths(doc.Root, nil, nil)
		path := paths[pick%uint(len(paths))]
		value := newValues[which%uint(len(newValues))]
		switch kind % 4 {
		case 0:
			path = append(path, "new")
		case 1:
			requireAppended(t, doc, path, value)
			return
		}
		if len(path) == 0 {
			return
		}
		name := "/" + strings.Join(path, "/")
		maps.DeleteFunc(before, func(k, _ string) bool { return k == name || strings.HasPrefix(k, name+"/") })
		if kind%4 == 3 {
			edited, err := doc.Delete(path)
			if err == nil && !strings.HasPrefix(path[len(path)-1], "[") && edited.Root != nil {
				require.Equal(t, before, flat(edited.Root, "", map[string]string{}), "delete %q of %q gives %q", path, text, edited.Text)
			}
			return
		}
		edited, err := doc.Set(path, value)
		if err != nil {
			return
		}
		require.True(t, same(detached(edited.Root.Find(path...)), Of(value)))
		if parent := doc.Root.Find(path[:len(path)-1]...); parent != nil && parent.Kind != Null {
			flat(Of(value), name, before)
			require.Equal(t, before, flat(edited.Root, "", map[string]string{}), "set %q of %q gives %q", path, text, edited.Text)
		}
	})
}

func requireAppended(t *testing.T, doc *Document, path []string, value any) {
	list := doc.Root.Find(path...)
	edited, err := doc.Append(path, value)
	if err != nil || list.Kind != List {
		return
	}
	longer := edited.Root.Find(path...)
	require.Len(t, longer.Items, len(list.Items)+1)
	require.True(t, same(detached(longer.Items[len(list.Items)]), Of(value)))
	for i, item := range list.Items {
		require.True(t, same(detached(item), detached(longer.Items[i])))
	}
}

func paths(n *Node, path []string, all [][]string) [][]string {
	all = append(all, path)
	for i, item := range n.Items {
		all = paths(item, append(path[:len(path):len(path)], fmt.Sprintf("[%d]", i)), all)
	}
	for _, entry := range n.Entries {
		all = paths(entry.Value, append(path[:len(path):len(path)], entry.Key.Text), all)
	}
	return all
}

// FuzzQuote checks that a text is read as itself wherever it stands.
func FuzzQuote(f *testing.F) {
	for _, seed := range append(seeds, "yes", "1_000", "2020-01-01", "- a", "a: b", "a #b", "~", "...", "---", "<<", "\x00", "a\u0085b", "😀", "1:30", "=") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := strings.ToValidUTF8(text, "\ufffd")
		if want != text {
			return
		}
		quoted := Quote(text)
		for _, around := range []string{"%s", "%s: 1", "a: %s # c", "- %s", "[%s, b]", "{a: %s}", "{%s: b}"} {
			if len(quoted) > 900 && strings.Contains(around, "%s:") {
				continue // YAML's limit for keys
			}
			doc, err := Parse("f.yaml", fmt.Appendf(nil, around, quoted))
			require.NoError(t, err, "%s of %q", around, text)
			got := doc.Root
			for got.Kind >= List {
				if got.Kind == List {
					got = got.Items[0]
				} else if strings.Contains(around, "%s:") {
					got = got.Entries[0].Key
				} else {
					got = got.Entries[0].Value
				}
			}
			require.Equal(t, String, got.Kind)
			require.Equal(t, text, got.Text)
		}
		encoded, err := Parse("f.yaml", Encode(Fields{{text + "k", text}, {"l", []any{text, Fields{{"a", text}}}}}))
		if len(quoted) < 900 {
			require.NoError(t, err)
			require.Equal(t, text, encoded.Root.Entries[0].Value.Text)
			require.Equal(t, text, encoded.Root.Find("l", "[0]").Text)
			require.Equal(t, text, encoded.Root.Find("l", "[1]", "a").Text)
		}
	})
}
