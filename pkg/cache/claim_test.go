package cache

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

func TestClaim_growsAndIsReplaced(t *testing.T) {
	root, err := disk.OpenRoot(t.TempDir())
	require.NoError(t, err)
	c, err := Open(root, Options{})
	require.NoError(t, err)
	one := digest.Content{ID: digest.Sum([]byte("1")), Mode: digest.File}
	two := digest.Content{ID: digest.Sum([]byte("2")), Mode: digest.Dir}
	claims, err := c.Claims()
	require.NoError(t, err)
	require.Empty(t, claims)
	mine := Claim{Host: "h", Path: "/a\nb"}
	mine.Needs = []digest.Content{one}
	require.NoError(t, c.Claim(mine, true))
	mine.Needs = []digest.Content{two}
	require.NoError(t, c.Claim(mine, true))
	claims, err = c.Claims()
	require.NoError(t, err)
	require.Len(t, claims, 1)
	require.ElementsMatch(t, []digest.Content{one, two}, claims[0].Needs)
	require.NoError(t, c.Claim(mine, false))
	claims, err = c.Claims()
	require.NoError(t, err)
	require.Equal(t, []digest.Content{two}, claims[0].Needs)

	// A damaged one stops who asks: what it needed is not known.
	name := filepath.Join(root.Dir(), mine.name())
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, text[:len(text)-9], 0o644))
	_, err = c.Claims()
	require.ErrorContains(t, err, "is damaged")
	require.NoError(t, c.Disclaim(mine))
	claims, err = c.Claims()
	require.NoError(t, err)
	require.Empty(t, claims)
}
