package lint

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func words(script string) string {
	var told []string
	for _, t := range split(script) {
		switch {
		case t.op != "":
			told = append(told, fmt.Sprintf("%q", t.op))
			continue
		case t.redirect != "":
			told = append(told, t.redirect+"["+t.text+"]")
			continue
		}
		text := "[" + t.text + "]"
		if t.command {
			text = "!" + text
		}
		if !t.plain {
			text += "~"
		}
		told = append(told, text)
	}
	return strings.Join(told, " ")
}

func TestSplit(t *testing.T) {
	for script, expected := range map[string]string{
		"python a.py":                    "![python] [a.py]",
		"  a\tb  ":                       "![a] [b]",
		"a 'b c' \"d e\" f\\ g":          "![a] [b c] [d e] [f g]",
		"a b'c'\"d\"":                    "![a] [bcd]",
		"a 'it''s' \"say \\\"x\\\"\"":    "![a] [its] [say \"x\"]",
		"a \\\n  b":                      "![a] [b]",
		"a; b && c | d || e & f":         `![a] ";" ![b] "&" "&" ![c] "|" ![d] "|" "|" ![e] "&" ![f]`,
		"(cd x; a) \n b":                 `"(" ![cd] [x] ";" ![a] ")" "\n" ![b]`,
		"X=1 Y=$Z a b":                   "![X=1] ![Y=$Z]~ ![a] [b]",
		"if a; then b; fi":               `![if] ![a] ";" ![then] ![b] ";" ![fi]`,
		"a # b\nc":                       `![a] "\n" ![c]`,
		"a#b '#' c":                      "![a#b] [#] [c]",
		"a < b > c >> d 2> e 2>&1 >&2":   "![a] <[b] >[c] >[d] >[e] descriptor[1] descriptor[2]",
		"a <<< b c":                      "![a] word[b] [c]",
		"a <<EOF b\nc d\nEOF\ne":         `![a] [b] "\n" ![e]`,
		"a <<-'X' <<Y\nc\n\tX\nd\nY\ne":  `![a] "\n" ![e]`,
		"a <(b c) d":                     `![a] "(" ![b] [c] ")" ![d]`,
		"a $(b c) `d e` ${f g} h":        "![a] [$(b c)]~ [`d e`]~ [${f g}]~ [h]",
		"a *.py x? [ab] {1,2} ~/x '*.p'": "![a] [*.py]~ [x?]~ [[ab]]~ [{1,2}]~ [~/x]~ [*.p]",
		"a \"$B\" \"\\$B\" '$B'":         "![a] [$B]~ [$B] [$B]",
		"a 'not closed":                  "![a] [not closed]~",
		"":                               "",
	} {
		t.Run(script, func(t *testing.T) { require.Equal(t, expected, words(script)) })
	}
}

// FuzzSplit: no script makes the splitter panic, and each word is a part of the script,
// in order.
func FuzzSplit(f *testing.F) {
	f.Add("a 'b c' \"d\" $(e) > f <<X\ny\nX\n")
	f.Fuzz(func(t *testing.T, script string) {
		at := 0
		for _, one := range split(script) {
			if one.op != "" {
				continue
			}
			require.GreaterOrEqual(t, one.start, at)
			require.Greater(t, one.end, one.start)
			require.LessOrEqual(t, one.end, len(script))
			at = one.end
		}
		for _, v := range variables(script) {
			require.Equal(t, byte('$'), script[v.start])
			require.LessOrEqual(t, v.end, len(script))
		}
	})
}

// TestSplit_likeShell: of plain words, a shell sees the same.
func TestSplit_likeShell(t *testing.T) {
	for _, script := range []string{`a b  c`, `a 'b c'"d"`, `a \" \' \\ "\"" "'" '"'`, "a b\\\nc d", `a "" '' b`, `a#b '#'`, `a ../b ./c/ d//e --f=g,h:i@j%k+l`} {
		out, err := exec.Command("sh", "-c", "printf '[%s]\\n' "+script).Output()
		require.NoError(t, err)
		var told strings.Builder
		for _, one := range split(script) {
			require.True(t, one.plain)
			fmt.Fprintf(&told, "[%s]\n", one.text)
		}
		require.Equal(t, string(out), told.String(), script)
	}
}
