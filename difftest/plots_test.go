package difftest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// plotCase is a project that declares some plots, as three revisions have it.
type plotCase struct {
	r       *rand.Rand
	files   []string // that plots are made of
	ids     []string
	text    string              // the pipeline
	columns map[string][]string // of each file
	bare    string              // a file without a header
	// crossed says that the x of one file goes with the y of another. Where a point has no
	// x, DVC takes the y's own column of that name.
	crossed bool
}

var (
	plotColumns   = []string{"a", "b", "loss", "acc.1", "ä", "x[0]"}
	plotTemplates = []string{"", "linear", "simple", "smooth", "scatter", "scatter_jitter", "confusion", "confusion_normalized", "bar_horizontal", "bar_horizontal_sorted"}
)

func (c *plotCase) pick(from []string) string { return from[c.r.IntN(len(from))] }

func (c *plotCase) chance(percent int) bool { return c.r.IntN(100) < percent }

// declare writes the pipeline: stages' plots, plots at the top by file, and plots at the
// top that join columns.
func (c *plotCase) declare() {
	var stage, top strings.Builder
	free := slices.Clone(c.files)
	c.r.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	if c.chance(25) { // a folder is a plot for each file
		inside := func(file string) bool { return strings.HasPrefix(file, "dir/") }
		fmt.Fprintf(&stage, "      - dir: {cache: false%s}\n", c.flags(true))
		c.ids = append(c.ids, slices.DeleteFunc(slices.Clone(c.files), func(file string) bool { return !inside(file) })...)
		free = slices.DeleteFunc(free, inside)
	}
	for range 1 + c.r.IntN(2) {
		file := free[0]
		free = free[1:]
		c.ids = append(c.ids, file)
		flags := c.flags(true)
		if path.Ext(file) == ".csv" && c.bare == "" && c.chance(20) { // of other files DVC reads the first row wrongly
			flags = ", header: false, y: \"0\"" + c.looks()
			c.bare = file // to DVC it has no header in other plots either
		}
		fmt.Fprintf(&stage, "      - %s: {cache: false%s}\n", file, flags)
	}
	for range c.r.IntN(2) {
		file := free[0]
		free = free[1:]
		c.ids = append(c.ids, file)
		if flags := strings.TrimPrefix(c.flags(false), ", "); flags != "" {
			fmt.Fprintf(&top, "  - %s: {%s}\n", file, flags)
		} else {
			fmt.Fprintf(&top, "  - %s\n", file)
		}
	}
	for i := range c.r.IntN(3) {
		id := fmt.Sprintf("joined %d", i)
		c.ids = append(c.ids, id)
		fmt.Fprintf(&top, "  - %s: {%s}\n", id, strings.TrimPrefix(c.joined(), ", "))
	}
	c.text = "stages:\n  make:\n    cmd: echo\n    plots:\n" + stage.String()
	if top.Len() > 0 {
		c.text += "plots:\n" + top.String()
	}
}

func inQuotes(text string) string { return strconv.Quote(text) }

// flags is how one file is drawn.
func (c *plotCase) flags(out bool) string {
	text := ""
	if c.chance(50) {
		text += ", x: " + inQuotes(c.pick(plotColumns))
	}
	switch {
	case c.chance(50):
		text += ", y: " + inQuotes(c.pick(plotColumns))
	case !out && c.chance(50):
		text += fmt.Sprintf(", y: [%s, %s]", inQuotes(plotColumns[0]), inQuotes(c.pick(plotColumns[1:])))
	}
	return text + c.looks()
}

func (c *plotCase) looks() string {
	text := ""
	if template := c.pick(plotTemplates); template != "" && c.chance(70) {
		text += ", template: " + template
	}
	if c.chance(30) {
		text += ", title: Title"
	}
	if c.chance(20) {
		text += ", x_label: left to right"
	}
	if c.chance(20) {
		text += ", y_label: up"
	}
	return text
}

// joined is columns of several files.
func (c *plotCase) joined() string {
	n := 1 + c.r.IntN(3)
	var ys, xs []string
	total := 0
	files := slices.DeleteFunc(slices.Clone(c.files), func(file string) bool { return file == c.bare })
	c.r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for _, file := range files[:n] {
		if c.chance(30) {
			ys = append(ys, fmt.Sprintf("%s: [%s, %s]", file, inQuotes(plotColumns[0]), inQuotes(c.pick(plotColumns[1:]))))
			total += 2
		} else {
			ys = append(ys, fmt.Sprintf("%s: %s", file, inQuotes(c.pick(plotColumns))))
			total++
		}
		xs = append(xs, fmt.Sprintf("%s: %s", file, inQuotes(c.pick(plotColumns))))
	}
	text := ", y: {" + strings.Join(ys, ", ") + "}"
	switch c.r.IntN(4) {
	case 0:
		text += ", x: " + inQuotes(c.pick(plotColumns))
	case 1:
		text += ", x: {" + xs[0] + "}"
		c.crossed = true
	case 2:
		if total == len(xs) {
			text += ", x: {" + strings.Join(xs, ", ") + "}"
		}
	}
	return text + c.looks()
}

// cell is a value as JSON; text is what a table writes.
func (c *plotCase) cell() (value any, text string) {
	switch c.r.IntN(12) {
	case 0:
		words := []string{"cat", "dog", "a b", "ü", "True", "1e3x"}
		word := c.pick(words)
		return word, word
	case 1:
		return nil, ""
	case 2, 3, 4:
		n := c.r.IntN(200) - 50
		return n, strconv.Itoa(n)
	}
	x := math.Round(c.r.NormFloat64()*1000) / 1000
	if c.chance(10) {
		x = x * 1e-7
	}
	return x, strconv.FormatFloat(x, 'g', -1, 64)
}

// order is the columns that a file has, some perhaps not in all revisions.
func (c *plotCase) order() []string {
	columns := slices.Clone(plotColumns)
	if c.chance(30) {
		c.r.Shuffle(len(columns), func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
	}
	if c.chance(20) {
		columns = columns[:1+c.r.IntN(len(columns))]
	}
	return columns
}

// content is what a file holds in a revision. The last column, which is drawn where none
// is declared, is there in all: DVC draws what another revision has by its name.
func (c *plotCase) content(file string) string {
	if c.columns[file] == nil {
		c.columns[file] = c.order()
	}
	columns := slices.Clone(c.columns[file])
	if len(columns) > 1 && c.chance(15) {
		columns = slices.Delete(columns, 0, 1)
	}
	rows := 1 + c.r.IntN(4)
	if c.chance(60) {
		rows = 3 // so that files can be joined
	}
	if ext := path.Ext(file); ext == ".csv" || ext == ".tsv" {
		separator := map[string]string{".csv": ",", ".tsv": "\t"}[ext]
		lines := []string{strings.Join(columns, separator)}
		for range rows {
			var cells []string
			for range columns {
				_, text := c.cell()
				cells = append(cells, text)
			}
			lines = append(lines, strings.Join(cells, separator))
		}
		return strings.Join(lines, "\n") + "\n"
	}
	return c.tree(columns, rows)
}

// tree is points in a file of JSON, which is YAML, too.
func (c *plotCase) tree(columns []string, rows int) string {
	list := func(columns []string, rows int) string {
		var points []string
		for i := range rows {
			var cells []string
			for j, column := range columns {
				if !c.crossed && i > 0 && j > 0 && c.chance(5) {
					continue // a point that lacks something
				}
				value, _ := c.cell()
				text, _ := json.Marshal(value)
				cells = append(cells, inQuotes(column)+": "+string(text))
			}
			points = append(points, "{"+strings.Join(cells, ", ")+"}")
		}
		return "[" + strings.Join(points, ",\n") + "]"
	}
	switch c.r.IntN(6) {
	case 0:
		return "{\"points\": " + list(columns, rows) + "}\n"
	case 1:
		return "{\"meta\": {\"n\": 1}, \"deep\": {\"er\": " + list(columns, rows) + "}}\n"
	case 2: // two lists are joined, the first point with the first
		return "{\"one\": " + list(columns[len(columns)-1:], rows) + ", \"two\": " + list(columns, rows) + "}\n"
	case 3:
		return "{\"one\": " + list(columns, rows) + ", \"other\": [{\"z\": 1}]}\n"
	}
	return list(columns, rows) + "\n"
}

// TestPlots_likeDVC compares the points that both tools draw of random declarations and
// files, of three revisions.
func TestPlots_likeDVC(t *testing.T) {
	d, f := startDVC(t), buildFlow(t)
	cases, seed := 12, uint64(1)
	if text := os.Getenv("FLOW_DIFF_CASES"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		cases = n
	}
	if text := os.Getenv("FLOW_DIFF_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		seed = n
	}
	for i := range uint64(cases) {
		t.Run(fmt.Sprint(seed+i), func(t *testing.T) { comparePlots(t, d, f, seed+i) })
	}
}

func comparePlots(t *testing.T, d, f tool, seed uint64) {
	c := &plotCase{r: rand.New(rand.NewPCG(seed, 11)), columns: map[string][]string{}, files: []string{"p0.csv", "p1.tsv", "p2.json", "p3.yaml", "dir/p4.csv", "dir/p5.json", "dir/deep/p6.csv"}}
	c.declare()
	dvc, flow := newSides(t, d, f, c.text)
	told := c.text
	for i := range 3 {
		for _, file := range c.files {
			if i > 0 && c.chance(40) {
				continue
			}
			content := c.content(file)
			told += fmt.Sprintf("--- %s in revision %d\n%s", file, i, content)
			for _, s := range []*side{dvc, flow} {
				require.NoError(t, s.write(file, content, false))
			}
		}
		for _, s := range []*side{dvc, flow} {
			if i < 2 {
				git(t, s, "add", "-A")
				git(t, s, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "commit")
				git(t, s, "tag", fmt.Sprint("v", i))
			}
		}
	}
	revisions := []string{"v0", "v1", "workspace"}
	want := dvcPoints(t, dvc, revisions)
	got := flowPoints(t, flow, revisions)
	for _, id := range c.ids {
		for _, rev := range revisions {
			require.Equal(t, want[id][rev], got[id][rev], "plot %q of %s\n%s", id, rev, told)
		}
	}
}

// drawn is the points of plots, by plot and revision: a line for each.
type drawn map[string]map[string][]string

func (d drawn) add(id, rev, file, field string, x, y any) {
	if d[id] == nil {
		d[id] = map[string][]string{}
	}
	d[id][rev] = append(d[id][rev], fmt.Sprintf("%s %s: %s, %s", file, field, plain(x), plain(y)))
}

// plain is a value as both tools mean it: numbers as numbers, however they are written.
func plain(value any) string {
	switch value := value.(type) {
	case nil:
		return "none"
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64)
	case string:
		if x, err := strconv.ParseFloat(value, 64); err == nil {
			return plain(x)
		}
		if value == "" {
			return "none"
		}
		return value
	}
	return fmt.Sprint(value)
}

func dvcPoints(t *testing.T, s *side, revisions []string) drawn {
	t.Helper()
	a, _, err := s.run(append([]string{"points"}, revisions...)...)
	require.NoError(t, err)
	require.Zero(t, a.Code, a.Output)
	var told map[string]struct {
		X, Y   string
		Points []map[string]any
	}
	lines := strings.Split(strings.TrimSpace(a.Output), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &told), a.Output)
	points := drawn{}
	for id, plot := range told {
		for _, point := range plot.Points {
			points.add(id, point["rev"].(string), point["filename"].(string), point["field"].(string), point[plot.X], point[plot.Y])
		}
	}
	return points
}

func flowPoints(t *testing.T, s *side, revisions []string) drawn {
	t.Helper()
	a, _, err := s.run(append([]string{"plots", "diff", "--json"}, revisions...)...)
	require.NoError(t, err)
	require.Zero(t, a.Code, a.Output)
	var figures []struct {
		ID     string
		Series []struct {
			Revision, File string
			Field          string `json:"y_field"`
			X, Y           []any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.Stdout), &figures), a.Output)
	points := drawn{}
	for _, figure := range figures {
		files := map[string]map[string]bool{}
		for _, series := range figure.Series {
			if files[series.Revision] == nil {
				files[series.Revision] = map[string]bool{}
			}
			files[series.Revision][series.File] = true
		}
		for _, series := range figure.Series {
			for i := range series.X {
				points.add(figure.ID, series.Revision, short(series.File, files[series.Revision]), series.Field, series.X[i], series.Y[i])
			}
		}
	}
	return points
}

// short is a file's name without the folders that all of some files are in; "" where
// there is one only, as DVC has it.
func short(file string, all map[string]bool) string {
	if len(all) == 1 {
		return file
	}
	common := path.Dir(file)
	for other := range all {
		for common != "." && !strings.HasPrefix(other, common+"/") {
			common = path.Dir(common)
		}
	}
	return strings.TrimPrefix(file, strings.TrimPrefix(common+"/", "./"))
}
