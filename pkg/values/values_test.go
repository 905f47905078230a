package values_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/document"
	"flow/pkg/values"
)

// load reads a text that has to be right.
func load(t require.TestingT, file, text string) *values.Tree {
	tree, err := values.Load(file, []byte(text))
	require.NoError(t, err, "%s: %q", file, text)
	return tree
}

// leaf returns the one value of a text.
func leaf(t require.TestingT, file, text string) values.Value {
	leaves := load(t, file, text).Flatten()
	require.Len(t, leaves, 1, "%s: %q", file, text)
	return leaves[0].Value
}

// lines returns leaves as key=encoded.
func lines(leaves []values.Leaf) []string {
	all := []string{}
	for _, leaf := range leaves {
		all = append(all, leaf.Key+"="+leaf.Value.Encode())
	}
	return all
}

var digits5000 = "1" + strings.Repeat("0123456789", 500)[1:]

func TestValue_canonical(t *testing.T) {
	// what is written in json, toml, py and yaml ("" where the format has no such thing) → Encode
	for _, row := range []struct{ json, toml, py, yaml, want string }{
		{"1", "1", "1", "1", "1"},
		{"1.0", "1.0", "1.0", "1.0", "1"},
		{"-0", "-0", "-0", "-0", "0"},
		{"-0.0", "-0.0", "-0.0", "-0.0", "0"},
		{"1e-4", "1e-4", "1e-4", "1e-4", "0.0001"},
		{"1e-7", "1e-7", "1e-7", "1e-7", "1e-7"},
		{"1.5e-10", "1.5e-10", "1.5e-10", "1.5E-10", "1.5e-10"},
		{"1e22", "1e22", "1e22", "1e22", "1e+22"},
		{"1e20", "1e20", "1e20", "1e20", "100000000000000000000"},
		{"1e400", "1e400", "1e400", "1e400", "Infinity"},
		{"-1e400", "-1e400", "-1e400", "-1e400", "-Infinity"},
		{"1e-400", "1e-400", "1e-400", "1e-400", "0"},
		{"0.1", "0.1", ".1", ".1", "0.1"},
		{"0.1000000000000000055", "0.1000000000000000055", "0.1000000000000000055", "0.1000000000000000055", "0.1"},
		{"9223372036854775808", "9223372036854775808", "9223372036854775808", "9223372036854775808", "9223372036854775808"},
		{digits5000, digits5000, digits5000, digits5000, digits5000},
		{"NaN", "nan", "", ".nan", "NaN"},
		{"NaN", "-nan", "", ".NaN", "NaN"},
		{"Infinity", "inf", "", ".inf", "Infinity"},
		{"Infinity", "+inf", "", "+.inf", "Infinity"},
		{"-Infinity", "-inf", "", "-.INF", "-Infinity"},
		{"null", "", "None", "~", "null"},
		{"null", "", "None", "", "null"},
		{"true", "true", "True", "TRUE", "true"},
		{"false", "false", "False", "False", "false"},
		{"", "", "", "0777", "777"},
		{"15", "0o17", "0o17", "0o17", "15"},
		{"31", "0x1F", "0X1f", "0x1f", "31"},
		{"5", "0b101", "0b1_01", "", "5"},
		{"1000", "1_000", "1_000", "1000", "1000"},
		{`"1_000"`, `"1_000"`, `"1_000"`, "1_000", `"1_000"`},
		{`"NO"`, `"NO"`, `"NO"`, "NO", `"NO"`},
		{`"2020-01-01"`, `2020-01-01`, `"2020-01-01"`, "2020-01-01", `"2020-01-01"`},
		{`"NaN"`, `"NaN"`, `'NaN'`, "NaN", `"NaN"`},
		{`"1"`, `"1"`, `"1"`, `"1"`, `"1"`},
		{`"\u00e9\n\"\u2028\u007f\ud83d\ude00"`, `"é\n\"\u2028\u007F😀"`, `'é\n"\u2028\x7f😀'`, `"é\n\"\u2028\x7f😀"`, `"é\n\"\u2028\u007f😀"`},
		{`[1.0, 2e0, [], {"b": 1, "a": NaN}]`, `[1.0, 2e0, [], {b = 1, a = nan}]`, "", "[1.0, 2e0, [], {b: 1, a: .nan}]", `[1,2,[],{"a":NaN,"b":1}]`},
		{"{}", "{}", "{}", "{}", "{}"},
	} {
		want := "x=" + row.want
		if row.json != "" {
			require.Equal(t, []string{want}, lines(load(t, "f.json", `{"x": `+row.json+`}`).Flatten()))
		}
		if row.toml != "" {
			require.Equal(t, []string{want}, lines(load(t, "f.toml", "x = "+row.toml).Flatten()))
		}
		if row.py != "" {
			require.Equal(t, []string{want}, lines(load(t, "f.py", "x = "+row.py).Flatten()))
		}
		if row.yaml != "" || row.want == "null" {
			require.Equal(t, []string{want}, lines(load(t, "f.yaml", "x: "+row.yaml).Flatten()))
		}
	}
}

func TestValue_equal(t *testing.T) {
	value := func(text string) values.Value {
		v, err := values.ParseJSONText(text)
		require.NoError(t, err)
		return v
	}
	for _, row := range []struct {
		a, b string
		same bool
	}{
		{"1", "1.0", true}, {"0", "-0.0", true}, {"NaN", "NaN", true}, {"Infinity", "1e999", true}, {"1e-4", "0.0001", true},
		{"9007199254740993", "9007199254740993.0", false}, // as a float64 it is …992
		{"9007199254740992", "9007199254740993.0", true},
		{"123456789012345680000", "123456789012345680000.0", false},
		{"123456789012345683968", "123456789012345680000.0", true},
		{"true", "1", false}, {"false", "0", false}, {"null", "0", false}, {`"1"`, "1", false}, {`"NaN"`, "NaN", false},
		{`"null"`, "null", false}, {`"[1]"`, "[1]", false}, {"[1, 2]", "[1.0,2]", true}, {"[1,2]", "[2,1]", false},
		{`[{"a":1,"b":2}]`, `[{"b":2,"a":1}]`, true},
	} {
		require.Equal(t, row.same, value(row.a).Equal(value(row.b)), "%s and %s", row.a, row.b)
		require.Equal(t, row.same, value(row.b).Equal(value(row.a)), "%s and %s", row.b, row.a)
	}
}

func TestValue_jsonIsValid(t *testing.T) {
	for text, want := range map[string]string{
		"NaN": `"NaN"`, "-Infinity": `"-Infinity"`, `[NaN,{"a":[Infinity]},"x"]`: `["NaN",{"a":["Infinity"]},"x"]`,
		"1e400": `"Infinity"`, `"a\u001b"`: `"a\u001b"`, "{}": "{}", "null": "null",
	} {
		value, err := values.ParseJSONText(text)
		require.NoError(t, err)
		require.Equal(t, want, string(value.JSON()))
		require.True(t, json.Valid(value.JSON()))
	}
	broken := values.Value{Kind: document.List, Text: "no list"}
	require.True(t, json.Valid(broken.JSON()))
	marshalled, err := json.Marshal(map[string]any{"old": leaf(t, "m.json", "NaN"), "new": leaf(t, "m.json", "0.25")})
	require.NoError(t, err)
	require.Equal(t, `{"new":0.25,"old":"NaN"}`, string(marshalled))
}

func TestValue_float(t *testing.T) {
	for text, want := range map[string]float64{"1": 1, "0.1": 0.1, "1e400": math.Inf(1), "-Infinity": math.Inf(-1), digits5000: math.Inf(1)} {
		got, ok := leaf(t, "f.json", text).Float()
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	got, ok := leaf(t, "f.json", "NaN").Float()
	require.True(t, ok)
	require.True(t, math.IsNaN(got))
	for _, text := range []string{`"1"`, "true", "null", "[1]"} {
		_, ok := leaf(t, "f.json", text).Float()
		require.False(t, ok, text)
	}
}

// anyValue is any value, as text that JSON of Python's kind reads.
func anyValue(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kind := rapid.IntRange(0, 8).Draw(t, "kind")
		if depth == 0 {
			kind %= 6
		}
		switch kind {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false", "NaN", "Infinity", "-Infinity", "-0", "1e400"}).Draw(t, "word")
		case 1:
			return rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})`).Draw(t, "int")
		case 2:
			return strconv.FormatFloat(rapid.Float64().Draw(t, "float"), 'g', -1, 64)
		case 3, 4, 5:
			return jsonText(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "1", "a.b", "NaN", "\x7f\u0085\ufeff"})).Draw(t, "text"))
		case 6:
			return "[" + strings.Join(rapid.SliceOfN(anyValue(depth-1), 0, 4).Draw(t, "items"), ",") + "]"
		}
		keys := rapid.SliceOfN(anyKey(), 0, 4).Draw(t, "keys")
		for i, key := range keys {
			keys[i] = jsonText(key) + ":" + anyValue(depth-1).Draw(t, "value")
		}
		return "{" + strings.Join(keys, " , ") + "}"
	})
}

// anyKey is mostly a key that gets in the way of others.
func anyKey() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`[ab."]{0,4}`), rapid.SampledFrom([]string{"a", "b", "a.b", `"a"`, `"a"."b"`, "0", ""}), rapid.String())
}

func jsonText(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func TestParseJSONText_readsWhatEncodeWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := leaf(t, "f.json", "["+anyValue(3).Draw(t, "value")+"]")
		again, err := values.ParseJSONText(value.Encode())
		require.NoError(t, err)
		require.Equal(t, value, again)
		require.True(t, json.Valid(value.JSON()), "%s", value.JSON())
	})
}

func TestValue_yamlReadsWhatEncodeWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := leaf(t, "f.json", "["+anyValue(2).Draw(t, "value")+"]")
		if strings.Contains(value.Text, "NaN") || strings.Contains(value.Text, "Infinity") {
			return
		}
		again := leaf(t, "f.yaml", "x: "+value.Encode())
		require.True(t, value.Equal(again), "%q and %q", value, again)
	})
}

func TestValue_equalIsPythons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64().Draw(t, "whole")
		near := strconv.FormatFloat(float64(whole), 'g', -1, 64)
		same := leaf(t, "f.json", strconv.FormatInt(whole, 10)).Equal(leaf(t, "f.json", near))
		exact := new(big.Float).SetInt64(whole).Cmp(big.NewFloat(float64(whole))) == 0
		require.Equal(t, exact, same)
	})
}
