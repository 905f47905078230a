package stages

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/document"
)

// yamlToJSON writes a YAML text as JSON, for tests that hold it against the schema.
func yamlToJSON(t *testing.T, text string) []byte {
	t.Helper()
	doc, err := document.Parse("pipeline.yaml", []byte(text))
	require.NoError(t, err)
	var b bytes.Buffer
	writeJSON(t, &b, doc.Root)
	return b.Bytes()
}

func writeJSON(t *testing.T, b *bytes.Buffer, n *document.Node) {
	switch {
	case n == nil || n.Kind == document.Null:
		b.WriteString("null")
	case n.Kind == document.Map:
		b.WriteByte('{')
		for i, entry := range n.Entries {
			if i > 0 {
				b.WriteByte(',')
			}
			key, err := json.Marshal(entry.Key.Text)
			require.NoError(t, err)
			b.Write(key)
			b.WriteByte(':')
			writeJSON(t, b, entry.Value)
		}
		b.WriteByte('}')
	case n.Kind == document.List:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(t, b, item)
		}
		b.WriteByte(']')
	case n.Kind == document.String:
		text, err := json.Marshal(n.Text)
		require.NoError(t, err)
		b.Write(text)
	case n.Kind == document.Bool:
		b.WriteString(strings.ToLower(n.Text))
	case json.Valid([]byte(scalarText(n))):
		b.WriteString(scalarText(n))
	default:
		b.WriteByte('0') // NaN and the infinities
	}
}
