package engine_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/event"
)

const mapStage = `stages:
  copy:
    map: "in/*"
    cmd: ${map.path} > out/${map.name}
    outs: ["out/${map.name}"]
`

// content of a file of the given name; no two files or versions have the same.
func mapContent(name string, version int) string {
	return fmt.Sprintf("%s, version %d\n", name, version)
}

func TestRepro_mapOfManyFiles(t *testing.T) {
	files := 500
	if os.Getenv("FLOW_TEST_ALL") != "" && !testing.Short() {
		files = 10_000
	}
	w := newWorld(t, map[string]string{"pipeline.yaml": mapStage})
	w.remove("in")
	require.NoError(t, os.Mkdir(w.path("in"), 0o755))
	for i := range files {
		require.NoError(t, os.WriteFile(w.path(fmt.Sprint("in/", i)), []byte(mapContent(fmt.Sprint(i), 0)), 0o644))
	}
	ran, err := w.try(everything)
	require.NoError(t, err)
	require.Len(t, ran, files)
	lock := w.read("pipeline.lock")
	require.Less(t, len(lock), 1000, "the lock does not grow with the files")

	for _, i := range []string{"1", "22", "133"} {
		w.write("in/"+i, mapContent(i, 1))
	}
	w.remove("in/4")
	w.remove("in/5")
	w.write("in/new", "new\n")
	ran, err = w.try(everything)
	require.NoError(t, err)
	require.Len(t, ran, 4)
	require.Equal(t, fmt.Sprintf("4 of %d files, 2 outs removed", files-1), w.finished("copy").Detail)
	left, err := os.ReadDir(w.path("out"))
	require.NoError(t, err)
	require.Len(t, left, files-1)
	require.Equal(t, mapContent("22", 1), w.read("out/22"))
	w.repro(everything)
}

// finished returns the last event about the end of a stage.
func (w *world) finished(stage string) event.StageFinished {
	w.t.Helper()
	for _, e := range slices.Backward(w.log) {
		if done, is := e.(event.StageFinished); is && done.Stage == stage {
			return done
		}
	}
	w.t.Fatalf("%s has not ended", stage)
	return event.StageFinished{}
}

// TestRepro_mapModel edits files and outs at random and holds each run against what a
// naive reader would expect: the outs are those of today's files, and the command ran
// once for each content that a file of its name never had before.
func TestRepro_mapModel(t *testing.T) {
	rounds := 12
	if os.Getenv("FLOW_TEST_ALL") != "" && !testing.Short() {
		rounds = 80
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t, map[string]string{"pipeline.yaml": mapStage})
	now, seen := map[string]int{}, map[string]bool{}
	for round := range rounds {
		for range random.IntN(6) + 1 {
			name := fmt.Sprint("f", random.IntN(12))
			switch random.IntN(5) {
			case 0:
				delete(now, name)
				w.remove("in/" + name)
			case 1:
				w.remove("out/" + name)
			case 2:
				if len(seen) > 0 {
					w.write("out/"+name, "by hand\n")
				}
			default:
				now[name] = random.IntN(3)
				w.write("in/"+name, mapContent(name, now[name]))
			}
		}
		if len(now) == 0 {
			now["f0"] = 0
			w.write("in/f0", mapContent("f0", 0))
		}
		fresh := 0
		for name, version := range now {
			if content := mapContent(name, version); !seen[content] {
				seen[content] = true
				fresh++
			}
		}
		ran, err := w.try(everything)
		require.NoError(t, err, "round %d", round)
		require.Len(t, ran, fresh, "round %d", round)
		left, err := os.ReadDir(w.path("out"))
		require.NoError(t, err)
		var names []string
		for _, entry := range left {
			names = append(names, entry.Name())
			require.Equal(t, mapContent(entry.Name(), now[entry.Name()]), w.read("out/"+entry.Name()), "round %d", round)
		}
		require.Equal(t, slices.Sorted(maps.Keys(now)), names, "round %d", round)
		w.repro(everything)
	}
}

// A map stage loses nothing and ends well on the next run, whichever change to the disk
// fails.
func TestRepro_mapWhateverFails(t *testing.T) {
	step := 7
	if os.Getenv("FLOW_TEST_ALL") != "" && !testing.Short() {
		step = 1
	}
	for n := 2; ; n += step {
		w := newWorld(t, map[string]string{"pipeline.yaml": mapStage, "in/a": "a\n", "in/b": "b\n", "in/c": "c\n"})
		_, err := w.try(everything)
		require.NoError(t, err)
		w.write("in/a", "A\n")
		w.write("in/d", "d\n")
		w.remove("in/c")
		e, faulty := w.openFaulty(n, syscall.EIO)
		w.log = nil
		err = e.Repro(context.Background(), everything, &w.log)
		done := faulty.Calls() < n
		if err != nil {
			require.ErrorIs(t, err, syscall.EIO, "call %d", n)
		}
		_, err = w.open().Recover(context.Background())
		require.NoError(t, err, "call %d", n)
		require.Equal(t, "b\n", w.read("out/b"), "call %d", n)
		require.Equal(t, "a", strings.ToLower(strings.TrimSpace(w.read("out/a"))), "call %d", n)
		_, err = w.try(everything)
		require.NoError(t, err, "call %d", n)
		require.Equal(t, "A\n", w.read("out/a"), "call %d", n)
		require.Equal(t, "d\n", w.read("out/d"), "call %d", n)
		require.NoFileExists(t, w.path("out/c"))
		w.repro(everything)
		if done {
			return
		}
	}
}

func TestRepro_mapInputThatChangesMeanwhile(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": strings.Replace(mapStage, "cmd: ", "cmd: |\n      hook\n      ", 1), "in/a": "a\n", "in/b": "b\n",
	})
	edits := 1
	w.runner.hook = func(string) {
		if edits--; edits == 0 {
			w.write("in/a", "other\n")
		}
	}
	_, err := w.try(everything)
	require.ErrorContains(t, err, "dep in/* changed while the stage ran")
	ran, err := w.try(everything)
	require.NoError(t, err)
	require.NotEmpty(t, ran)
	require.Equal(t, "other\n", w.read("out/a"))
}
