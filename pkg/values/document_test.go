package values

import (
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/document"
)

// TestTree_Node: the values of every format are those of a document, at their places.
func TestTree_Node(t *testing.T) {
	for file, text := range map[string]string{
		"a.json": "{\n  \"a\": {\"b\": [1, 2.5, \"x\"]},\n  \"c\": true}",
		"a.toml": "a.b = [1, 2.5, \"x\"]\nc = true\n",
		"a.py":   "a = {'b': [1, 2.5, 'x']}\nc = True\n",
		"a.yaml": "a:\n  b: [1, 2.5, x]\nc: true\n",
	} {
		tree, err := Load(file, []byte(text))
		require.NoError(t, err, file)
		node := tree.Node()
		require.Equal(t, []string{"a", "c"}, node.Keys(), file)
		items := node.Get("a").Get("b").Items
		require.Equal(t, document.Int, items[0].Kind, file)
		require.Equal(t, document.Float, items[1].Kind, file)
		require.Equal(t, document.String, items[2].Kind, file)
		require.Equal(t, file, items[2].Pos.File)
		require.Positive(t, items[2].Pos.Col, file)
		on, ok := node.Get("c").Bool()
		require.True(t, on && ok, file)
	}
	empty, err := Load("a.yaml", nil)
	require.NoError(t, err)
	require.Nil(t, empty.Node())
}
