package stages

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// The resources that flow knows without being told how much there is.
const (
	CPU    = "cpu"    // cores
	Memory = "memory" // bytes
	GPU    = "gpu"    // devices
)

// Resource is how much of something a stage has for itself while it runs.
type Resource struct {
	Name   string
	Amount int64
	Pos    diag.Pos
}

// Effort is what a stage may take of time and machine. None of it decides what the
// stage makes, so it is no part of what is recorded.
type Effort struct {
	Timeout   time.Duration // of one attempt; 0: none
	Retries   int           // how many more attempts a failure gets
	Backoff   time.Duration // before the first retry; doubled before each further one
	Resources []Resource    // sorted by name
}

const (
	defaultBackoff = time.Second
	maxRetries     = 1000
)

// effortFields are the keys of a stage that say what it may take.
func (l *loader) effortFields(effort *Effort, known map[string]field) map[string]field {
	known["timeout"] = func(n *document.Node) { effort.Timeout = l.duration(n, "timeout") }
	known["retries"] = func(n *document.Node) { l.retries(n, effort) }
	known["resources"] = func(n *document.Node) { effort.Resources = l.resources(n) }
	return known
}

// retries decodes a number, or {times, wait}.
func (l *loader) retries(node *document.Node, effort *Effort) {
	effort.Backoff = defaultBackoff
	times := node
	if node.Kind == document.Map {
		times = nil
		l.fields(node, "retries", map[string]field{
			"times": func(n *document.Node) { times = n },
			"wait":  func(n *document.Node) { effort.Backoff = l.duration(n, "wait") },
		})
		if times == nil {
			l.fail(node, "add times: and how often", "retries has no times")
			return
		}
	}
	number, err := strconv.Atoi(times.Text)
	if times.Kind != document.Int || err != nil || number < 0 || number > maxRetries {
		l.fail(times, "for instance 2, or {times: 2, wait: 10s}", "retries must be a whole number up to %d", maxRetries)
		return
	}
	effort.Retries = number
}

func (l *loader) duration(node *document.Node, what string) time.Duration {
	d, err := ParseDuration(l.text(node, what))
	if isScalar(node) && (err != nil || d <= 0) {
		l.fail(node, "write a number with its unit: 90s, 10m, 2h, 1h30m, 1d", "%s must be a time, not %q", what, node.Text)
		return 0
	}
	return d
}

// ParseDuration reads a time as people write it: 90s, 10m, 1h30m, and days, 2d.
func ParseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return time.ParseDuration(text)
	}
	whole, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is no time", text)
	}
	more := time.Duration(0)
	if rest != "" {
		if more, err = time.ParseDuration(rest); err != nil || more < 0 {
			return 0, fmt.Errorf("%q is no time", text)
		}
	}
	return time.Duration(whole)*24*time.Hour + more, nil
}

// resources decodes a mapping of names to amounts.
func (l *loader) resources(node *document.Node) []Resource {
	if node.Kind == document.Null {
		return nil
	}
	if node.Kind != document.Map {
		l.fail(node, "for instance {cpu: 2, memory: 4GiB, gpu: 1}", "resources must be a mapping, not %s", kindName(node))
		return nil
	}
	var found []Resource
	for _, entry := range node.Entries {
		name := entry.Key.Text
		if problem := ResourceProblem(name); problem != "" {
			l.fail(entry.Key, "letters, digits, - and _ are safe", "the resource %q %s", name, problem)
			continue
		}
		amount, err := ParseAmount(name, l.text(entry.Value, "the amount of "+name))
		if err != nil && isScalar(entry.Value) {
			l.fail(entry.Value, amountHint(name), "%v", err)
			continue
		}
		found = append(found, Resource{Name: name, Amount: amount, Pos: entry.Value.Pos})
	}
	slices.SortFunc(found, func(a, b Resource) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// ResourceProblem says why a text can't be the name of a resource; "" when it can.
func ResourceProblem(name string) string {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		default:
			return fmt.Sprintf("has the character %q", r)
		}
	}
	if name == "" {
		return "is empty"
	}
	return ""
}

func amountHint(name string) string {
	if name == Memory {
		return "write bytes with a unit: 512MB, 4GiB"
	}
	return "write a whole number"
}

// ParseAmount reads how much of a resource there is or is wanted: a whole number; of
// memory, bytes with a unit.
func ParseAmount(name, text string) (int64, error) {
	number, scale := text, int64(1)
	if name == Memory {
		number, scale = cutUnit(text)
	}
	amount, err := strconv.ParseInt(number, 10, 64)
	if err != nil || amount < 0 || amount > math.MaxInt64/scale {
		return 0, fmt.Errorf("%q is no amount of %s", text, name)
	}
	return amount * scale, nil
}

// units are those of bytes, each before the ones that it ends in.
var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func cutUnit(text string) (number string, scale int64) {
	for _, unit := range units {
		if number, found := strings.CutSuffix(text, unit.name); found {
			return strings.TrimSpace(number), unit.bytes
		}
	}
	return text, 1
}
