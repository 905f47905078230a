package engine_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/engine"
)

// model is what must run, said in the simplest way: whole contents instead of
// digests, every stage looked at every time.
type model struct {
	sources  map[string]string
	params   map[string]int
	stages   []modelStage
	outs     map[string]string // in the workspace
	recorded map[string]modelRecord
	seen     map[string]map[string]string // by action: what it made
}

type modelStage struct {
	name    string
	comment int // part of the command, without effect
	tail    bool
	reads   []string
	param   string // "" for none
}

type modelRecord struct{ cmd, reads, param, out string }

func (s modelStage) out() string { return "out-" + s.name }

func (s modelStage) cmd() string {
	tail := ""
	if s.tail {
		tail = "tail "
	}
	return fmt.Sprintf("%s%s > %s # %d", tail, strings.Join(s.reads, " "), s.out(), s.comment)
}

func (m *model) content(name string) string {
	if content, found := m.sources[name]; found {
		return content
	}
	return m.outs[name]
}

// make is what the stage's command writes.
func (m *model) make(s modelStage) string {
	var text strings.Builder
	for _, name := range s.reads {
		content := m.content(name)
		if s.tail {
			lines := strings.Split(strings.TrimSpace(content), "\n")
			content = lines[len(lines)-1] + "\n"
		}
		text.WriteString(content)
	}
	return text.String()
}

func (m *model) facts(s modelStage) modelRecord {
	var reads []string
	for _, name := range slices.Sorted(slices.Values(s.reads)) {
		reads = append(reads, name+"="+m.content(name))
	}
	param := ""
	if s.param != "" {
		param = fmt.Sprint(s.param, "=", m.params[s.param])
	}
	return modelRecord{cmd: s.cmd(), reads: strings.Join(reads, "\x00"), param: param}
}

// repro returns the stages whose command runs.
func (m *model) repro() []string {
	var ran []string
	for _, s := range m.stages {
		now := m.facts(s)
		was, known := m.recorded[s.name]
		out, there := m.outs[s.out()]
		same := known && was.cmd == now.cmd && was.reads == now.reads && was.param == now.param
		action := now.cmd + "\x01" + now.reads + "\x01" + now.param
		switch {
		case same && there && out == was.out:
			continue
		case same:
			now.out = was.out
		case m.seen[action] != nil:
			now.out = m.seen[action][s.out()]
		default:
			ran = append(ran, s.name)
			now.out = m.make(s)
			m.seen[action] = map[string]string{s.out(): now.out}
		}
		m.outs[s.out()] = now.out
		m.recorded[s.name] = now
	}
	return ran
}

func (m *model) pipeline() string {
	var b strings.Builder
	b.WriteString("stages:\n")
	for _, s := range m.stages {
		fmt.Fprintf(&b, "  %s:\n    cmd: %q\n    deps: [%s]\n    outs: [%s]\n", s.name, s.cmd(), strings.Join(s.reads, ", "), s.out())
		if s.param != "" {
			fmt.Fprintf(&b, "    params: [%s]\n", s.param)
		}
	}
	return b.String()
}

func (m *model) paramsFile() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.params)) {
		fmt.Fprintf(&b, "%s: %d\n", name, m.params[name])
	}
	return b.String()
}

func drawModel(t *rapid.T) *model {
	m := &model{sources: map[string]string{"s0": "1\n", "s1": "2\n"}, params: map[string]int{"p": 0, "q": 0},
		outs: map[string]string{}, recorded: map[string]modelRecord{}, seen: map[string]map[string]string{}}
	names := []string{"s0", "s1"}
	for i := range rapid.IntRange(1, 6).Draw(t, "stages") {
		s := modelStage{name: fmt.Sprint("t", i), tail: rapid.Bool().Draw(t, "tail")}
		s.reads = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, min(3, len(names)), rapid.ID).Draw(t, "reads")
		s.param = rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "param")
		m.stages = append(m.stages, s)
		names = append(names, s.out())
	}
	return m
}

// edit changes one thing, in the model and, by the files, in the world.
func (m *model) edit(t *rapid.T, w *world) {
	stage := rapid.IntRange(0, len(m.stages)-1).Draw(t, "stage")
	s := &m.stages[stage]
	small := rapid.IntRange(0, 2).Draw(t, "value")
	switch rapid.IntRange(0, 6).Draw(t, "edit") {
	case 0:
		name := rapid.SampledFrom([]string{"s0", "s1"}).Draw(t, "source")
		m.sources[name] = fmt.Sprintf("%d\n%d\n", small, rapid.IntRange(0, 1).Draw(t, "last"))
		w.write(name, m.sources[name])
	case 1:
		m.params[rapid.SampledFrom([]string{"p", "q"}).Draw(t, "name")] = small
	case 2:
		s.comment = small
	case 3:
		if _, there := m.outs[s.out()]; there {
			m.outs[s.out()] = "by hand\n"
			w.write(s.out(), "by hand\n")
		}
	case 4:
		delete(m.outs, s.out())
		w.remove(s.out())
	case 5:
		s.param = rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "param")
	case 6:
		if !slices.Contains(s.reads, "s1") {
			s.reads = append(s.reads, "s1")
		} else if len(s.reads) > 1 {
			s.reads = slices.DeleteFunc(slices.Clone(s.reads), func(name string) bool { return name == "s1" })
		}
	}
}

// TestRepro_likeTheModel: after any edits to any pipeline, exactly the stages run that
// the model says, the outs are the model's, and a second run does nothing.
func TestRepro_likeTheModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := drawModel(r)
		w := newWorld(t, m.sources)
		defer os.RemoveAll(w.dir)
		for range rapid.IntRange(1, 6).Draw(r, "rounds") {
			for range rapid.IntRange(0, 3).Draw(r, "edits") {
				m.edit(r, w)
			}
			w.write("pipeline.yaml", m.pipeline())
			w.write("params.yaml", m.paramsFile())
			want := m.repro()
			ran, err := w.try(engine.Options{})
			require.NoError(r, err)
			require.Equal(r, want, ran, "%s", m.pipeline())
			for name, content := range m.outs {
				require.Equal(r, content, w.read(name), name)
			}
			ran, err = w.try(engine.Options{})
			require.NoError(r, err)
			require.Empty(r, ran, "a second run does nothing")
		}
	})
}
