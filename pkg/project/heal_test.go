package project

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

// TestHeal_fromTheWorkspace: what files still hold comes back, by itself and inside a
// directory, whatever else of the directory has changed; what none holds doesn't.
func TestHeal_fromTheWorkspace(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		full := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(text), 0o755))
	}
	write("pipeline.yaml", "data: [a, d, gone]\n")
	write("a", "alone")
	write("gone", "gone")
	write("d/x", "in a folder")
	write("d/y", "will change")
	ctx := context.Background()
	p, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, p.Prepare())
	for _, name := range []string{"a", "d", "gone"} {
		content, err := p.SaveSource(ctx, name, false)
		require.NoError(t, err)
		require.NoError(t, p.RecordSource(ctx, name, content))
	}
	lacking := map[digest.ID]bool{}
	for _, text := range []string{"alone", "in a folder", "will change", "gone"} {
		id := digest.Sum([]byte(text))
		lacking[id] = true
		require.NoError(t, p.Cache.Objects().Delete(ctx, id))
	}
	write("d/y", "changed")
	require.NoError(t, os.Remove(filepath.Join(dir, "gone")))
	e, err := p.Engine()
	require.NoError(t, err)
	healed, err := p.Heal(ctx, e, lacking)
	require.NoError(t, err)
	require.Equal(t, 2, healed)
	for text, want := range map[string]bool{"alone": true, "in a folder": true, "will change": false, "gone": false} {
		has, err := p.Cache.Objects().Has(ctx, digest.Sum([]byte(text)))
		require.NoError(t, err)
		require.Equal(t, want, has, text)
	}
}
