package glob

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBase(t *testing.T) {
	require.Equal(t, "src", Base("src/**/*.py"))
	require.Equal(t, "a/b", Base("a/b/c*/d"))
	require.Equal(t, ".", Base("*.csv"))
	require.Equal(t, "a/b.csv", Base("a/b.csv"))
}

func TestMeet(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"src/*.py", "src/a.py", true},
		{"src/*.py", "src/a.txt", false},
		{"src/*.py", "src", true},
		{"src/*.py", "src/sub/a.py", false},
		{"src/*.py", "other", false},
		{"src/**/*.py", "src/gen", true},
		{"src/**/*.py", "src/model.bin", false},
		{"src/**/*.py", "src/a/b/c.py", true},
		{"src/**", "src/model.bin", true},
		{"src/**", "src/model.bin/x", true},
		{"data/*/part.csv", "data/x", true},
		{"data/*/part.csv", "data/v1.0", true},
		{"data/*/part.csv", "data/x/part.csv", true},
		{"data/*/part.csv", "data/x/other.csv", false},
		{"out/*.csv", "out/a*", true},
		{"out/a*", "out/b*", false},
		{"out/**/x", "out/a/*", true},
		{"a?c", "abc", true},
		{"a[xy]c", "axc", true},
		{"a/*", "a/*/b", false},
		{"a", "a/*", true},
		{"ab", "a/*", false},
	} {
		require.Equal(t, c.want, Meet(c.a, c.b), "%s with %s", c.a, c.b)
		require.Equal(t, c.want, Meet(c.b, c.a), "%s with %s", c.b, c.a)
	}
}

// FuzzMeet holds Meet against Match: a path that matches a pattern meets it, and so
// does the folder around it.
func FuzzMeet(f *testing.F) {
	f.Add("src/**/*.py", "src/a/b.py")
	f.Add("a/[b-d]?/*", "a/cx/y")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		odd := len(pattern) > 40 || len(name) > 40 || strings.Contains(pattern+name, `\`) || HasMeta(name)
		if odd || Problem(pattern) != "" || name == "." || path.Clean("/"+name) != "/"+name {
			return
		}
		g := Compile(pattern, true)
		if !g.Match(name) {
			return
		}
		require.True(t, Meet(pattern, name), "%q matches %q", pattern, name)
		if around := path.Dir(name); around != "." && !strings.Contains(around, ".") {
			require.True(t, Meet(pattern, around), "%q matches %q in %q", pattern, name, around)
		}
	})
}
