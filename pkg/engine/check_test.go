package engine_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/disk"
)

// folding is a disk that does not tell upper from lower case.
type folding struct{ disk.FS }

func (f folding) Lstat(name string) (fs.FileInfo, error) { return f.FS.Lstat(strings.ToLower(name)) }

// TestRepro_outsThatDifferInCase: where two outs are one file, nothing runs.
func TestRepro_outsThatDifferInCase(t *testing.T) {
	w := newWorld(t, map[string]string{"raw": "1\n", "pipeline.yaml": "stages:\n  a: {cmd: raw > X, outs: [X]}\n  b: {cmd: raw > x, outs: [x]}\n"})
	e := w.open()
	e.Root = disk.NewRoot(folding{disk.OS(e.Root)}, e.Root.Dir())
	err := e.Repro(context.Background(), everything, &w.log)
	require.ErrorContains(t, err, "outs X and x differ only in case")
	require.Empty(t, w.runner.ran)
	w.repro(everything, "a", "b")
	require.Contains(t, w.warnings(), "differ only in case")
}
