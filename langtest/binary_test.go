package langtest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/stages"
)

// TestBinary_isThePipeline writes every pipeline of the corpus that can be read, and reads
// it again.
func TestBinary_isThePipeline(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	base := t.TempDir()
	read := 0
	for _, file := range files {
		write(t, base, file)
		pipeline, err := parse(t, filepath.Join(base, strings.TrimSuffix(filepath.Base(file), ".yaml")))
		if err != nil {
			continue
		}
		data, err := pipeline.MarshalBinary()
		if err != nil {
			require.NotEmpty(t, pipeline.Artifacts, "%s: %v", file, err)
			continue
		}
		read++
		again := &stages.Pipeline{}
		require.NoError(t, again.UnmarshalBinary(data), file)
		require.EqualExportedValues(t, *pipeline, *again, file)
		require.Equal(t, pipeline.Names(), again.Names(), file)
		require.EqualExportedValues(t, pipeline.Sets(), again.Sets(), file)
		for _, set := range pipeline.Sets() {
			require.Equal(t, pipeline.Named(set.Name), again.Named(set.Name), file)
		}
		graph, err := pipeline.Graph()
		require.NoError(t, err)
		graphAgain, err := again.Graph()
		require.NoError(t, err)
		require.Equal(t, graph.Order(), graphAgain.Order(), file)
		for _, name := range pipeline.Names() {
			require.Equal(t, graph.Parents(name), graphAgain.Parents(name), file)
			require.Equal(t, graph.Children(name), graphAgain.Children(name), file)
		}
	}
	require.Greater(t, read, 20)
}
