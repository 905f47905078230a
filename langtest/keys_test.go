package langtest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"flow/pkg/document"
	"flow/pkg/stages"
)

// TestCorpus_everyKey: between them, the pipelines that flow takes use every key that the
// schema knows, in every place where it is one.
func TestCorpus_everyKey(t *testing.T) {
	var root map[string]any
	require.NoError(t, json.Unmarshal([]byte(stages.Schema()), &root))
	w := &keyWalker{root: root, unused: map[string]bool{}}
	w.collect(root, "")
	require.Greater(t, len(w.unused), 80)
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		expected, _, _ := strings.Cut(string(text), ":")
		if expected == "# neither" || expected == "# dvc" {
			continue
		}
		doc, err := document.Parse(file, txtar.Parse(text).Comment)
		require.NoError(t, err)
		w.walk(root, "", doc.Root)
	}
	require.Empty(t, slices.Sorted(maps.Keys(w.unused)), "no pipeline of the corpus has these keys")
}

// keyWalker goes through a schema and a value side by side.
type keyWalker struct {
	root   map[string]any
	unused map[string]bool // properties, by where the schema says them
}

// collect finds all properties of a schema.
func (w *keyWalker) collect(schema any, at string) {
	switch node := schema.(type) {
	case map[string]any:
		if properties, ok := node["properties"].(map[string]any); ok {
			for key := range properties {
				w.unused[at+"/properties/"+key] = true
			}
		}
		for key, inner := range node {
			w.collect(inner, at+"/"+key)
		}
	case []any:
		for i, inner := range node {
			w.collect(inner, at+"/"+string(rune('0'+i)))
		}
	}
}

// walk marks the properties that a value has.
func (w *keyWalker) walk(schema any, at string, value *document.Node) {
	node, ok := schema.(map[string]any)
	if !ok || value == nil {
		return
	}
	if ref, ok := node["$ref"].(string); ok {
		at = strings.TrimPrefix(ref, "#")
		_, name, _ := strings.Cut(strings.TrimPrefix(at, "/"), "/")
		definitions, _ := w.root["definitions"].(map[string]any)
		node, _ = definitions[name].(map[string]any)
	}
	branches, _ := node["anyOf"].([]any)
	for i, branch := range branches {
		w.walk(branch, at+"/anyOf/"+string(rune('0'+i)), value)
	}
	for _, item := range value.Items {
		w.walk(node["items"], at+"/items", item)
	}
	properties, _ := node["properties"].(map[string]any)
	closed := node["additionalProperties"] == false
	for _, key := range value.Keys() {
		if closed && properties[key] == nil {
			return // another branch
		}
	}
	for _, entry := range value.Entries {
		if property, found := properties[entry.Key.Text]; found {
			delete(w.unused, at+"/properties/"+entry.Key.Text)
			w.walk(property, at+"/properties/"+entry.Key.Text, entry.Value)
			continue
		}
		w.walk(node["additionalProperties"], at+"/additionalProperties", entry.Value)
	}
}
