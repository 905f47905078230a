package report

import (
	"slices"
	"strings"
	"time"

	"flow/pkg/event"
	"flow/pkg/page"
	"flow/pkg/plots"
	"flow/pkg/runs"
	"flow/pkg/ui"
)

// Report is a pipeline at one revision, compared with another.
type Report struct {
	Project  string
	Old, New string // the revisions
	Metrics  ui.Table
	Params   ui.Table
	Figures  []*plots.Figure
	Graph    *Graph
	Run      *runs.Run // what left the new revision; nil when nobody knows
	Outs     []Out
	Notes    []string // what could not be told
}

// Out is where an out comes from.
type Out struct {
	Path    string   `json:"path"`
	Stage   string   `json:"stage"`
	Content string   `json:"content"` // a short digest, with the size
	From    []string `json:"from"`
	Run     *Maker   `json:"run,omitempty"` // nil where the history does not know
}

// Maker is the run that made an out.
type Maker struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Commit  string    `json:"commit,omitempty"`
	Dirty   bool      `json:"dirty,omitempty"` // something differed from the commit
	By      string    `json:"by,omitempty"`
}

// text names the run, when it was, of which commit, and whose.
func (m *Maker) text() string {
	if m == nil {
		return ""
	}
	words := []string{m.Name, m.Started.UTC().Format("2006-01-02 15:04 UTC")}
	if m.Commit != "" {
		at := m.Commit[:min(10, len(m.Commit))]
		if m.Dirty {
			at += " with changes"
		}
		words = append(words, at)
	}
	if m.By != "" {
		words = append(words, m.By)
	}
	return strings.Join(words, ", ")
}

// MakersOf finds the runs that made outs, in a history whose newest run is first: of an
// out with that content the newest that ran its stage, else the newest that had it from
// somewhere.
func MakersOf(history []*runs.Run) func(stage string, out runs.Out) *Maker {
	type key struct{ stage, path, id string }
	found, ran := map[key]*runs.Run{}, map[key]bool{}
	for _, run := range history {
		for i := range run.Stages {
			stage := &run.Stages[i]
			for _, out := range stage.Outs {
				at := key{stage.Name, out.Path, out.ID.Hex()}
				switch {
				case stage.Status == event.Ran && !ran[at]:
					found[at], ran[at] = run, true
				case found[at] == nil && (stage.Status == event.Restored || stage.Status == event.Updated):
					found[at] = run
				}
			}
		}
	}
	return func(stage string, out runs.Out) *Maker {
		run := found[key{stage, out.Path, out.ID.Hex()}]
		if run == nil {
			return nil
		}
		m := &Maker{ID: run.ID, Name: run.Name, Started: run.Started, By: run.Who()}
		if run.Git != nil {
			m.Commit, m.Dirty = run.Git.Commit, run.Git.Dirty
		}
		return m
	}
}

func (r *Report) title() string { return r.Project + ": " + r.New + " against " + r.Old }

// part is a section of a report, in both of its forms. One with nothing in it is left out.
type part struct {
	title string
	node  page.Node
	md    string
}

// HTML returns the report as a page.
func (r *Report) HTML() string {
	body := []page.Node{page.Element("h1", nil, page.Text(r.title()))}
	var links, sections []page.Node
	for _, p := range r.parts() {
		if p.node == nil {
			continue
		}
		id := strings.ReplaceAll(strings.ToLower(p.title), " ", "-")
		links = append(links, page.Element("a", []string{"href", "#" + id}, page.Text(p.title)))
		sections = append(sections, page.Element("section", []string{"id", id}, page.Element("h2", nil, page.Text(p.title)), p.node))
	}
	body = append(body, page.Element("nav", nil, links...))
	for _, note := range r.Notes {
		body = append(body, page.Class("p", "faint", page.Text(note)))
	}
	return page.Document(r.title(), append(body, sections...)...)
}

// longest is how long a comment may be: services refuse those of 64 KiB.
const longest = 60_000

// Markdown returns the report as a comment on a pull request. Parts that would make it too
// long for one are left out, the longest first, and that is said.
func (r *Report) Markdown() string {
	parts := slices.DeleteFunc(r.parts(), func(p part) bool { return p.md == "" })
	size := func() (sum int) {
		for _, p := range parts {
			sum += len(p.md)
		}
		return sum
	}
	for size() > longest {
		at := 0
		for i := range parts {
			if len(parts[i].md) > len(parts[at].md) {
				at = i
			}
		}
		parts[at].md = "too long for a comment; the page has it"
	}
	var b strings.Builder
	b.WriteString("# " + plain(r.title()) + "\n")
	for _, note := range r.Notes {
		b.WriteString("\n" + plain(note) + "\n")
	}
	for _, p := range parts {
		b.WriteString("\n## " + p.title + "\n\n" + strings.TrimRight(p.md, "\n") + "\n")
	}
	return b.String()
}

// plain keeps a text from being Markdown.
func plain(text string) string {
	return strings.NewReplacer("\\", "\\\\", "<", "&lt;", "*", "\\*", "_", "\\_", "`", "\\`", "|", "\\|", "[", "\\[", "\n", " ").Replace(text)
}

func (r *Report) parts() []part {
	return []part{
		valuesPart("Metrics", r.Metrics, "no metrics"),
		valuesPart("Params", r.Params, "no param differs"),
		r.runPart(),
		r.graphPart(),
		r.plotsPart(),
		r.outsPart(),
	}
}

func valuesPart(title string, table ui.Table, none string) part {
	if len(table.Rows) == 0 {
		return part{title: title, node: page.Class("p", "faint", page.Text(none)), md: none}
	}
	rows, numbers := make([][]string, len(table.Rows)), []int{}
	for i, row := range table.Rows {
		rows[i] = append([]string{}, row...)
		for j, cell := range row {
			if sign := signs[cell]; sign != "" {
				rows[i][j] = sign + " " + cell
			}
		}
	}
	for i := 2; i < len(table.Header); i++ {
		if table.Header[i] != "Verdict" {
			numbers = append(numbers, i)
		}
	}
	md := ui.Table{Header: table.Header, Rows: rows}
	return part{title: title, node: valuesNode(md, numbers), md: md.Markdown()}
}

// valuesNode is a table of values. Where all are of one file, that stands above them.
func valuesNode(table ui.Table, numbers []int) page.Node {
	file := table.Rows[0][0]
	if table.Header[0] != "Path" || slices.ContainsFunc(table.Rows, func(row []string) bool { return row[0] != file }) {
		return page.Table(table.Header, table.Rows, numbers...)
	}
	table = table.Without(0)
	for i := range numbers {
		numbers[i]--
	}
	return page.Join(page.Class("p", "faint", page.Text(file)), page.Table(table.Header, table.Rows, numbers...))
}

// signs go before the words of a verdict.
var signs = map[string]string{"better": "▲", "worse": "▼"}

func (r *Report) graphPart() part {
	if r.Graph == nil || r.Graph.Graph.Len() == 0 {
		return part{}
	}
	return part{title: "Graph", node: r.Graph.Section(), md: folded("The graph", "```mermaid\n"+r.Graph.Mermaid()+"```")}
}

func (r *Report) plotsPart() part {
	if len(r.Figures) == 0 {
		return part{}
	}
	var sketches []string
	for _, figure := range r.Figures {
		sketches = append(sketches, strings.TrimRight(figure.Sketch(72), "\n"))
	}
	text := strings.ReplaceAll(strings.Join(sketches, "\n\n"), "```", "'''")
	return part{title: "Plots", node: plots.Section(r.Figures), md: folded("As sketches", "```text\n"+text+"\n```")}
}

func (r *Report) outsPart() part {
	if len(r.Outs) == 0 {
		return part{}
	}
	table := ui.Table{Header: []string{"Out", "Made by", "In run", "Content", "From"}}
	known := false
	for _, out := range r.Outs {
		table.Rows = append(table.Rows, []string{out.Path, out.Stage, out.Run.text(), out.Content, strings.Join(out.From, ", ")})
		known = known || out.Run != nil
	}
	if !known {
		table = table.Without(2)
	}
	return part{
		title: "Where outs come from",
		node:  shortened(len(table.Rows), page.Table(table.Header, table.Rows)),
		md:    folded(ui.Count(len(table.Rows), "out"), table.Markdown()),
	}
}

// shown is how many rows of a table a page shows without being asked.
const shown = 25

// shortened hides a table with many rows until it is asked for.
func shortened(rows int, table page.Node) page.Node {
	if rows <= shown {
		return table
	}
	return page.Folded("as a table, "+ui.Count(rows, "row"), table)
}

// folded is Markdown that is shown on demand.
func folded(summary, text string) string {
	return "<details><summary>" + summary + "</summary>\n\n" + strings.TrimRight(text, "\n") + "\n\n</details>"
}
