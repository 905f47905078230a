package ui

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTextWidth(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "plain": 5, "naïve": 5, "e\u0301a": 2, "日本": 4, "한글": 4, "\u1112\u1161\u11ab": 2, "ｗｉｄｅ": 8,
		"🚀": 2, "❤\ufe0f": 2, "❤": 1, "👍🏽": 2, "👩\u200d🔬": 2, "👩\u200d❤\ufe0f\u200d👩": 2, "🇩🇪": 2, "🇩🇪🇫🇷": 4, "1\ufe0f\u20e3": 2,
		"नि": 2, "\u200bx": 1, "→…": 2, "▸": 1, "ل\u200dا": 2, "\xff": 1,
	} {
		require.Equal(t, want, TextWidth(text), "%q", text)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"short", 5, "short"}, {"longer", 5, "long…"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"日本語", 6, "日本語"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"any", 1, "…"}, {"any", 0, ""}, {"any", -3, ""}, {"👩\u200d🔬👩\u200d🔬", 3, "👩\u200d🔬…"}, {"", 0, ""},
	} {
		require.Equal(t, c.want, Cut(c.text, c.columns), "%q in %d", c.text, c.columns)
	}
}

func TestCut_neverWider(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, columns := rapid.String().Draw(t, "text"), rapid.IntRange(0, 30).Draw(t, "columns")
		cut := Cut(text, columns)
		require.LessOrEqual(t, TextWidth(cut), columns)
		require.True(t, cut == text || strings.HasPrefix(text, strings.TrimSuffix(cut, "…")))
	})
}

func TestClean(t *testing.T) {
	for line, want := range map[string]string{
		"plain": "plain",
		"\r 10%|█   |\r 50%|██  |\r100%|████|": "100%|████|",
		"windows\r":                            "windows",
		"a\tb":                                 "a       b",
		"日\tb":                                 "日      b",
		"1/3\b\b\b2/3":                         "2/3",
		"\b\bx":                                "x",
		"\x1b[2J\x1b[Hhome":                    "home",
		"\x1b[31mred\x1b[0m":                   "red",
		"\x1b]0;title\atext":                   "text",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\a": "link",
		"\x1b(Bx\x1b7y\x1bcz":                  "xyz",
		"cut short \x1b[3":                     "cut short ",
		"\x1b]0;never ends":                    "",
		"\x1bP1$r\x1b\\device":                 "device",
		"bell\a":                               "bell",
		"\x00\x01\xff":                         "\ufffd\ufffd",
		"\u009b31mx":                           "\ufffd31mx",
		"\u202egnp.exe":                        "gnp.exe",
		"two\u2028lines":                       "two lines",
		"\x1b":                                 "",
	} {
		require.Equal(t, want, Clean(line, false), "%q", line)
	}
	require.Equal(t, "\x1b[1;31mred\x1b[0m", Clean("\x1b[1;31mred", true))
	require.Equal(t, "\x1b[31mred\x1b[0m plain", Clean("\x1b[31mred\x1b[0m plain", true))
	require.Equal(t, "x", Clean("\x1b[?25l\x1b[Kx", true))
}

func TestClean_leavesNothingThatMoves(t *testing.T) {
	piece := rapid.SampledFrom([]string{"\x1b", "\x1b[", "m", "31", ";", "]", "\a", "\\", "\r", "\n", "\b", "\t", "x", "日", "\xff", "\u009b", "\x7f", "P", "K", " "})
	rapid.Check(t, func(t *rapid.T) {
		line := strings.Join(rapid.SliceOf(piece).Draw(t, "pieces"), "")
		clean := Clean(line, false)
		require.True(t, utf8.ValidString(clean))
		require.Equal(t, clean, printable(clean))
		painted := Clean(line, true)
		require.Equal(t, clean, Clean(painted, false))
	})
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", -time.Second: "0ms", time.Microsecond: "1ms", 12 * time.Millisecond: "12ms", 1499 * time.Microsecond: "1ms",
		999499 * time.Microsecond: "999ms", 999600 * time.Microsecond: "1.0s", 3210 * time.Millisecond: "3.2s", 3 * time.Second: "3s",
		59949 * time.Millisecond: "59.9s", 59960 * time.Millisecond: "1m00s", 65 * time.Second: "1m05s", 59*time.Minute + 59700*time.Millisecond: "1h00m",
		123 * time.Minute: "2h03m", 23*time.Hour + 59*time.Minute + 40*time.Second: "1d00h", 100 * time.Hour: "4d04h",
	} {
		require.Equal(t, want, Duration(d), "%s", d)
	}
}
