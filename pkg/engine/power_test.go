package engine_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// fragile is a project on a disk whose power may go.
type fragile struct {
	t        *testing.T
	fsys     *disk.Crashing
	pipeline string // "" is fragilePipeline
	mu       sync.Mutex
	ran      []string
}

const fragilePipeline = `stages:
  a: {cmd: in > a, deps: [in], outs: [a]}
  b: {cmd: in > b, deps: [in], outs: [b]}
  c: {cmd: in > c, deps: [in], outs: [c]}
  d: {cmd: in > d, deps: [in], outs: [{d: {cache: false}}]}
  ab: {cmd: a b > ab, deps: [a, b], outs: [ab]}
  cd: {cmd: c d > cd, deps: [c, d], outs: [{cd: {persist: true}}]}
`

func (f *fragile) root() *disk.Root { return disk.NewRoot(f.fsys, "/project") }

// Run joins files, as a command would: it syncs nothing.
func (f *fragile) Run(_ context.Context, command engine.Command, _ func(bool, string)) (engine.Outcome, error) {
	f.mu.Lock()
	f.ran = append(f.ran, command.Stage)
	f.mu.Unlock()
	var text bytes.Buffer
	from, to, _ := strings.Cut(command.Script, " > ")
	fmt.Fprintln(&text, command.Stage)
	for _, name := range strings.Fields(from) {
		content, err := f.root().Read(name)
		if err != nil {
			return engine.Outcome{}, err
		}
		text.Write(content)
	}
	file, err := f.fsys.Open(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = file.Write(text.Bytes())
	}
	return engine.Outcome{}, err
}

func (f *fragile) open() (*engine.Engine, error) {
	root := f.root()
	for _, folder := range []string{".flow/cache", ".flow/tmp"} {
		if err := root.MkdirDurable(folder, 0o755); err != nil { // as a project's are
			return nil, err
		}
	}
	below, err := root.Sub(".flow/cache")
	if err != nil {
		return nil, err
	}
	objects, err := cache.Open(below, cache.Options{})
	require.NoError(f.t, err)
	files, err := workspace.Open(root, objects, workspace.Options{})
	require.NoError(f.t, err)
	pipeline, err := stages.Parse("pipeline.yaml", []byte(cmp.Or(f.pipeline, fragilePipeline)), root.Read)
	require.NoError(f.t, err)
	graph, err := pipeline.Graph()
	require.NoError(f.t, err)
	return &engine.Engine{Pipeline: pipeline, Graph: graph, Root: root, Workspace: files, Cache: objects,
		Ledger: lock.NewLedger(root, lock.Name, ".flow"), Runner: f, State: ".flow"}, nil
}

// repro is one run, by a new process, and returns which commands ran.
func (f *fragile) repro() ([]string, error) {
	f.ran = nil
	e, err := f.open()
	if err != nil {
		return nil, err
	}
	var log event.Log
	err = e.Repro(context.Background(), engine.Options{Jobs: 3}, &log)
	slices.Sort(f.ran)
	return f.ran, err
}

// put makes a file, durably.
func (f *fragile) put(name, content string) {
	require.NoError(f.t, f.root().Replace(name, []byte(content), 0o644))
}

// checkRecorded is P2 and P3: what was is readable, and all that it names is in the
// cache, whole.
func (f *fragile) checkRecorded(when string) {
	e, err := f.open()
	require.NoError(f.t, err, when)
	file, err := e.Ledger.Read()
	require.NoError(f.t, err, when)
	for name, entry := range file.Stages {
		for _, out := range entry.Outs {
			if out.Path == "d" {
				continue // not in the cache
			}
			object, err := e.Cache.Objects().Get(context.Background(), out.ID)
			require.NoError(f.t, err, "%s: out of %s", when, name)
			content, err := io.ReadAll(object)
			require.NoError(f.t, err)
			require.Equal(f.t, out.ID, digest.Sum(content), "%s: out of %s", when, name)
		}
	}
}

// TestPower lets the power go at every call of a run of several stages at a time, of a
// first one and of one that remakes all, and checks for several disks that may be left:
// P2, P3, and P1: the next command works, makes all outs, and then nothing is left to do.
func TestPower(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 11
	}
	for name, prepared := range map[string]bool{"first": false, "again": true} {
		t.Run(name, func(t *testing.T) {
			for stop, over := 1, false; !over; stop += step {
				f := &fragile{t: t, fsys: disk.NewCrashing()}
				f.put("in", "0\n")
				if prepared {
					_, err := f.repro()
					require.NoError(t, err)
					f.put("in", "1\n")
				}
				want, err := f.root().Read("in")
				require.NoError(t, err)
				f.fsys.StopAt(f.fsys.Calls() + stop)
				_, err = f.repro()
				over = err == nil
				for seed := range uint64(5) {
					f.after(seed, string(want), fmt.Sprintf("power went at call %d, disk %d", stop, seed))
				}
			}
		})
	}
}

// after looks at one disk that may be left.
func (f *fragile) after(seed uint64, in, when string) {
	left := &fragile{t: f.t, fsys: f.fsys.Crash(seed)}
	left.checkRecorded(when)
	_, err := left.repro()
	require.NoError(f.t, err, when)
	for name, want := range map[string]string{"a": "a\n" + in, "ab": "ab\na\n" + in + "b\n" + in, "cd": "cd\nc\n" + in + "d\n" + in} {
		got, err := left.root().Read(name)
		require.NoError(f.t, err, when)
		require.Equal(f.t, want, string(got), when)
	}
	ran, err := left.repro()
	require.NoError(f.t, err, when)
	require.Empty(f.t, ran, when)
	left.checkRecorded(when)
}
