package stages

import (
	"math"
	"strconv"
	"strings"

	"flow/pkg/document"
)

// Tolerance is how much worse than before a metric may be without being called worse.
type Tolerance struct {
	Amount float64 // never negative
	Share  bool    // the amount is a share of the old value: 0.01 is one percent
}

// Allows reports whether a change from an old value is within the tolerance.
func (t Tolerance) Allows(old, change float64) bool {
	amount := t.Amount
	if t.Share {
		amount *= math.Abs(old)
	}
	return math.Abs(change) <= amount
}

// tolerance decodes an amount or a percentage, for the whole file or by key.
func (l *loader) tolerance(node *document.Node) map[string]Tolerance {
	tolerances := map[string]Tolerance{}
	read := func(key string, n *document.Node) {
		text := l.text(n, "tolerance")
		number, share := strings.CutSuffix(strings.TrimSpace(text), "%")
		amount, err := strconv.ParseFloat(number, 64)
		if err != nil || !(amount >= 0) || math.IsInf(amount, 0) {
			l.fail(n, `write a number, as 0.01, or a share of the old value, as "1%"`, "%q is no tolerance", text)
		}
		if share {
			amount /= 100
		}
		tolerances[key] = Tolerance{Amount: amount, Share: share}
	}
	if node.Kind != document.Map {
		read("", node)
		return tolerances
	}
	for _, entry := range node.Entries {
		read(entry.Key.Text, entry.Value)
	}
	return tolerances
}
