package workspace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ignoreCases are patterns and paths; what git says of each pair is the truth. A path
// that ends in a slash is a folder.
var ignoreCases = []struct {
	name  string
	lines string
	paths string // split at commas
}{
	{"name anywhere", "foo", "foo,a/foo,foo/,foo/x,afoo,foob"},
	{"anchored", "/foo", "foo,a/foo,foo/x"},
	{"slash in the middle anchors", "a/foo", "a/foo,b/a/foo,foo,a/foo/x"},
	{"folders only", "build/", "build,build/,a/build/,a/build,build/x"},
	{"anchored folder", "/build/", "build/,a/build/,build/x/y"},
	{"nested folder only", "a/b/", "a/b/,a/b,a/bc/,a/b/x,b/"},
	{"asterisk", "*.tmp", "x.tmp,a/x.tmp,.tmp,x.tmpy,x.tmp/y"},
	{"asterisk stops at a slash", "a/*.c", "a/x.c,a/b/x.c,b/a/x.c"},
	{"asterisk in the middle", "f*o", "fo,foo,fxo,f/o,a/fzzo"},
	{"two asterisks in a name", "a**b", "ab,axb,a/b,axxb"},
	{"leading **/", "**/foo", "foo,a/foo,a/b/foo,xfoo"},
	{"leading **/ with a path", "**/a/foo", "a/foo,x/a/foo,xa/foo"},
	{"trailing /**", "a/**", "a/,a/x,a/b/x,b/a/x"},
	{"/**/ in the middle", "a/**/b", "a/b,a/x/b,a/x/y/b,ab,a/xb,xa/b"},
	{"** alone", "**", "a,a/b"},
	{"/** alone", "/**", "a,a/b"},
	{"**/ alone", "**/", "a,a/,a/b"},
	{"three asterisks", "a/***/b", "a/b,a/x/b,a/x/y/b"},
	{"** beside other text", "a/x**/b", "a/x/b,a/xy/b,a/xy/z/b"},
	{"question mark", "a?c", "abc,ac,a/c,aéc"},
	{"set", "a[bc]d", "abd,acd,aed,a[bc]d"},
	{"range", "x[0-9].log", "x1.log,xa.log,x10.log"},
	{"negated set", "x[!0-9]", "x1,xa,x!"},
	{"negated set with ^", "x[^0-9]", "x1,xa,x^"},
	{"] first in a set", "x[]a]", "x],xa,xb"},
	{"- at the ends of a set", "x[-a-]", "x-,xa,xb"},
	{"class", "x[[:digit:][:upper:]]", "x1,xA,xa"},
	{"class that there is not", "x[[:nope:]]", "x1,xn"},
	{"[ in a set", "x[[a]", "x[,xa,xb"},
	{"[: without :] in a set", "x[[:a]", "x[,x:,xa,xb"},
	{"set without an end", "x[ab", "xa,x[ab"},
	{"set does not match a slash", "a[!b]c/", "a/c/,axc/"},
	{"escape in a set", `x[\]a]`, `x],xa,x\`},
	{"range to an escape", `x[a-\c]`, "xa,xb,xc,xd"},
	{"backward range", "x[c-a]", "xa,xb,xc"},
	{"comment", "#foo", "#foo,foo"},
	{"escaped comment", `\#foo`, "#foo,foo"},
	{"escaped exclamation mark", `\!foo`, "!foo,foo"},
	{"escaped asterisk", `a\*b`, "a*b,axb"},
	{"escaped letter", `f\oo`, "foo"},
	{"backslash at the end", `foo\`, `foo,foo\`},
	{"trailing spaces", "foo  ", "foo,foo  "},
	{"escaped trailing space", `foo\ `, "foo,foo ,foo  "},
	{"escaped and other trailing spaces", `foo\   `, "foo,foo ,foo  "},
	{"trailing tab stays", "foo\t", "foo,foo\t"},
	{"leading space", " foo", "foo, foo"},
	{"carriage return", "foo\r\nbar\r\n", "foo,bar,foo\r"},
	{"byte order mark", "\ufefffoo", "foo"},
	{"blank lines", "\n   \n\nfoo", "foo, "},
	{"negation", "*.log\n!keep.log", "x.log,keep.log,a/keep.log"},
	{"negation then again", "*.log\n!keep.log\nkeep.*", "keep.log,x.log"},
	{"negation below an ignored folder", "a/\n!a/keep", "a/keep,a/x"},
	{"negation below a/*", "a/*\n!a/keep", "a/keep,a/x,a/x/keep"},
	{"negation below x/**", "x/**\n!x/y", "x/y,x/z,x/y/z"},
	{"negated folder", "a*\n!ab/", "ab,ab/,ac,ab/x"},
	{"all but", "/*\n!/a", "a,b,a/b,b/a"},
	{"all but deep", "/*\n!/a\n/a/*\n!/a/b", "a/b,a/c,b,a/b/x"},
	{"slash alone", "/", "a,a/"},
	{"two slashes at the end", "a//", "a,a/"},
	{"exclamation mark alone", "!", "a,!"},
	{"unicode", "é*", "é,éa,a/éb,e"},
	{"braces are letters", "{a,b}", "a,b"},
	{"dot names", ".*", ".a,a/.b,a"},
	{"* takes dot names too", "*", ".a,a"},
	{"slash and asterisk", "/*/foo", "a/foo,foo,a/b/foo"},
	{"deep literal", "a/b/c", "a/b/c,a/b/c/d,x/a/b/c,a/b/cc"},
	{"literal folder with a longer name", "a/b/\nq/r/", "a/bc/,q/rst/,q/r/"},
	{"case counts", "Foo", "foo,Foo"},
	{"escaped slash after **", `a/**\/b`, "a/b,a/x/b"},
}

func TestIgnored_asGit(t *testing.T) {
	for _, test := range ignoreCases {
		t.Run(test.name, func(t *testing.T) {
			compareWithGit(t, map[string]string{"": test.lines}, strings.Split(test.paths, ","))
		})
	}
	t.Run("files in folders", func(t *testing.T) {
		compareWithGit(t, map[string]string{"": "*.o\n/a/x\n", "a": "!keep.o\n/only\n", "a/b": "keep.o\n!*.tmp"},
			strings.Split("x.o,a/x.o,a/keep.o,keep.o,a/b/keep.o,a/only,a/b/only,only,a/x,a/b/x,a/b/y.tmp", ","))
	})
	t.Run("a file in an ignored folder is not read", func(t *testing.T) {
		compareWithGit(t, map[string]string{"": "a/", "a": "!x"}, []string{"a/x", "a/y"})
	})
}

func TestIgnored_randomAsGit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(parts []string, most int) string {
		var text strings.Builder
		for range 1 + random.IntN(most) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		return text.String()
	}
	pieces := []string{"a", "b", "ab", "/", "/", "*", "**", "?", "**/", "/**", "[ab]", "[!a]", `\a`, `\*`, "[a-", "]", " ", `\ `, "-"}
	letters := []string{"a", "b", "-", "*", "ab", "a"}
	for range 30 {
		var lines []string
		for range 1 + random.IntN(5) {
			line := pick(pieces, 5)
			if random.IntN(4) == 0 {
				line = "!" + line
			}
			lines = append(lines, line)
		}
		var paths []string
		for range 60 {
			parts := make([]string, 1+random.IntN(4))
			for i := range parts {
				parts[i] = pick(letters, 3)
			}
			paths = append(paths, strings.Join(parts, "/"))
		}
		compareWithGit(t, map[string]string{"": strings.Join(lines, "\n")}, paths)
	}
}

// compareWithGit asks git check-ignore about each path, and Ignored. Only paths that
// fit together in one place are made; a path may be asked for that isn't there.
func compareWithGit(t *testing.T, files map[string]string, paths []string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	dir := t.TempDir()
	for _, folder := range []string{"objects", "refs"} { // all that git asks for
		require.NoError(t, os.MkdirAll(filepath.Join(dir, ".git", folder), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".git/HEAD"), []byte("ref: refs/heads/main\n"), 0o644))
	for folder, lines := range files {
		at := filepath.Join(dir, folder)
		require.NoError(t, os.MkdirAll(at, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(at, ".gitignore"), []byte(lines), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(at, IgnoreFile), []byte(lines), 0o644))
	}
	var asked []string
	for _, path := range paths {
		if at := filepath.Join(dir, path); strings.HasSuffix(path, "/") {
			if os.MkdirAll(at, 0o755) != nil {
				continue
			}
		} else if os.MkdirAll(filepath.Dir(at), 0o755) != nil || (os.WriteFile(at, nil, 0o644) != nil && !isDir(at)) {
			continue
		}
		asked = append(asked, strings.TrimSuffix(path, "/"))
	}
	ignored := map[string]bool{}
	for _, path := range strings.Split(git(t, dir, strings.Join(asked, "\x00")+"\x00", "check-ignore", "-z", "--stdin"), "\x00") {
		ignored[path] = true
	}
	w := openAt(t, dir, Options{})
	for _, path := range asked {
		got, rule := w.Ignored(path, isDir(filepath.Join(dir, path)))
		require.Equal(t, ignored[path], got, "path %q, rules %q, decided by %s", path, files, rule)
	}
}

func isDir(at string) bool {
	info, err := os.Stat(at)
	return err == nil && info.IsDir()
}

// git runs git in a folder; it may say no by the code 1.
func git(t *testing.T, dir, input string, args ...string) string {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Stdin = strings.NewReader(input)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(t, err, &exit, fmt.Sprint(args))
		require.Equal(t, 1, exit.ExitCode(), problems.String())
	}
	return string(output)
}
