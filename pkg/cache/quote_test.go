package cache

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLine(t *testing.T) {
	for _, c := range []struct {
		kind   string
		fields []string
		want   string
	}{
		{"cmd", []string{"python train.py"}, "cmd python train.py"},
		{"cmd", []string{"set -e\npython train.py\n"}, `cmd "set -e\npython train.py\n"`},
		{"dep", []string{"my data.csv", "file", "blake3:1"}, `dep "my data.csv" file blake3:1`},
		{"param", []string{"params.yaml", "lr", "0.01"}, "param params.yaml lr 0.01"},
		{"out", []string{`"quoted"`}, `out "\"quoted\""`},
		{"env", []string{"X= "}, `env "X= "`},
		{"shell", []string{""}, `shell ""`},
	} {
		require.Equal(t, c.want, Line(c.kind, c.fields...))
	}
}

// texts draws fields of few letters, so that two lines come close to each other.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`[a "\\n]{0,4}`), rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "bytes"))
	}))
}

func TestLine_differentFieldsGiveDifferentLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(t, "n")
		a := rapid.SliceOfN(texts(), n, n).Draw(t, "a")
		b := rapid.SliceOfN(texts(), n, n).Draw(t, "b")
		require.Equal(t, slices.Equal(a, b), Line("k", a...) == Line("k", b...))
		require.NotContains(t, Line("k", a...), "\n")
	})
}

func TestQuote_readsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, last := texts().Draw(t, "first"), texts().Draw(t, "last")
		line := string(appendLast(append(appendField(nil, first), ' '), last))
		gotFirst, rest, ok := cutField(line)
		require.True(t, ok, line)
		require.Equal(t, first, gotFirst)
		gotLast, ok := readLast(rest)
		require.True(t, ok, line)
		require.Equal(t, last, gotLast)
	})
}

func TestQuote_acceptsNoOtherForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.OneOf(texts(), rapid.StringMatching(`"[a \\nx0"]{0,6}"`)).Draw(t, "line")
		if text, ok := readLast(line); ok {
			require.Equal(t, line, string(appendLast(nil, text)))
		}
		if text, rest, ok := cutField(line + " rest"); ok {
			require.Equal(t, line+" rest", string(appendField(nil, text))+" "+rest)
		}
	})
}

func TestAction_lineThatHoldsANewlineIsNotTwo(t *testing.T) {
	one := Action{Lines: []string{"cmd a\ndep b", "out x"}}
	two := Action{Lines: []string{"cmd a", "dep b", "out x"}}
	require.NotEqual(t, one.Key(), two.Key())
	require.NotEqual(t, Action{Lines: []string{"a", ""}}.Key(), Action{Lines: []string{"a"}}.Key())
	require.Equal(t, two.Key(), Action{Lines: strings.Split("cmd a\ndep b\nout x", "\n")}.Key())
}
