package stages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	require.NoError(t, err)
	require.NoError(t, compiler.AddResource("pipeline.json", doc))
	compiled, err := compiler.Compile("pipeline.json")
	require.NoError(t, err)
	return compiled
}

// TestSchema_takes: what the loader takes, the schema takes: every pipeline of the
// command line's scripts, of the language's corpus, of the docs and of the example.
func TestSchema_takes(t *testing.T) {
	compiled := compiledSchema(t)
	found := map[string]string{"whole": whole, "templated": templated, "empty": ""}
	addScripts(t, found)
	addCorpus(t, found)
	addDocs(t, found)
	example, err := os.ReadFile("../../pipeline.yaml")
	require.NoError(t, err)
	found["example"] = string(example)
	for name, text := range found {
		t.Run(name, func(t *testing.T) { require.NoError(t, compiled.Validate(plainJSON(t, text))) })
	}
}

// filesOf reads from an archive.
func filesOf(archive *txtar.Archive) Files {
	return func(name string) ([]byte, error) {
		for _, file := range archive.Files {
			if path.Clean(file.Name) == name {
				return file.Data, nil
			}
		}
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
}

// addScripts adds the pipelines of the command line's scripts that can be read.
func addScripts(t *testing.T, found map[string]string) {
	t.Helper()
	names, err := filepath.Glob("../../cmd/flow/testdata/script/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		require.NoError(t, err)
		for _, file := range archive.Files {
			if !strings.HasSuffix(file.Name, ".yaml") || !bytes.Contains(file.Data, []byte("stages:")) {
				continue
			}
			if _, err := Parse(path.Join(path.Dir(file.Name), File), file.Data, filesOf(archive)); err == nil {
				found[filepath.Base(name)+"/"+file.Name] = string(file.Data)
			}
		}
	}
}

// addCorpus adds the pipelines of langtest that flow takes.
func addCorpus(t *testing.T, found map[string]string) {
	t.Helper()
	names, err := filepath.Glob("../../langtest/testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		require.NoError(t, err)
		_, err = Parse(File, archive.Comment, filesOf(archive))
		expected, _, _ := strings.Cut(string(archive.Comment), ":")
		if expected != "# neither" && expected != "# dvc" {
			require.NoError(t, err, "%s", name)
		}
		if err == nil {
			found["langtest/"+filepath.Base(name)] = string(archive.Comment)
		}
	}
}

// addDocs adds the examples of the docs that have stages.
func addDocs(t *testing.T, found map[string]string) {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	fence := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for i, block := range fence.FindAllSubmatch(text, -1) {
			if bytes.Contains(block[1], []byte("stages:")) && !bytes.Contains(block[1], []byte("flow: 1")) {
				found[fmt.Sprintf("%s %d", filepath.Base(page), i)] = string(block[1])
			}
		}
	}
}

// TestSchema_refuses: these neither the schema nor the loader takes.
func TestSchema_refuses(t *testing.T) {
	compiled := compiledSchema(t)
	for _, text := range []string{
		"[]", "word", "stagez: {}", "stages: []", "stages: {a: word}", "stages: {a: {}}", "stages: {a: {cmdd: x}}", "stages: {a: {cmd: []}}", "stages: {a: {cmd: {b: c}}}",
		"stages: {a: {cmd: x, deps: y}}", "stages: {a: {cmd: x, deps: [[y]]}}", "stages: {a: {cmd: x, deps: [{path: y, cmd: z}]}}", "stages: {a: {cmd: x, deps: [{file: y}]}}",
		"stages: {a: {cmd: x, params: y}}", "stages: {a: {cmd: x, params: [{f: y}]}}", "stages: {a: {cmd: x, params: [[y]]}}",
		"stages: {a: {cmd: x, outs: y}}", "stages: {a: {cmd: x, outs: [{y: {cach: true}}]}}", "stages: {a: {cmd: x, outs: [{y: {cache: 1}}]}}", "stages: {a: {cmd: x, outs: [{y: z}]}}",
		"stages: {a: {cmd: x, outs: [{y: {x: z}}]}}", "stages: {a: {cmd: x, outs: [{y: {labels: z}}]}}", "stages: {a: {cmd: x, outs: [{y: {type: [z]}}]}}",
		"stages: {a: {cmd: x, metrics: [{y: {direction: up}}]}}", "stages: {a: {cmd: x, metrics: [{y: {x: z}}]}}",
		"stages: {a: {cmd: x, plots: [{y: {y: [z]}}]}}", "stages: {a: {cmd: x, plots: [{y: {direction: higher}}]}}", "stages: {a: {cmd: x, plots: [{y: {header: z}}]}}",
		"stages: {a: {foreach: [1], cmd: x}}", "stages: {a: {foreach: [1]}}", "stages: {a: {do: {cmd: x}}}", "stages: {a: {foreach: 1, do: {cmd: x}}}", "stages: {a: {foreach: [1], do: {cmd: x}, deps: [y]}}",
		"stages: {a: {matrix: {b: 1}, cmd: x}}", "stages: {a: {matrix: {}, cmd: x}}", "stages: {a: {matrix: [1], cmd: x}}",
		"stages: {a: {cmd: x, frozen: word}}", "stages: {a: {cmd: x, always_changed: 1}}", "stages: {a: {cmd: x, desc: [y]}}", "stages: {a: {cmd: x, wdir: [y]}}", "stages: {a: {cmd: x, env: [y]}}",
		"stages: {a: {cmd: x, env: {y: [z]}}}", "stages: {a: {cmd: x, shell: ''}}", "stages: {a: {cmd: x, vars: y}}", "stages: {a: {cmd: x, vars: [1]}}",
		"stages: {a: {cmd: x, timeout: 5}}", "stages: {a: {cmd: x, timeout: soon}}", "stages: {a: {cmd: x, retries: {wait: 5s}}}", "stages: {a: {cmd: x, retries: many}}",
		"stages: {a: {cmd: x, resources: {cpu: 1.5}}}", "stages: {a: {cmd: x, resources: {memory: 4 gigs}}}",
		"stages: {a: {cmd: x, map: [y]}}", "stages: {a: {cmd: x, map: {batch: 2}}}", "stages: {a: {cmd: x, map: {over: 'a/*', batch: 0}, outs: ['o/${map.stem}']}}",
		"vars: [1]", "vars: {a: 1}", "env: [a]", "data: x", "data: [{desc: x}]", "data: [{path: x, frozen: word}]", "params: x", "metrics: [[x]]", "plots: x", "plots: [{a: x}]", "plots: [{a: {y: []}}]", "plots: [{a: {x: [b]}}]",
		"plots: [{a: {cache: true}}]", "artifacts: [a]", "artifacts: {a: {}}", "artifacts: {a: x}", "artifacts: {a: {path: x, labels: y}}", "include: x", "include: [{as: x}]", "include: [{file: x, with: [y]}]", "pipelines: [a]", "pipelines: {a: b}",
	} {
		t.Run(text, func(t *testing.T) {
			require.Error(t, compiled.Validate(plainJSON(t, text)), "the schema")
			_, err := Parse(File, []byte(text), nil)
			require.Error(t, err, "the loader")
		})
	}
}

// TestSchema_everyKey: the schema has the keys that the loader names when it is given one
// that it does not know, and no others.
func TestSchema_everyKey(t *testing.T) {
	var root map[string]any
	require.NoError(t, json.Unmarshal([]byte(Schema()), &root))
	stageKeys := append(keysAt(t, root, "definitions/stage"), keysAt(t, root, "definitions/foreach")...)
	for text, keys := range map[string][]string{
		"? = 1":                        keysAt(t, root, ""),
		"stages: {a: {cmd: x, ? = 1}}": stageKeys,
		"stages: {a: {foreach: [1], do: {}, ? = 1}}":        keysAt(t, root, "definitions/foreach"),
		"stages: {a: {cmd: x, outs: [{o: {? = 1}}]}}":       keysAt(t, root, "definitions/outFlags"),
		"stages: {a: {cmd: x, metrics: [{o: {? = 1}}]}}":    keysAt(t, root, "definitions/metricFlags"),
		"stages: {a: {cmd: x, plots: [{o: {? = 1}}]}}":      keysAt(t, root, "definitions/plotFlags"),
		"stages: {a: {cmd: x, deps: [{? = 1}]}}":            keysAt(t, root, "definitions/stage/properties/deps/items/anyOf/1"),
		"stages: {a: {cmd: x, retries: {times: 1, ? = 1}}}": keysAt(t, root, "definitions/stage/properties/retries/anyOf/2"),
		"stages: {a: {cmd: x, map: {over: 'a/*', ? = 1}}}":  keysAt(t, root, "definitions/stage/properties/map/anyOf/1"),
		"plots: [{a: {? = 1}}]":                             keysAt(t, root, "definitions/topPlots/additionalProperties/anyOf/1"),
		"data: [{path: x, ? = 1}]":                          keysAt(t, root, "properties/data/items/anyOf/1"),
		"artifacts: {a: {path: x, ? = 1}}":                  keysAt(t, root, "properties/artifacts/additionalProperties"),
		"include: [{file: x, ? = 1}]":                       keysAt(t, root, "properties/include/items/anyOf/1"),
	} {
		t.Run(text, func(t *testing.T) {
			_, err := Parse(File, []byte(strings.ReplaceAll(text, "? = 1", "qqqqqqqqqqqqqqqqqqqq: 1")), nil)
			var told []string
			for _, problem := range diag.All(err) {
				if list, found := strings.CutPrefix(problem.Hint, "the keys are "); found {
					told = strings.Split(list, ", ")
				}
			}
			slices.Sort(keys)
			require.Equal(t, told, slices.Compact(keys))
		})
	}
}

// keysAt returns the properties of an object of the schema.
func keysAt(t *testing.T, root map[string]any, at string) []string {
	t.Helper()
	var here any = root
	for _, step := range strings.FieldsFunc(at, func(r rune) bool { return r == '/' }) {
		switch node := here.(type) {
		case map[string]any:
			here = node[step]
		case []any:
			here = node[int(step[0]-'0')]
		}
	}
	object, ok := here.(map[string]any)
	require.True(t, ok, at)
	require.Equal(t, false, object["additionalProperties"], "%s takes any key", at)
	properties, ok := object["properties"].(map[string]any)
	require.True(t, ok, at)
	var keys []string
	for key := range properties {
		keys = append(keys, key)
	}
	return keys
}

// TestSchema_keysOnce: a key that is there twice hides what the first one says.
func TestSchema_keysOnce(t *testing.T) {
	decoder := json.NewDecoder(strings.NewReader(Schema()))
	var walk func(at string)
	walk = func(at string) {
		token, err := decoder.Token()
		require.NoError(t, err)
		delim, _ := token.(json.Delim)
		seen := map[string]bool{}
		for (delim == '{' || delim == '[') && decoder.More() {
			key := "[]"
			if delim == '{' {
				name, err := decoder.Token()
				require.NoError(t, err)
				key, _ = name.(string)
				require.False(t, seen[key], "%s/%s is there twice", at, key)
				seen[key] = true
			}
			walk(at + "/" + key)
		}
		if delim == '{' || delim == '[' {
			_, err = decoder.Token()
			require.NoError(t, err)
		}
	}
	walk("")
}

// plainJSON turns YAML into what the schema's library reads.
func plainJSON(t *testing.T, text string) any {
	t.Helper()
	raw := yamlToJSON(t, text)
	var value any
	require.NoError(t, json.Unmarshal(raw, &value))
	return value
}
