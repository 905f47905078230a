package stages

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// related says by components what OwnerOf finds by search: the same path, or one a
// prefix of the other.
func related(a, b string) bool {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

var somePath = rapid.Custom(func(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "a.b", "a-", "aa", "ü", "a b"}), 1, 4).Draw(t, "parts")
	return strings.Join(parts, "/")
})

func TestOwnerOf_isPrefixByComponent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pipeline := &Pipeline{}
		paths := rapid.SliceOfNDistinct(somePath, 0, 12, rapid.ID).Draw(t, "outs")
		for _, path := range paths {
			pipeline.Stages = append(pipeline.Stages, &Stage{Name: path, Outs: []Out{{Path: path}}})
		}
		asked := somePath.Draw(t, "asked")
		var want, got []string
		for _, path := range paths {
			if related(path, asked) {
				want = append(want, path)
			}
		}
		for _, owner := range pipeline.OwnerOf(asked) {
			got = append(got, owner.Out.Path)
		}
		require.True(t, slices.IsSortedFunc(got, comparePaths))
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got)
	})
}

func FuzzOwnerOf(f *testing.F) {
	f.Add("a/b\na\na-b", "a/b/c")
	f.Fuzz(func(t *testing.T, outs, asked string) {
		pipeline := &Pipeline{}
		want := map[string]bool{}
		for _, path := range strings.Split(outs, "\n") {
			if path == "" || path[0] == '/' || strings.HasSuffix(path, "/") || strings.Contains(path, "//") {
				continue
			}
			pipeline.Stages = append(pipeline.Stages, &Stage{Name: path, Outs: []Out{{Path: path}}})
			if related(path, asked) {
				want[path] = true
			}
		}
		if asked == "" || asked == "." || asked[0] == '/' || strings.HasSuffix(asked, "/") || strings.Contains(asked, "//") {
			return
		}
		got := map[string]bool{}
		for _, owner := range pipeline.OwnerOf(asked) {
			got[owner.Out.Path] = true
		}
		require.Equal(t, want, got)
	})
}
