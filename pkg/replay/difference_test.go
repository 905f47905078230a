package replay

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first difference is the one that a naive comparison finds, wherever blocks end.
func TestCompareFiles_firstByte(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		was := bytes.Repeat([]byte("a line of text, ü\n"), r.IntN(9000))
		is := bytes.Clone(was)
		switch r.IntN(4) {
		case 0:
			is = append(is, "more\n"...)
		case 1:
			is = is[:r.IntN(len(is)+1)]
		default:
			if len(is) > 0 {
				is[r.IntN(len(is))] = "x\n\x00\xff"[r.IntN(4)]
			}
		}
		if bytes.Equal(was, is) {
			continue
		}
		at := 0
		for at < min(len(was), len(is)) && was[at] == is[at] {
			at++
		}
		d, err := compareFiles("name", bytes.NewReader(was), iotestReader{bytes.NewReader(is), r})
		require.NoError(t, err)
		require.EqualValues(t, at, *d.Byte)
		if d.Line > 0 {
			require.Equal(t, bytes.Count(was[:at], []byte("\n"))+1, d.Line)
			require.True(t, d.Was != d.Is || d.Was == "")
		}
	}
}

// iotestReader gives as much as it likes.
type iotestReader struct {
	*bytes.Reader
	r *rand.Rand
}

func (i iotestReader) Read(p []byte) (int, error) { return i.Reader.Read(p[:1+i.r.IntN(len(p))]) }

func TestCompareFiles_values(t *testing.T) {
	keys := func(name, was, is string) string {
		d, err := compareFiles(name, strings.NewReader(was), strings.NewReader(is))
		require.NoError(t, err)
		var told []string
		for _, key := range d.Keys {
			text := key.Key + ":"
			if key.Was != nil {
				text += " " + key.Was.Encode()
			}
			text += " →"
			if key.Is != nil {
				text += " " + key.Is.Encode()
			}
			told = append(told, text)
		}
		return strings.Join(told, "; ")
	}
	require.Equal(t, `a.b: 1 → 2; c: "x" →; d: → null`, keys("m.json", `{"a": {"b": 1}, "c": "x", "e": 3}`, `{"a": {"b": 2}, "e": 3.0, "d": null}`))
	require.Equal(t, "", keys("m.json", `{"a": 1}`, `{"a":1}`), "only written otherwise")
	require.Equal(t, "", keys("m.json", `{"a": 1}`, `{"a": `), "torn")
	require.Equal(t, "lr: 0.1 → 0.2", keys("p.yaml", "lr: 0.1\n", "lr: 0.2\n"))
	require.Equal(t, "row 2, loss: 0.5 → 0.25; row 3, step: → 2; row 3, loss: → \"x\"", keys("p.csv", "step,loss\n0,1\n1,0.5\n", "step,loss\n0,1.0\n1,0.25\n2,x\n"))
	require.Equal(t, "", keys("p.csv", "step,loss\n0,1\n", "step,acc\n0,1\n"), "another table")
	require.Equal(t, "row 1, b: 1 → 2", keys("p.tsv", "a\tb\n0\t1\n", "a\tb\n0\t2\n"))
}
