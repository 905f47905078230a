package values

import (
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

func loadYAML(file string, text []byte) (*Tree, error) {
	doc, err := document.Parse(file, text)
	if err != nil {
		return nil, err
	}
	if doc.Root == nil {
		return newTree(file, nil), nil
	}
	root, problem := fromDocument(doc.Root)
	if problem != nil {
		return nil, problem
	}
	return newTree(file, root), nil
}

// fromDocument turns what document read into a node, its scalars into canonical ones.
func fromDocument(from *document.Node) (*node, *diag.Error) {
	to := &node{kind: from.Kind, line: from.Pos.Line, col: from.Pos.Col}
	switch from.Kind {
	case document.Map:
		for _, entry := range from.Entries {
			kid, problem := fromDocument(entry.Value)
			if problem != nil {
				return nil, problem
			}
			to.put(entry.Key.Text, kid)
		}
	case document.List:
		for _, item := range from.Items {
			kid, problem := fromDocument(item)
			if problem != nil {
				return nil, problem
			}
			to.kids = append(to.kids, kid)
		}
	default:
		value, ok := yamlScalar(from)
		if !ok {
			return nil, from.Errorf("an integer of more than %d digits", maxRadixDigits)
		}
		to.kind, to.text = value.Kind, value.Text
	}
	return to, nil
}

// yamlScalar reads the text of a scalar by the kind it has: 0777 is 777, 0o17 is 15.
func yamlScalar(from *document.Node) (Value, bool) {
	switch from.Kind {
	case document.Null:
		return Value{document.Null, "null"}, true
	case document.Bool:
		return Value{document.Bool, strings.ToLower(from.Text)}, true
	case document.Int:
		return parseInt(from.Text)
	case document.Float:
		switch text := strings.ToLower(strings.TrimPrefix(from.Text, "+")); text {
		case ".nan":
			return Value{document.Float, "NaN"}, true
		case ".inf":
			return Value{document.Float, "Infinity"}, true
		case "-.inf":
			return Value{document.Float, "-Infinity"}, true
		default:
			return parseFloat(text), true
		}
	}
	return Value{document.String, from.Text}, true
}
