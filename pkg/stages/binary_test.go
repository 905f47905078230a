package stages

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/document"
)

// TestBinary_leavesNothingOut: only exported fields are written, so a field that is not
// must be one that binary sees to.
func TestBinary_leavesNothingOut(t *testing.T) {
	seenTo := []string{"Pipeline.byName", "Pipeline.sets", "Pipeline.owners", "Pipeline.graph", "Set.places", "Set.file"}
	seen := map[reflect.Type]bool{reflect.TypeFor[document.Node](): true} // refused where there is one
	var walk func(at reflect.Type)
	walk = func(at reflect.Type) {
		switch at.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			walk(at.Elem())
		case reflect.Struct:
			if seen[at] {
				return
			}
			seen[at] = true
			for i := range at.NumField() {
				field := at.Field(i)
				if !field.IsExported() {
					require.True(t, slices.Contains(seenTo, at.Name()+"."+field.Name), "%s.%s would be lost", at.Name(), field.Name)
					continue
				}
				walk(field.Type)
			}
		}
	}
	walk(reflect.TypeFor[binary]())
	require.Greater(t, len(seen), 15)
}

// FuzzUnmarshalBinary: any bytes are an error or a pipeline.
func FuzzUnmarshalBinary(f *testing.F) {
	pipeline, err := Parse(File, []byte("pipelines: {p: [a]}\nstages:\n  a: {cmd: x, deps: [d], outs: [o]}\n  b: {cmd: y, deps: [o]}\n"), nil)
	require.NoError(f, err)
	data, err := pipeline.MarshalBinary()
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		read := &Pipeline{}
		if read.UnmarshalBinary(data) != nil {
			return
		}
		_, err := read.Graph()
		require.NoError(t, err)
		read.OwnerOf(".")
	})
}
