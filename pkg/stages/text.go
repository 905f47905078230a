package stages

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"flow/pkg/document"
)

// maxRadixDigits bounds numbers that are not decimal, as turning them into decimals
// takes more than linear time.
const maxRadixDigits = 4096

// scalarText is what a scalar is as a part of a text: numbers as Python writes them,
// so that 1e-4 is 0.0001, 1.0 is 1.0 and 0777 is 777; booleans are true and false.
func scalarText(n *document.Node) string {
	switch n.Kind {
	case document.Null:
		return "null"
	case document.Bool:
		return strings.ToLower(n.Text)
	case document.Int:
		return intText(n.Text)
	case document.Float:
		return floatText(n.Text)
	}
	return n.Text
}

func intText(text string) string {
	sign, digits := "", strings.TrimPrefix(text, "+")
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "-", rest
	}
	if len(digits) > 2 && digits[0] == '0' && strings.ContainsRune("xXoObB", rune(digits[1])) && len(digits) <= maxRadixDigits {
		if number, ok := new(big.Int).SetString(digits, 0); ok {
			digits = number.String()
		}
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return "0"
	}
	return sign + digits
}

// floatText is Python's str of a float.
func floatText(text string) string {
	bare := strings.ToLower(strings.TrimPrefix(text, "+"))
	switch bare {
	case ".nan":
		bare = "nan"
	case ".inf", "-.inf":
		bare = strings.Replace(bare, ".", "", 1)
	}
	x, _ := strconv.ParseFloat(bare, 64)
	switch {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 0):
		return strings.TrimPrefix(strings.ToLower(fmt.Sprintf("%g", x)), "+")
	case x == 0 || math.Abs(x) >= 1e-4 && math.Abs(x) < 1e16:
		fixed := strconv.FormatFloat(x, 'f', -1, 64)
		if !strings.Contains(fixed, ".") {
			fixed += ".0"
		}
		return fixed
	}
	return strconv.FormatFloat(x, 'e', -1, 64)
}

// itemText is a scalar of a list among flags: there Python's str of booleans shows.
func itemText(n *document.Node) string {
	switch {
	case n.Kind == document.String:
		return shellQuote(n.Text)
	case n.Kind == document.Bool:
		return pythonBool(n)
	}
	return scalarText(n)
}

func pythonBool(n *document.Node) string {
	if value, _ := n.Bool(); value {
		return "True"
	}
	return "False"
}

// shellQuote quotes a text for a shell, unless no shell takes any of it for special.
func shellQuote(text string) string {
	special := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r))
	}
	if text != "" && !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'"'"'`) + "'"
}

// flags writes a mapping as options of a command: {lr: 0.1, v: true, n: [1, 2]} is
// --lr 0.1 --v --n 1 2; what is false is left out, what is nested has dotted names.
func flags(node *document.Node, style FlagStyle) (text, problem string) {
	f := &flagWriter{style: style, seen: map[string]bool{}}
	f.walk(node, "")
	return strings.Join(f.words, " "), f.problem
}

type flagWriter struct {
	style   FlagStyle
	words   []string
	seen    map[string]bool
	problem string
}

func (f *flagWriter) walk(node *document.Node, prefix string) {
	for _, entry := range node.Entries {
		name := prefix + scalarText(entry.Key)
		if entry.Value.Kind == document.Map {
			f.walk(entry.Value, name+".")
			continue
		}
		if f.seen[name] {
			f.problem = fmt.Sprintf("has two values for the option --%s", name)
		}
		f.seen[name] = true
		f.option(name, entry.Value)
	}
}

func (f *flagWriter) option(name string, value *document.Node) {
	flag := "--" + name
	switch value.Kind {
	case document.Null:
		f.problem = fmt.Sprintf("has no value for the option %s", flag)
	case document.Bool:
		switch on, _ := value.Bool(); {
		case on:
			f.words = append(f.words, flag)
		case f.style.Negate:
			f.words = append(f.words, "--no-"+name)
		}
	case document.String:
		f.words = append(f.words, flag, shellQuote(value.Text))
	case document.List:
		f.items(flag, value.Items)
	default:
		f.words = append(f.words, flag, scalarText(value))
	}
}

func (f *flagWriter) items(flag string, items []*document.Node) {
	for i, item := range items {
		if !isScalar(item) {
			f.problem = fmt.Sprintf("has %s inside the list for the option %s", kindName(item), flag)
			return
		}
		if i == 0 || f.style.Repeat {
			f.words = append(f.words, flag)
		}
		f.words = append(f.words, itemText(item))
	}
}
