package wire

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type inner struct {
	Name string
	At   int
	Kind uint8
}

type tree struct {
	Text    string
	Texts   []string
	Flag    bool
	Small   int8
	Span    time.Duration
	Share   float64
	Sum     [4]byte
	Inner   inner
	Pointer *inner
	Kids    []*tree
	ByName  map[string]inner
	Levels  [][]int32
	Problem error
	inner   // its name is not exported
}

func trees() *rapid.Generator[*tree] {
	inners := rapid.Custom(func(t *rapid.T) inner {
		return inner{rapid.String().Draw(t, "name"), rapid.Int().Draw(t, "at"), rapid.Uint8().Draw(t, "kind")}
	})
	var of func(depth int) *rapid.Generator[*tree]
	of = func(depth int) *rapid.Generator[*tree] {
		return rapid.Custom(func(t *rapid.T) *tree {
			made := &tree{
				Text: rapid.String().Draw(t, "text"), Flag: rapid.Bool().Draw(t, "flag"), Small: rapid.Int8().Draw(t, "small"),
				Span: time.Duration(rapid.Int64().Draw(t, "span")), Share: rapid.Float64().Draw(t, "share"),
				Sum: [4]byte{0, 255, 3, 0x80}, Inner: inners.Draw(t, "inner"),
			}
			if rapid.Bool().Draw(t, "some") {
				made.Texts = rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "a long one"}), 0, 4).Draw(t, "texts")
				one := inners.Draw(t, "pointer")
				made.Pointer = &one
				made.ByName = rapid.MapOfN(rapid.String(), inners, 0, 3).Draw(t, "map")
				made.Levels = rapid.SliceOfN(rapid.SliceOf(rapid.Int32()), 0, 3).Draw(t, "levels")
			}
			if depth > 0 {
				made.Kids = rapid.SliceOfN(of(depth-1), 0, 3).Draw(t, "kids")
			}
			return made
		})
	}
	return of(2)
}

func TestDecode_isWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := trees().Draw(t, "tree")
		data, err := Encode(value)
		require.NoError(t, err)
		again, err := Encode(value)
		require.NoError(t, err)
		require.Equal(t, data, again, "the same value gives the same bytes")
		var read *tree
		require.NoError(t, Decode(data, &read))
		require.Equal(t, value, read)
	})
}

func TestEncode_refuses(t *testing.T) {
	for _, value := range []any{&tree{Problem: errors.New("x")}, make(chan int), map[int]string{1: "a"}, func() {}} {
		_, err := Encode(value)
		require.Error(t, err, "%T", value)
	}
}

// FuzzDecode: any bytes are an error or a value, soon.
func FuzzDecode(f *testing.F) {
	data, err := Encode(&tree{Text: "a", Texts: []string{"b"}, Kids: []*tree{{Text: "c", ByName: map[string]inner{"d": {}}}}})
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var read *tree
		_ = Decode(data, &read)
	})
}
