package values_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/values"
)

const nested = `{"train": {"lr": 0.1, "layers": [{"n": 3}, {"n": 4}]}, "a.b": 1, "a": {"b": 2, "c": {}}, "x.y": {"z": 5}, "": 6}`

func TestTree_at(t *testing.T) {
	tree := load(t, "p.json", nested)
	for key, want := range map[string]string{
		"train.lr": "0.1", "train.layers.1.n": "4", "train.layers.0": `{"n":3}`, "a.b": "1", `"a"."b"`: "2", `a."b"`: "2", "a.c": "{}",
		"x.y.z": "5", `"x.y".z`: "5", "x.y": `{"z":5}`, `""`: "6", "train": `{"lr":0.1,"layers":[{"n":3},{"n":4}]}`,
	} {
		at, found := tree.At(key)
		require.True(t, found, key)
		require.Equal(t, want, string(at.JSON()), key)
	}
	for _, key := range []string{"train.lr.x", "train.layers.2", "train.layers.-1", "train.layers.01", "train.layers.", "lr", ".", "a..b", `"a`, `"a"b`, "train.*",
		strings.Repeat(".", 10<<20)} {
		_, found := tree.At(key)
		require.False(t, found, "%.20q", key)
	}
	whole, found := tree.At("")
	require.True(t, found)
	require.Equal(t, tree, whole)
}

func TestTree_flatten(t *testing.T) {
	tree := load(t, "p.json", nested)
	require.Equal(t, []string{
		"train.lr=0.1", `train.layers=[{"n":3},{"n":4}]`, "a.b=1", `"a"."b"=2`, "a.c={}", "x.y.z=5", `""=6`,
	}, lines(tree.Flatten()))
	train, _ := tree.At("train")
	require.Equal(t, []string{"lr=0.1", `layers=[{"n":3},{"n":4}]`}, lines(train.Flatten()))
	lr, _ := tree.At("train.lr")
	require.Equal(t, []string{"=0.1"}, lines(lr.Flatten()))
	empty, _ := tree.At("a.c")
	require.Equal(t, []string{"={}"}, lines(empty.Flatten()))
}

func TestTree_emptyFilesHaveNoLeaves(t *testing.T) {
	for file, text := range map[string]string{
		"p.yaml": "# nothing\n", "q.yaml": "", "r.yaml": "{}", "p.json": " {} ", "p.toml": "# nothing", "p.py": "import os\n", "bom.toml": "\ufeff",
	} {
		tree := load(t, file, text)
		require.Empty(t, tree.Flatten(), file)
		require.Equal(t, "{}", string(tree.JSON()))
		_, found := tree.At("x")
		require.False(t, found)
	}
}

func TestTree_leavesKnowTheirPlace(t *testing.T) {
	for file, text := range map[string]string{
		"p.json": "{\r\n  \"é\": {\"lr\": 0.1}}",
		"p.toml": "\r\n'é' = {lr=0.1}",
		"p.yaml": "\r\né:   {lr: 0.1}",
		"p.py":   "\r\nclass é: lr  = 0.1",
	} {
		leaves := load(t, file, text).Flatten()
		require.Len(t, leaves, 1, file)
		pos := leaves[0].Pos
		require.Equal(t, file, pos.File)
		line := []rune(strings.Split(text, "\n")[pos.Line-1])
		require.True(t, strings.HasPrefix(string(line[pos.Col-1:]), "0.1"), "%v", pos)
	}
}

func TestTree_jsonKeepsTheOrder(t *testing.T) {
	tree := load(t, "m.json", `{"z": 1.50, "a": {"y": NaN, "b": [Infinity, "<&>"]}, "m": null}`)
	require.Equal(t, `{"z":1.5,"a":{"y":"NaN","b":["Infinity","<&>"]},"m":null}`, string(tree.JSON()))
	marshalled, err := json.Marshal(map[string]any{"data": tree})
	require.NoError(t, err)
	require.True(t, json.Valid(marshalled))
	require.Equal(t, `[3,1,2]`, string(load(t, "m.json", "[3,1,2]").JSON()))
}

func TestTree_everyKeyLeadsToItsLeaf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := load(t, "p.json", `{"k":`+anyValue(4).Draw(t, "value")+"}")
		seen := map[string]bool{}
		for _, leaf := range tree.Flatten() {
			require.False(t, seen[leaf.Key], "%q twice in %s", leaf.Key, tree.JSON())
			seen[leaf.Key] = true
			at, found := tree.At(leaf.Key)
			require.True(t, found, "%q in %s", leaf.Key, tree.JSON())
			require.Equal(t, []values.Leaf{{Value: leaf.Value, Pos: leaf.Pos}}, at.Flatten(), "%q in %s", leaf.Key, tree.JSON())
		}
		require.True(t, json.Valid(tree.JSON()))
	})
}

func TestTree_manyKeys(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("{")
	for i := range 50_000 {
		text.WriteString(jsonText(strings.Repeat("k", i%7)+string(rune('a'+i%26))+jsonText(string(rune(0x4e00+i%20000)))) + `: {"v": 1},`)
	}
	text.WriteString(`"last": {"v": 2}}`)
	tree := load(t, "p.json", text.String())
	at, found := tree.At("last.v")
	require.True(t, found)
	require.Equal(t, "2", string(at.JSON()))
}
