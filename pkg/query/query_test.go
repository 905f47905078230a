package query

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
	"flow/pkg/values"
)

func record(t testing.TB) Record {
	t.Helper()
	have := map[string]string{
		"metrics.accuracy": "0.85", "params.lr": "0.01", "params.name": `"cnn"`, "state": `"ok"`, "took": "75",
		"started": `"2026-11-26 19:05:01"`, "dirty": "false", "metrics.loss": "NaN", "params.n": `"5"`, "params.layers": "[1,2]", "note": `""`,
	}
	return func(key string) (values.Value, bool) {
		text, found := have[key]
		if !found {
			return values.Value{}, false
		}
		value, err := values.ParseJSONText(text)
		require.NoError(t, err)
		return value, true
	}
}

func TestMatch(t *testing.T) {
	for query, want := range map[string]bool{
		"metrics.accuracy > 0.8 and params.lr < 0.1": true,
		"metrics.accuracy > 0.8 && params.lr >= 0.1": false,
		"metrics.accuracy>0.9 or params.lr==1e-2":    true,
		"not metrics.accuracy > 0.9":                 true,
		"!(metrics.accuracy > 0.9 or state = ok)":    false,
		"state = ok":                              true,
		"state != 'ok'":                           false,
		`params.name ~ "NN"`:                      true,
		"params.name !~ rnn":                      true,
		"metrics.f1 > 0":                          false, // it has none
		"not metrics.f1 > 0":                      false, // and that is not the opposite
		"metrics.f1 > 0 or state = ok":            true,
		"not (metrics.f1 > 0 and state = failed)": true,
		"metrics.loss < 1":                        false,
		"not metrics.loss < 1":                    false,
		"took > 1m":                               true,
		"took >= 75s and took < 0.1h":             true,
		"started > 2026-11-26":                    true,
		"started < '2026-11-26 19:00'":            false,
		"dirty":                                   false,
		"not dirty":                               true,
		"metrics.accuracy":                        true,
		"note":                                    false,
		"params.n = 5":                            true,
		"params.n > 4":                            false, // a text
		"params.layers = '[1,2]'":                 true,
		"`params.name` = cnn":                     true,
		"state = ok AND NOT dirty":                true,
		"state = ok or state = failed and params.lr > 1000": true, // and binds closer
	} {
		q, err := Parse(query)
		require.NoError(t, err, query)
		require.Equal(t, want, q.Match(record(t)), query)
	}
}

func TestParse_mistakes(t *testing.T) {
	for query, want := range map[string]struct {
		col int
		msg string
	}{
		"":                {1, "the end of the query stands where a key should"},
		"a >":             {4, "the end of the query stands where a value should"},
		"a > (":           {5, `"(" stands where a value should`},
		"a = 1 b = 2":     {7, `"b" is not expected here`},
		"(a = 1":          {7, "the end of the query stands where a parenthesis should close"},
		"a = 'x":          {5, "the quote is not closed"},
		"a ? 1":           {3, `"?" is nothing that a query knows`},
		"'x' = a":         {1, `"x" stands where a key should`},
		"a = 1 and":       {10, "the end of the query stands where a key should"},
		"ä = 1 and ü = ;": {15, `";" is nothing that a query knows`},
	} {
		_, err := Parse(query)
		var mistake *diag.Error
		require.True(t, errors.As(err, &mistake), query)
		require.Equal(t, want.msg, mistake.Msg, query)
		require.Equal(t, want.col, mistake.Pos.Col, query)
	}
	_, err := Parse(strings.Repeat("(", 10_000))
	require.ErrorContains(t, err, "nested more than")
}

func TestResolve(t *testing.T) {
	known := []string{"state", "params.train.lr", "params.train.seed", "metrics.accuracy", "metrics.eval.seed", "metrics.a.json:x", "metrics.b.json:x"}
	for key, want := range map[string]string{
		"state": "state", "params.lr": "params.train.lr", "lr": "params.train.lr", "train.lr": "params.train.lr", "accuracy": "metrics.accuracy",
		"params.seed": "params.train.seed", "a.json:x": "metrics.a.json:x",
	} {
		found, err := ResolveKey(key, known)
		require.NoError(t, err, key)
		require.Equal(t, want, found)
	}
	q, err := Parse("state = ok and seed > 1")
	require.NoError(t, err)
	err = q.Resolve(known)
	var mistake *diag.Error
	require.True(t, errors.As(err, &mistake))
	require.Equal(t, 16, mistake.Pos.Col)
	require.Equal(t, `"seed" may mean 2 things`, mistake.Msg)
	require.Equal(t, "write one of params.train.seed, metrics.eval.seed", mistake.Hint)

	_, err = ResolveKey("acuracy", known)
	require.ErrorContains(t, err, `there is no "acuracy"`)
	require.True(t, errors.As(err, &mistake))
	require.Equal(t, `did you mean "metrics.accuracy"?`, mistake.Hint)
	_, err = ResolveKey("uracy", known)
	require.Error(t, err, "only whole parts count")
}

// FuzzParse checks that a mistake has a place in the text, and that what parses keeps
// the laws of a logic of three values.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a > 1 and not (b = 'x' or c ~ d)", "`k` != 3m", "a", "((", "a = '\\''", "!!a", "ä≥1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := Parse(query)
		if err != nil {
			var mistake *diag.Error
			require.True(t, errors.As(err, &mistake))
			require.LessOrEqual(t, mistake.Pos.Col, len([]rune(query))+1)
			return
		}
		is := q.root.eval(record(t))
		require.Equal(t, yes-is, not{q.root}.eval(record(t)))
		require.Equal(t, is, both{q.root, q.root}.eval(record(t)))
		require.Equal(t, is, either{q.root, q.root}.eval(record(t)))
		again, err := Parse("(" + query + ")")
		if err == nil { // it may be too deep now
			require.Equal(t, is, again.root.eval(record(t)))
		}
	})
}
