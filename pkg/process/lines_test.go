package process

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// splitAll is the naive splitting of a whole text.
func splitAll(text []byte) []string {
	var want []string
	all := strings.SplitAfter(string(text), "\n")
	for _, line := range all {
		if line == "" {
			continue
		}
		line = strings.TrimSuffix(line, "\n")
		for len(line) > maxLine {
			want = append(want, line[:maxLine])
			line = line[maxLine:]
		}
		want = append(want, line)
	}
	return want
}

func linesOf(text []byte, chunk int) []string {
	var got []string
	stdout, _ := newLines(func(_ bool, line string) { got = append(got, line) }, false)
	for len(text) > 0 {
		n, _ := stdout.Write(text[:min(chunk, len(text))])
		text = text[n:]
	}
	stdout.Flush()
	return got
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, text := range map[string]string{
		"nothing":           "",
		"empty lines":       "\n\na\n\n",
		"no newline":        "a\nb",
		"carriage returns":  "10%\r20%\r\nb\r\n",
		"exactly one piece": long + "\n" + long + "\n\nb\n",
		"one byte more":     long + "y\nb",
		"many pieces":       "a\n" + strings.Repeat(long, 5) + "y\n" + long + long,
	} {
		t.Run(name, func(t *testing.T) {
			for _, chunk := range []int{1, 7, maxLine - 1, maxLine, maxLine + 1, 1 << 20} {
				require.Equal(t, splitAll([]byte(text)), linesOf([]byte(text), chunk), "chunks of %d", chunk)
			}
		})
	}
}

// FuzzLines: however a text is cut into writes, the lines are those of the whole.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\n\nb"), 0, 3)
	f.Add([]byte("\n"), maxLine, 100)
	f.Fuzz(func(t *testing.T, text []byte, filler, chunk int) {
		if filler < 0 || filler > 3*maxLine || chunk < 1 {
			t.Skip()
		}
		text = append(bytes.Repeat([]byte("f"), filler), text...)
		require.Equal(t, splitAll(text), linesOf(text, chunk))
	})
}
