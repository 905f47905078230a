// Package report tells of a pipeline and of its runs in pages that are whole in one file.
package report

import (
	"fmt"
	"strings"
	"time"

	"flow/pkg/chart"
	"flow/pkg/dag"
	"flow/pkg/event"
	"flow/pkg/page"
	"flow/pkg/picture"
	"flow/pkg/ui"
)

// Graph is the pipeline's graph with what is known of each node.
type Graph struct {
	Title string
	Graph *dag.Graph
	Nodes map[string]Node // by the graph's names
}

// Node is a stage, or a path between stages, in a graph.
type Node struct {
	Title   string
	State   State
	Reasons []string      // why it is not up to date
	Took    time.Duration // what it took lately; 0 when nobody knows
	Desc    string
	Cmd     string
	Deps    []string
	Outs    []string
}

// State is how a node stands: as a plan says, or Running or event.Failed; "" is not known.
type State = event.Status

// Running is the state of a stage that somebody is at.
const Running State = "running"

// look is how a state is shown: by a colour, and by a sign, a word and a border as well.
type look struct {
	state State
	role  picture.Role
	sign  string
	word  string
	dash  []float64
	bold  bool
}

// looks is the states in the order in which a legend lists them.
var looks = [...]look{
	{event.Fresh, picture.Fresh, "✓", "up to date", nil, false},
	{event.WouldRun, picture.Stale, "●", "will run", nil, true},
	{event.MayRun, picture.May, "○", "may run", []float64{4, 3}, false},
	{event.WouldGet, picture.Get, "↺", "will be restored", nil, false},
	{event.WouldSave, picture.Get, "⤓", "will be saved", nil, false},
	{Running, picture.Active, "▶", "running", []float64{8, 3}, true},
	{event.Failed, picture.Failed, "✗", "failed", nil, true},
	{event.Updated, picture.Get, "+", "will be recorded", nil, false},
	{event.Missing, picture.Failed, "?", "missing", []float64{2, 2}, true},
}

func lookOf(state State) (look, bool) {
	for _, l := range looks {
		if l.state == state {
			return l, true
		}
	}
	return look{}, false
}

// Picture draws the graph.
func (g *Graph) Picture() *picture.Picture {
	drawn := chart.Graph{Title: g.Title, Layout: g.Graph.Layout(g.label), Node: func(name string) chart.Node {
		node := g.Nodes[name]
		l, _ := lookOf(node.State)
		return chart.Node{Role: l.role, Dash: l.dash, Bold: l.bold, Tip: node.tip()}
	}}
	return drawn.Picture()
}

// label is the title, and below it the state and what the node costs.
func (g *Graph) label(name string) string {
	node := g.Nodes[name]
	var facts []string
	if l, known := lookOf(node.State); known {
		facts = append(facts, l.sign+" "+l.word)
	}
	if node.Took > 0 {
		facts = append(facts, ui.Duration(node.Took))
	}
	if len(facts) == 0 {
		return node.Title
	}
	return node.Title + "\n" + strings.Join(facts, " · ")
}

// tip is what is shown while a pointer rests on the node.
func (n Node) tip() string {
	lines := []string{n.Title}
	if n.Desc != "" {
		lines = append(lines, n.Desc)
	}
	lines = append(lines, n.Reasons...)
	if n.Cmd != "" {
		lines = append(lines, "$ "+strings.TrimSpace(n.Cmd))
	}
	if len(n.Deps) > 0 {
		lines = append(lines, "reads "+strings.Join(n.Deps, ", "))
	}
	if len(n.Outs) > 0 {
		lines = append(lines, "writes "+strings.Join(n.Outs, ", "))
	}
	return strings.Join(lines, "\n")
}

// Page returns a page with the graph and a table of its nodes.
func (g *Graph) Page() string {
	return page.Document(g.Title, page.Element("h1", nil, page.Text(g.Title)), g.Section())
}

// Section is the graph with a table of its nodes, as a part of a page.
func (g *Graph) Section() page.Node {
	tools := page.Class("div", "tools",
		page.Element("button", []string{"type", "button", "data-zoom", "0.8", "aria-label", "smaller"}, page.Text("−")),
		page.Element("button", []string{"type", "button", "data-zoom", "1.25", "aria-label", "larger"}, page.Text("+")),
		page.Element("button", []string{"type", "button", "data-zoom", "fit"}, page.Text("fit")),
		page.Element("input", []string{"type", "search", "placeholder", "find a stage", "aria-label", "find a stage"}),
		page.Element("span", []string{"class", "faint"}, page.Text("click a stage to see what it depends on")))
	return page.Class("section", "graph", g.legend(), tools, page.Class("div", "scroll sheet", page.Whole(g.Picture())), g.table())
}

// legend counts the nodes of each state.
func (g *Graph) legend() page.Node {
	counts := map[State]int{}
	for _, name := range g.Graph.Names() {
		counts[g.Nodes[name].State]++
	}
	var chips []page.Node
	for _, l := range looks {
		if counts[l.state] > 0 {
			chips = append(chips, page.Element("span", []string{"class", "chip", "style", "background:var(--" + string(l.role) + ")"},
				page.Text(fmt.Sprintf("%s %d %s", l.sign, counts[l.state], l.word))))
		}
	}
	return page.Class("p", "chips", chips...)
}

func (g *Graph) table() page.Node {
	var rows [][]string
	for _, name := range g.Graph.Names() {
		node := g.Nodes[name]
		l, _ := lookOf(node.State)
		took := ""
		if node.Took > 0 {
			took = ui.Duration(node.Took)
		}
		rows = append(rows, []string{node.Title, strings.TrimSpace(l.sign + " " + l.word), took, strings.Join(node.Reasons, "; "), strings.Join(node.Outs, ", ")})
	}
	table := page.Table([]string{"Stage", "State", "Took", "Why", "Writes"}, rows, 2)
	return page.Folded("as a table, "+ui.Count(len(rows), "row"), table)
}

// Mermaid returns the graph in Mermaid's language, which GitHub and GitLab draw.
func (g *Graph) Mermaid() string {
	fills := map[string]string{"fresh": "#d5f0d8", "would-run": "#ffdfb0", "may-run": "#fff6d0", "would-restore": "#d3e6ff", "would-save": "#d3e6ff", "running": "#e4d9ff", "failed": "#ffd4d0"}
	return g.Graph.Mermaid(dag.Dressing{
		Label: g.label,
		Class: func(name string) string { return string(g.Nodes[name].State) },
		Fill:  func(class string) string { return fills[class] },
	})
}
