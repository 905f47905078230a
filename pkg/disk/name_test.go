package disk

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestCheckName_accepts(t *testing.T) {
	for _, name := range []string{
		"a", "data/raw.csv", "deep/er/and/deeper", "...", "..a", "a..", ".a",
		"with space", "new\nline", "naïve", "-leading-dash", `quo"te`, `back\slash`, "CON", "aux.txt",
		"caf\u00e9", "cafe\u0301", // one word in NFC and in NFD
		".gitignore", ".gitattributes", "git", "flow", "a.git", ".github/x", ".flowignore", "flows",
		"git~", "git~10", "flow~x", "..git", "x:y", "trailing.", "trailing ",
		strings.Repeat("x", 255), strings.Repeat("x/", 5000) + "x", "\xff\xfe",
	} {
		require.NoError(t, checkName(name, false), "%q", name)
	}
}

func TestCheckName_refuses(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "/", "/etc/passwd", "//x", "a/", "a//b", "./a", "a/.", "a/..", "../x", "../../../victim/x", "a/../../x",
		"a\x00b", "\x00", strings.Repeat("x", 256), "a/" + strings.Repeat("é", 128),
		".git", ".git/hooks/post-checkout", "../.git/config", "sub/.git/config", ".GIT/config", ".Git", ".gIt/x",
		".git ", ".git.", ".git . .", ".git::$INDEX_ALLOCATION/x", ".git:stream", `.git\config`, `sub\.git\config`,
		"git~1", "GIT~1/config", "git~2", "git~1.", ".g\u200cit", ".gi\u200dt", "\ufeff.git", ".git\u202e", ".g\u206fit/hooks", ".g\u00adit", ".git\ufe0f",
		".flow", ".flow/config", ".FLOW/config", ".flow.", ".flow ", ".fl\u200cow", "flow~1", "FLOW~1/config", ".\ufb02ow", "sub/.flow",
	} {
		var refused *NameError
		require.ErrorAs(t, checkName(name, false), &refused, "%q", name)
		require.Error(t, checkName(name, true), "%q on Windows", name)
	}
}

func TestCheckName_windows(t *testing.T) {
	for _, name := range []string{
		"CON", "con", "sub/NUL", "nul.txt", "AUX.tar.gz", "PRN", "COM1", "com9.log", "LPT1", "COM\u00b9", "CONIN$", "conout$",
		"NUL ", "con .txt", `a\b`, `\a`, `..\x`, "C:x", "a:b", "a*", "q?", `"`, "a<b", "a|b", "tab\there", "dot.", "space ",
	} {
		require.Error(t, checkName(name, true), "%q", name)
	}
	for _, name := range []string{"console", "com", "COM10", "nulls.txt", "a.con", "data/raw.csv", "ünï"} {
		require.NoError(t, checkName(name, true), "%q", name)
	}
}

// FuzzCheckName compares the gate with filepath.IsLocal and with a plain reading of
// what the gate promises.
func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{"a/b", "../x", ".git/config", ".G\u200cit", "git~1", ".flow.", "a//b", "a\x00", ".git\\x", ".git::$DATA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := CheckName(name)
		if err == nil {
			require.True(t, filepath.IsLocal(filepath.FromSlash(name)), "%q leads elsewhere", name)
			require.Equal(t, path.Clean(name), name)
			require.NotEqual(t, ".", name)
		}
		plain := plainlyFine(name)
		if err == nil {
			require.True(t, plain, "%q is accepted", name)
		} else if ascii(name) {
			require.False(t, plain, "%q: %v", name, err)
		}
	})
}

// plainlyFine is the gate for one that has all day, on a system other than Windows.
func plainlyFine(name string) bool {
	if name == "." || path.Clean(name) != name || !filepath.IsLocal(name) || strings.Contains(name, "\x00") {
		return false
	}
	for _, part := range strings.Split(name, "/") {
		if len(part) > 255 {
			return false
		}
		for _, piece := range strings.Split(part, `\`) {
			seen := strings.ToLower(strings.Map(visible, piece))
			for _, owner := range []string{"git", "flow"} {
				rest, dotted := strings.CutPrefix(seen, "."+owner)
				short, numbered := strings.CutPrefix(seen, owner+"~")
				if numbered && short != "" && short[0] >= '0' && short[0] <= '9' {
					rest, dotted = short[1:], true
				}
				rest, _, _ = strings.Cut(rest, ":")
				if dotted && strings.Trim(rest, " .") == "" {
					return false
				}
			}
		}
	}
	return true
}

// visible drops what HFS+ ignores, as git has it. The gate knows more such characters.
func visible(c rune) rune {
	switch {
	case c >= 0x200c && c <= 0x200f, c >= 0x202a && c <= 0x202e, c >= 0x206a && c <= 0x206f, c == 0xfeff:
		return -1
	}
	return c
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c >= utf8.RuneSelf })
}

func TestTempName(t *testing.T) {
	require.NotEqual(t, tempIn("a"), tempIn("a"))
	require.True(t, IsTemp(tempIn("a/b")))
	require.False(t, IsTemp("a/b"))
	require.True(t, utf8.ValidString(tempIn(".")))
	require.LessOrEqual(t, len(tempIn(".")), 32)
}
