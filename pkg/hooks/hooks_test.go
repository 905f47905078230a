package hooks

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/disk"
)

// TestSite_leavesNoTrace: adding any number of times and removing gives the folder back
// as it was, other projects' blocks included.
func TestSite_leavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	theirs := map[string]string{
		"post-checkout": "#!/usr/bin/env bash\nset -e\necho mine \"$@\"\nexit 0\n",
		"pre-push":      "#!/bin/sh\nmine",
		"post-merge":    "#!/usr/bin/python3\nprint('x')\n",
	}
	for name, text := range theirs {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o750))
	}
	one, two := Site{root, ".", "flow"}, Site{root, "a b'c", "/opt/my flow"}
	for range 2 {
		for _, site := range []Site{one, two} {
			_, err := site.Add()
			require.NoError(t, err)
		}
	}
	again, err := two.Add()
	require.NoError(t, err)
	for _, outcome := range again {
		require.False(t, outcome.Done, outcome.Hook)
	}
	require.True(t, one.Used())
	_, err = one.Remove()
	require.NoError(t, err)
	require.True(t, one.Used(), "the other project's blocks stay")
	_, err = two.Remove()
	require.NoError(t, err)
	require.False(t, one.Used())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, len(theirs))
	for name, text := range theirs {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
}
