package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGitignore(t *testing.T) {
	for _, test := range []struct {
		what, before, name, after string
	}{
		{"no file", "-", "model", "/model\n"},
		{"empty file", "", "model", "/model\n"},
		{"other lines", "# mine\n*.pyc\n", "model", "# mine\n*.pyc\n/model\n"},
		{"no line end", "*.pyc", "model", "*.pyc\n/model\n"},
		{"dos line ends", "*.pyc\r\na\r\n", "model", "*.pyc\r\na\r\n/model\r\n"},
		{"dos line ends but the last", "*.pyc\r\na", "model", "*.pyc\r\na\r\n/model\r\n"},
		{"there", "/model\n", "model", "/model\n"},
		{"there without line end", "x\n/model", "model", "x\n/model"},
		{"there as a folder", "/model/\n", "model", "/model/\n"},
		{"there with spaces", "/model  \r\n", "model", "/model  \r\n"},
		{"longer name there", "/model2\n", "model", "/model\n/model2\n"},
		{"glob characters", "", "a*b?[c]", "/a\\*b\\?\\[c]\n"},
		{"spaces", "", " a b  ", "/ a b\\ \\ \n"},
		{"marks", "", "#x", "/#x\n"},
		{"exclamation mark", "", "!x", "/!x\n"},
	} {
		t.Run(test.what, func(t *testing.T) {
			for _, folder := range []string{"", "sub/deep/"} {
				dir := t.TempDir()
				file := filepath.Join(dir, folder, ".gitignore")
				if test.before != "-" {
					write(t, dir, folder+".gitignore", test.before)
				}
				w := openAt(t, dir, Options{})
				changed, err := w.Gitignore(folder + test.name)
				require.NoError(t, err)
				require.Equal(t, test.before != test.after, changed)
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Equal(t, test.after, string(text))
				changed, err = w.Gitignore(folder + test.name)
				require.NoError(t, err)
				require.False(t, changed)

				changed, err = w.Ungitignore(folder + test.name)
				require.NoError(t, err)
				require.True(t, changed)
				text, err = os.ReadFile(file)
				if err == nil {
					require.NotContains(t, strings.Split(string(text), "\n"), "/"+test.name)
				}
				changed, err = w.Ungitignore(folder + test.name)
				require.NoError(t, err)
				require.False(t, changed)
			}
		})
	}
}

func TestUngitignore_rest(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".gitignore", "a\n/model\nb")
	w := openAt(t, dir, Options{})
	changed, err := w.Ungitignore("model")
	require.NoError(t, err)
	require.True(t, changed)
	text, err := os.ReadFile(filepath.Join(dir, ".gitignore"))
	require.NoError(t, err)
	require.Equal(t, "a\nb", string(text))
	write(t, dir, "x/.gitignore", "/model\n")
	_, err = w.Ungitignore("x/model")
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, "x/.gitignore"))
}

// git itself must ignore each name, and no other.
func TestGitignore_asGit(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "", "init", "-q")
	oddTree(t, filepath.Join(dir, "data"))
	write(t, dir, "data/bystander", "1")
	w := openAt(t, dir, Options{})
	entries, err := os.ReadDir(filepath.Join(dir, "data"))
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() == "bystander" {
			continue
		}
		_, err := w.Gitignore("data/" + entry.Name())
		require.NoError(t, err)
		output := git(t, dir, "data/"+entry.Name()+"\x00data/bystander\x00", "check-ignore", "-z", "--stdin")
		require.Equal(t, "data/"+entry.Name()+"\x00", output)
	}
}

// TestGitignores_areAsOneByOne: many at once leave the files as many one after the other.
func TestGitignores_areAsOneByOne(t *testing.T) {
	names := []string{"b.csv", "a.csv", "sub/x", "a.csv", "sub/deep/y", "c d", "sub/w"}
	var left [2][]string
	for i := range left {
		dir := t.TempDir()
		write(t, dir, ".gitignore", "# mine\n/kept\n")
		write(t, dir, "sub/.gitignore", "/x\n*.tmp")
		w := openAt(t, dir, Options{})
		many := w.Gitignores()
		for _, name := range names {
			many.Add(name)
			if i == 0 {
				_, err := w.Gitignore(name)
				require.NoError(t, err)
			}
		}
		require.NoError(t, many.Write())
		for _, file := range []string{".gitignore", "sub/.gitignore", "sub/deep/.gitignore"} {
			text, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			left[i] = append(left[i], string(text))
		}
	}
	require.Equal(t, left[0], left[1])
	require.Equal(t, "# mine\n/a.csv\n/b.csv\n/c d\n/kept\n", left[1][0])
}
