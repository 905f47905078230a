package values_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
	"flow/pkg/values"
)

// check loads any text: an error names places within it, and what was read can be
// written and found again.
func check(t *testing.T, file, text string) (*values.Tree, error) {
	tree, err := values.Load(file, []byte(text))
	if err != nil {
		if utf8.ValidString(text) {
			requirePlaces(t, file, text, err)
		}
		return nil, err
	}
	require.True(t, json.Valid(tree.JSON()), "%s", tree.JSON())
	for i, leaf := range tree.Flatten() {
		again, err := values.ParseJSONText(leaf.Value.Encode())
		require.NoError(t, err)
		require.True(t, leaf.Value.Equal(again), "%q and %q", leaf.Value, again)
		if i < 100 && len(leaf.Key) < 1000 {
			at, found := tree.At(leaf.Key)
			require.True(t, found, "%q", leaf.Key)
			require.True(t, leaf.Value.Equal(at.Flatten()[0].Value), "%q", leaf.Key)
		}
	}
	return tree, nil
}

func seed(f *testing.F, texts ...string) {
	for _, text := range texts {
		f.Add(text)
	}
}

func FuzzLoadJSON(f *testing.F) {
	seed(f, nested, `[1.5e-3, -0, 1e400, {"a": [], "a": null}, "\ud83d\ude00\ud800\u0041\n", true]`, "[NaN, -Infinity]", "{\"a\" 1}", "[1,\n]")
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := check(t, "f.json", text)
		valid := json.Valid([]byte(text))
		if err == nil && !strings.Contains(text, "NaN") && !strings.Contains(text, "Infinity") {
			require.True(t, valid, "took %q", text)
		}
		if !valid || !utf8.ValidString(text) || err != nil && strings.Contains(err.Error(), "more than") {
			return
		}
		require.NoError(t, err)
		require.Equal(t, decoded(t, []byte(text)), decoded(t, tree.JSON()), "%q", text)
	})
}

// decoded is what encoding/json reads, numbers as float64 or as the words for infinities.
func decoded(t *testing.T, text []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value))
	return plain(value)
}

func plain(value any) any {
	switch value := value.(type) {
	case json.Number:
		x, _ := value.Float64()
		return plain(x)
	case int64:
		return float64(value)
	case float64:
		switch {
		case math.IsNaN(value):
			return "NaN"
		case math.IsInf(value, 0):
			return map[bool]string{true: "Infinity", false: "-Infinity"}[value > 0]
		case value == 0:
			return 0.0 // -0 is 0
		}
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = plain(value[key])
		}
	}
	return value
}

func FuzzLoadTOML(f *testing.F) {
	seed(f, "a = 1\n[b.c]\nd = [1, {e = 'x'}]\n[[f]]\ng = 1979-05-27T07:32:00Z\n[[f.h]]\n", "a.b = nan\na.c = -inf # x\n", "a = 0x1F\nb = \"\"\"x\\\n  y\"\"\"",
		"[a]\nb.c = 1\n[a.b]", "x = {a = {b = 1}, a.c = 2}", "a = 07:32\n", "\"所", "\x80")
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := check(t, "f.toml", text)
		var peer map[string]any
		peerErr := toml.Unmarshal([]byte(text), &peer)
		switch {
		case peerErr != nil || err != nil && strings.Contains(err.Error(), "more than"):
			return
		case err != nil && strings.Contains(err.Error(), "no date or time"):
			return
		}
		require.NoError(t, err)
		require.Equal(t, dateless(plain(any(peer))), dateless(decoded(t, tree.JSON())), "%q", text)
	})
}

// dateless has dates and times as plain strings, and strings that look like some alike.
func dateless(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = dateless(value[key])
		}
	case []any:
		for i := range value {
			value[i] = dateless(value[i])
		}
	case float64, bool, nil:
	case string:
		if len(value) >= 5 && value[0] >= '0' && value[0] <= '9' && strings.ContainsAny(value, ":-") {
			return "date"
		}
	default:
		return "date"
	}
	return value
}

func FuzzLoadPython(f *testing.F) {
	seed(f, "x = 1\nclass A(B):\n    y: int = -0x_f\n    def __init__(self):\n        self.z = [1, (2,), {'a': None}]\n\nif x: pass\n",
		"s = 'a' r'\\n' \"\"\"b\n\"\"\"; t = {1, 2}; u = 1,\n", "x = (1,\n 2)\n\tq = 1", "x = '\\x41\\u00e9\\N{a}\\7'", "x = 1 \\\n", "class A: x = 1; y = 2", "x = {1: 2, **y}")
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := check(t, "f.py", text)
		if err != nil {
			return
		}
		// What was read, written as Python, is read the same.
		for _, leaf := range tree.Flatten() {
			literal := string(leaf.Value.JSON())
			if strings.ContainsAny(literal, "tfnNI") || strings.Contains(literal, `\`) { // true, false, null, NaN, Infinity and escapes are not Python's
				continue
			}
			again := load(t, "g.py", "x = "+literal)
			at, found := again.At("x")
			require.True(t, found, literal)
			require.Equal(t, literal, string(at.JSON()))
		}
	})
}

func FuzzLoadYAML(f *testing.F) {
	seed(f, "a: {b: [1, 0777, .nan]}\nc: &x {d: ~}\ne: *x\n", "a: 1\n<<: {b: 2}\n", "- 0x1f\n- 0o17\n- 1_000\n- 2020-01-01\n", "a: |\n  text\nb: >-\n  x\n", "a: 1\na: 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := check(t, "f.yaml", text)
		for _, problem := range diag.All(err) {
			require.NotEmpty(t, problem.Msg)
		}
	})
}

func FuzzParseJSONText(f *testing.F) {
	seed(f, "1", `"a"`, "[1,NaN]", "-Infinity", "{}", "\"\xab\"")
	f.Fuzz(func(t *testing.T, text string) {
		value, err := values.ParseJSONText(text)
		if err != nil {
			return
		}
		again, err := values.ParseJSONText(value.Encode())
		require.NoError(t, err)
		require.True(t, value.Equal(again))
		require.True(t, json.Valid(value.JSON()))
	})
}
