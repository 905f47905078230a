package stages

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/document"
)

// odd are texts that a shell could take apart.
var odd = []string{
	"", " ", "a b", "it's", `say "x"`, `a\b`, "$HOME", "`id`", "$(id)", "a;b", "a&b", "a|b", "a>b", "a<b", "(a)", "{a,b}", "*", "?", "[a]", "~", "~root", "#a", "!", "a\tb", "a\nb", "\r",
	"é", "日本", "-", "--", "-x=y", "a=b", "%", "@", "'", "''", `"`, `\`, `\\`, "a'b\"c\\d", "^a", "a!b", "\u00a0", "\x01", "\x7f",
}

// shell returns the words that a shell makes of options.
func shell(t *testing.T, options string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+options).Output()
	require.NoError(t, err, options)
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// TestShellQuote_shell: a real shell gives back what was quoted.
func TestShellQuote_shell(t *testing.T) {
	for _, text := range odd {
		require.Equal(t, []string{"x", text}, shell(t, "x "+shellQuote(text)), "%q", text)
	}
}

// TestFlags_shell: options that a mapping becomes reach the command as they were.
func TestFlags_shell(t *testing.T) {
	var items []any
	expected := []string{"--list"}
	for _, text := range odd {
		items = append(items, text)
		expected = append(expected, text)
	}
	mapping := document.Fields{{Key: "list", Value: items}}
	for i, text := range odd {
		key := "k" + strings.Repeat("x", i)
		mapping = append(mapping, document.Field{Key: key, Value: text})
		expected = append(expected, "--"+key, text)
	}
	text, problem := flags(document.Of(mapping), FlagStyle{})
	require.Empty(t, problem)
	require.Equal(t, expected, shell(t, text))
}

// FuzzShellQuote reads what was quoted by the rules of single and double quotes.
func FuzzShellQuote(f *testing.F) {
	for _, text := range odd {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted := shellQuote(text)
		var got strings.Builder
		for rest := quoted; rest != ""; {
			quote := rest[0]
			if quote != '\'' && quote != '"' {
				require.NotContains(t, " \t\n;&|<>()$`\\*?[]{}~#!^", string(quote), "%q stands bare in %s", quote, quoted)
				got.WriteByte(quote)
				rest = rest[1:]
				continue
			}
			inner, after, closed := strings.Cut(rest[1:], string(quote))
			require.True(t, closed, quoted)
			if quote == '"' {
				require.Equal(t, "'", inner, "only a quote needs double quotes")
			}
			got.WriteString(inner)
			rest = after
		}
		require.Equal(t, text, got.String())
		require.NotEmpty(t, quoted)
	})
}
