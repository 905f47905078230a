package stages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRepo_Problem: what git would take for an option, or for a program to run, never gets
// to it.
func TestRepo_Problem(t *testing.T) {
	for _, url := range []string{"https://example.org/x.git", "ssh://git@example.org:22/x", "git@example.org:me/x.git", "../x", "/srv/x.git", "file:///srv/x", "x y", "ssh://[::1]/x"} {
		require.Empty(t, Repo{URL: url, Path: "data/x", Rev: "main"}.Problem(), url)
	}
	for _, url := range []string{"", " ", "-x", "--upload-pack=touch x", "ext::sh -c id", "EXT::x", "fd::7", "::x", "rsync://x/y", "ext://x", "ftp://x/y",
		"ssh://-oProxyCommand=x/y", "ssh://me@-oProxyCommand=x/y", "-oProxyCommand=x:y", "me@-oProxyCommand=x:y", "https://x\n/y", "a\x00b"} {
		require.NotEmpty(t, Repo{URL: url, Path: "data/x"}.Problem(), url)
	}
	for _, path := range []string{"", ".", "..", "../x", "/etc/passwd", "a/../..", "a\nb"} {
		require.NotEmpty(t, Repo{URL: "../x", Path: path}.Problem(), path)
	}
	require.NotEmpty(t, Repo{URL: "../x", Path: "y", Rev: "--output=z"}.Problem())
	require.True(t, Repo{URL: "../x"}.Folder())
	require.False(t, Repo{URL: "git@example.org:me/x.git"}.Folder())
	require.Equal(t, "https://example.org/x", Repo{URL: "https://me:secret@example.org/x"}.Redacted())
}

func TestParse_repo(t *testing.T) {
	pipeline, err := Parse(File, []byte("data:\n  - {path: x, repo: {url: ../there, path: ./a/../b, rev: v1}}\n"), nil)
	require.NoError(t, err)
	require.Equal(t, &Repo{URL: "../there", Path: "b", Rev: "v1"}, pipeline.Sources()[0].Repo)
	for text, want := range map[string]string{
		"{path: x, repo: ../there}":                              "repo must be a mapping",
		"{path: x, repo: {url: ../there}}":                       "path must be one in it",
		"{path: x, repo: {url: 'ext::id', path: y}}":             "a program for git to run",
		"{path: x, repo: {url: ../t, path: y, commit: z}}":       `unknown key "commit"`,
		"{path: x, url: 'https://x/y', repo: {url: a, path: y}}": "both a url and a repo",
	} {
		_, err := Parse(File, []byte("data:\n  - "+text+"\n"), nil)
		require.ErrorContains(t, err, want)
	}
}
