package engine_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/event"
)

var allFour = []string{"create", "clean", "train", "test"}

func TestRepro_runsOnceThenNothing(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	require.Equal(t, []string{"never run"}, w.reasons("create"))
	lock := w.read("pipeline.lock")
	w.repro(everything)
	require.Equal(t, lock, w.read("pipeline.lock"))
}

func TestRepro_earlyCutOff(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("raw", "0\n2\n")
	w.repro(everything, "create", "clean") // clean's out is the same: nothing below runs
	require.Equal(t, event.Fresh, w.ended()["train"])
}

func TestRepro_everyKindOfEdit(t *testing.T) {
	edit := func(old, new string) func(w *world) {
		return func(w *world) { w.write("pipeline.yaml", strings.Replace(w.read("pipeline.yaml"), old, new, 1)) }
	}
	for name, test := range map[string]struct {
		edit    func(w *world)
		ran     []string
		stage   string
		reasons []string
	}{
		"dep":            {func(w *world) { w.write("raw", "1\n3\n") }, allFour, "create", []string{"dep raw"}},
		"param":          {func(w *world) { w.write("params.yaml", "train: {lr: 0.2, other: 1}\n") }, []string{"train", "test"}, "train", []string{"param train.lr 0.1 → 0.2"}},
		"other param":    {func(w *world) { w.write("params.yaml", "train: {lr: 0.1, other: 2}\n") }, nil, "train", nil},
		"param's text":   {func(w *world) { w.write("params.yaml", "train: {lr: 1e-1, other: 1}\n") }, nil, "train", nil},
		"cmd":            {edit("cmd: model >", "cmd: model raw >"), []string{"test"}, "test", []string{"cmd changed model > metrics.json → model raw > metrics.json"}},
		"env":            {edit("    deps: [model]", "    env: {SEED: 1}\n    deps: [model]"), []string{"test"}, "test", []string{`env SEED unset → "1"`}},
		"shell":          {edit("    deps: [model]", "    shell: sh -c\n    deps: [model]"), []string{"test"}, "test", []string{"shell changed default → sh -c"}},
		"new dep":        {edit("deps: [model]", "deps: [model, raw]"), []string{"test"}, "test", []string{"new dep raw"}},
		"missing out":    {func(w *world) { w.remove("model") }, nil, "train", []string{"out model is missing"}},
		"missing dir":    {func(w *world) { w.remove("data") }, nil, "create", []string{"out data is missing"}},
		"edited out":     {func(w *world) { w.write("model", "mine") }, nil, "train", []string{"out model"}},
		"edited metrics": {func(w *world) { w.write("metrics.json", "mine") }, nil, "test", []string{"out metrics.json"}},
		"deleted lock":   {func(w *world) { w.remove("pipeline.lock") }, nil, "train", []string{"never run"}},
		"touched dep": {func(w *world) {
			raw := w.read("raw")
			w.remove("raw")
			w.write("raw", raw)
		}, nil, "create", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := fourStageWorld(t)
			w.repro(everything, allFour...)
			model := w.read("model")
			test.edit(w)
			ran, err := w.try(everything)
			require.NoError(t, err)
			require.Equal(t, test.ran, ran)
			got := w.reasons(test.stage)
			require.Len(t, got, len(test.reasons), "%v", got)
			for i, reason := range test.reasons {
				require.True(t, strings.HasPrefix(got[i], reason), "%q should tell %q", got[i], reason)
			}
			if len(ran) == 0 {
				require.Equal(t, model, w.read("model"), "what was restored is what was there")
			}
			w.repro(everything)
		})
	}
}

func TestRepro_removedDepIsAChange(t *testing.T) {
	w := fourStageWorld(t)
	w.write("pipeline.yaml", strings.Replace(fourStages, "deps: [model]", "deps: [model, raw]", 1))
	w.repro(everything, allFour...)
	w.write("pipeline.yaml", fourStages)
	w.repro(everything, "test")
	require.Equal(t, []string{"dep removed: raw"}, w.reasons("test"))
}

func TestRepro_revertedParamIsRestored(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	model := w.read("model")
	w.write("params.yaml", "train: {lr: 0.2}\n")
	w.repro(everything, "train", "test")
	w.write("params.yaml", "train: {lr: 0.1, other: 1}\n")
	w.repro(everything)
	require.Equal(t, event.Restored, w.ended()["train"])
	require.Equal(t, event.Restored, w.ended()["test"], "an uncached metric comes back too")
	require.Equal(t, model, w.read("model"))

	w.write("params.yaml", "train: {lr: 0.2}\n")
	w.repro(engine.Options{NoRunCache: true}, "train", "test")
}

func TestRepro_failureLosesNothing(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	model := w.read("model")
	w.write("pipeline.yaml", strings.Replace(fourStages, "cmd: clean params.yaml > model", "cmd: |\n      raw > model\n      fail", 1))
	ran, err := w.try(everything)
	require.Equal(t, []string{"train"}, ran)
	var failed *engine.StageError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 3, failed.Outcome.Code)
	require.Equal(t, []string{"it failed"}, failed.Tail)
	require.Equal(t, model, w.read("model"), "the old out is back")
	require.Equal(t, "1\n2\n", w.read(".flow/failed/train/outs/model"), "what the attempt left is kept")
	require.Equal(t, "it failed\n", w.read(".flow/failed/train/log"))
	require.Equal(t, event.Skipped, w.ended()["test"])

	w.write("pipeline.yaml", fourStages)
	w.repro(everything)
}

func TestRepro_outThatIsNotMade(t *testing.T) {
	w := newWorld(t, map[string]string{"pipeline.yaml": "stages:\n  a:\n    cmd: raw > x\n    deps: [raw]\n    outs: [y/z]\n", "raw": "1"})
	_, err := w.try(everything)
	require.ErrorContains(t, err, "did not make y/z")
	_, statErr := os.Stat(w.path("y"))
	require.NoError(t, statErr, "the parent folders of outs are made")
}

func TestRepro_keepGoing(t *testing.T) {
	pipeline := `stages:
  bad: {cmd: fail, deps: [raw], outs: [b]}
  below: {cmd: b > c, deps: [b], outs: [c]}
  other: {cmd: raw > d, deps: [raw], outs: [d]}
`
	w := newWorld(t, map[string]string{"pipeline.yaml": pipeline, "raw": "1"})
	ran, err := w.try(everything)
	require.Error(t, err)
	require.Equal(t, []string{"bad"}, ran)
	ran, err = w.try(engine.Options{KeepGoing: true})
	require.Error(t, err)
	require.Equal(t, []string{"bad", "other"}, ran)
	require.Equal(t, event.Skipped, w.ended()["below"])

	w.write("b", "left from before")
	w.write("pipeline.yaml", pipeline)
	ran, err = w.try(engine.Options{IgnoreErrors: true})
	require.NoError(t, err)
	require.Equal(t, []string{"bad", "below"}, ran)
}

func TestRepro_selections(t *testing.T) {
	for name, test := range map[string]struct {
		options engine.Options
		ran     []string
	}{
		"target":           {engine.Options{Selection: engine.Selection{Targets: []string{"clean"}}, Force: true}, []string{"create", "clean"}},
		"out":              {engine.Options{Selection: engine.Selection{Targets: []string{"clean"}}, Force: true}, []string{"create", "clean"}},
		"path inside out":  {engine.Options{Selection: engine.Selection{Targets: []string{"data/a"}}, Force: true}, []string{"create"}},
		"single":           {engine.Options{Selection: engine.Selection{Targets: []string{"test", "clean"}, Single: true}, Force: true}, []string{"test", "clean"}},
		"downstream":       {engine.Options{Selection: engine.Selection{Targets: []string{"train"}, Downstream: true}, Force: true}, []string{"train", "test"}},
		"whole":            {engine.Options{Selection: engine.Selection{Targets: []string{"train"}, Whole: true}, Force: true}, allFour},
		"all":              {engine.Options{Selection: engine.Selection{Targets: []string{"train"}, All: true}, Force: true}, allFour},
		"glob":             {engine.Options{Selection: engine.Selection{Targets: []string{"cl*"}, Glob: true, Single: true}, Force: true}, []string{"clean"}},
		"force downstream": {engine.Options{ForceDownstream: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := fourStageWorld(t)
			w.repro(everything, allFour...)
			w.repro(test.options, test.ran...)
		})
	}
}

func TestRepro_forceDownstream(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("raw", "0\n2\n") // clean's out comes out the same
	w.repro(engine.Options{ForceDownstream: true}, allFour...)
}

func TestRepro_unknownTarget(t *testing.T) {
	w := fourStageWorld(t)
	_, err := w.try(engine.Options{Selection: engine.Selection{Targets: []string{"tset"}}})
	require.ErrorContains(t, err, `"tset" is no stage`)
}

func TestRepro_missingDepIsToldBeforeAnythingRuns(t *testing.T) {
	w := fourStageWorld(t)
	w.remove("raw")
	w.write("rew", "1\n")
	ran, err := w.try(everything)
	require.Empty(t, ran)
	require.ErrorIs(t, err, engine.ErrMissing)
	var missing *diag.Error
	require.ErrorAs(t, err, &missing)
	require.Contains(t, missing.Hint, `"rew"`)
	require.Equal(t, 4, missing.Pos.Line)
}

func TestRepro_missingParam(t *testing.T) {
	w := fourStageWorld(t)
	w.write("params.yaml", "train: {rate: 1}\n")
	ran, err := w.try(everything)
	require.Empty(t, ran)
	require.ErrorContains(t, err, `params.yaml has no param "train.lr"`)
}

// TestRepro_depChangedMeanwhile: a result that may come from either of two inputs is
// not recorded under one of them.
func TestRepro_depChangedMeanwhile(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"dep":   func(w *world) { w.write("raw", "9\n9\n") },
		"param": func(w *world) { w.write("params.yaml", "lr: 2\n") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string]string{
				"pipeline.yaml": "stages:\n  a:\n    cmd: |\n      raw params.yaml > x\n      hook\n    deps: [raw]\n    params: [lr]\n    outs: [x]\n",
				"raw":           "1\n", "params.yaml": "lr: 1\n",
			})
			w.runner.hook = func(string) { change(w) }
			_, err := w.try(everything)
			require.ErrorContains(t, err, "changed while the stage ran")
			require.Equal(t, "1\nlr: 1\n", w.read("x"), "the person's result stays")
			require.NoFileExists(t, w.path("pipeline.lock"))

			w.runner.hook = func(string) {}
			w.repro(everything, "a") // nothing wrong was remembered either
			w.write("raw", "1\n")
			w.write("params.yaml", "lr: 1\n")
			w.repro(everything, "a")
		})
	}
}

// TestRepro_depChangedAndBack: what a dep held for a moment only may be what the command
// read.
func TestRepro_depChangedAndBack(t *testing.T) {
	for dep, file := range map[string]string{"raw": "raw", "folder": "folder/deep/file", "*.csv": "a.csv"} {
		t.Run(dep, func(t *testing.T) {
			w := newWorld(t, map[string]string{
				"pipeline.yaml": "stages:\n  a:\n    cmd: |\n      hook\n      " + file + " > x\n      hook\n    deps: ['" + dep + "']\n    outs: [x]\n",
				file:            "1\n",
			})
			contents := []string{"2\n", "1\n"}
			w.runner.hook = func(string) {
				w.write(file, contents[0])
				contents = contents[1:]
			}
			_, err := w.try(everything)
			require.ErrorContains(t, err, "holds again what it held before")
			require.ErrorContains(t, err, "changed while the stage ran")
			require.Equal(t, "2\n", w.read("x"))

			w.runner.hook = func(string) {}
			w.repro(everything, "a")
			require.Equal(t, "1\n", w.read("x"))
			w.repro(everything)
		})
	}
}

// TestRepro_depIsLinkedMeanwhile: another name of a dep's file is no change of it.
func TestRepro_depIsLinkedMeanwhile(t *testing.T) {
	w := newWorld(t, map[string]string{"pipeline.yaml": "stages:\n  a: {cmd: \"raw > x\\nhook\", deps: [raw], outs: [x]}\n", "raw": "1\n"})
	require.NoError(t, os.Link(w.path("raw"), w.path("before")))
	w.runner.hook = func(string) { require.NoError(t, os.Link(w.path("raw"), w.path("other"))) }
	w.repro(everything, "a")
}

// TestRepro_depEditedBeforeItsStage: what a person edits while another stage runs is what
// the stage that reads it runs with.
func TestRepro_depEditedBeforeItsStage(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n" +
			"  long: {cmd: \"raw > x\\nhook\", deps: [raw], outs: [x]}\n" +
			"  later: {cmd: 'other params.yaml > y', deps: [other], params: [lr], outs: [y]}\n" +
			"  back: {cmd: 'third > z', deps: [third], outs: [z]}\n",
		"raw": "1\n", "other": "1\n", "third": "1\n", "params.yaml": "lr: 1\n",
	})
	w.runner.hook = func(string) {}
	w.repro(everything, "long", "later", "back")
	for _, name := range []string{"raw", "other", "third"} {
		w.write(name, "2\n")
	}
	w.runner.hook = func(string) {
		w.write("other", "3\n")
		w.write("params.yaml", "lr: 3\n")
		w.write("third", "1\n")
	}
	w.repro(everything, "long", "later")
	require.Equal(t, "3\nlr: 3\n", w.read("y"))
	require.Equal(t, event.Fresh, w.ended()["back"], "it was edited back")
	w.runner.hook = nil
	w.repro(everything)
}

func TestRepro_handEditedOutIsKept(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("model", "three days of my work")
	w.write("params.yaml", "train: {lr: 0.3}\n")
	w.repro(everything, "train", "test")
	warning := w.warnings()
	require.Contains(t, warning, "model")
	_, id, found := strings.Cut(warning, "--content ")
	require.True(t, found)
	e := w.open()
	require.NoError(t, e.CheckoutContent(context.Background(), "mine", parseID(t, strings.Fields(id)[0]), func(string) {}))
	require.Equal(t, "three days of my work", w.read("mine"))
}

func TestRepro_frozen(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("pipeline.yaml", strings.Replace(fourStages, "    deps: [raw]", "    frozen: true\n    deps: [raw]", 1))
	w.write("raw", "5\n")
	w.repro(everything)
}

func TestRepro_frozenNeverRuns(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n  a: {cmd: raw > x, deps: [raw, gone], frozen: true, outs: [x]}\n  b: {cmd: x > y, deps: [x], outs: [y]}\n", "raw": "1",
	})
	_, err := w.try(engine.Options{KeepGoing: true})
	require.ErrorContains(t, err, "it is frozen, and x is not there")
	w.write("x", "by hand")
	w.repro(everything, "b")
	require.Equal(t, event.Updated, w.ended()["a"])
	require.Equal(t, "by hand", w.read("y"))
	require.Contains(t, w.read("pipeline.lock"), "raw:")
	require.NotContains(t, w.read("pipeline.lock"), "gone:")
	w.repro(everything)
	w.remove("x")
	w.repro(engine.Options{Force: true, Selection: engine.Selection{Targets: []string{"a"}}})
	require.Equal(t, "by hand", w.read("x"), "what is missing comes back")
}

func TestRepro_persist(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n  a:\n    cmd: hook\n    deps: [raw]\n    outs: [{log: {persist: true}}]\n", "raw": "1",
	})
	grow := func(string) {
		before, _ := os.ReadFile(w.path("log"))
		w.write("log", string(before)+"x")
	}
	w.runner.hook = grow
	w.repro(everything, "a")
	w.write("raw", "2")
	w.repro(everything, "a")
	require.Equal(t, "xx", w.read("log"))
	w.write("log", "mine")
	w.repro(everything, "a")
	require.Equal(t, "minex", w.read("log"), "the command goes on from what a person wrote")
	w.write("log", "x")
	w.repro(everything, "a")
	w.write("raw", "3")
	w.write("pipeline.yaml", "stages:\n  a:\n    cmd: |\n      hook\n      fail\n    deps: [raw]\n    outs: [{log: {persist: true}}]\n")
	_, err := w.try(everything)
	require.Error(t, err)
	require.Equal(t, "xx", w.read("log"), "what the failed attempt appended is gone")
}

func TestRepro_dataSources(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "data: [raw]\nstages:\n  a: {cmd: raw > x, deps: [raw], outs: [x]}\n", "raw": "1",
	})
	w.repro(everything, "a")
	require.Equal(t, event.Updated, w.ended()["raw"])
	w.repro(everything)
	w.remove("raw")
	w.repro(everything)
	require.Equal(t, "1", w.read("raw"), "a data source comes back from the cache")
	w.write("raw", "2")
	w.repro(everything, "a")
	w.remove("raw")
	w.remove(".flow/cache")
	w.remove(".flow/index")
	ran, err := w.try(everything)
	require.Empty(t, ran)
	require.ErrorContains(t, err, "data source raw is missing")
}

func TestRepro_noCommit(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(engine.Options{NoCommit: true}, allFour...)
	plan, err := w.open().Plan(context.Background(), everything)
	require.NoError(t, err)
	step, _ := plan.Step("train")
	require.Equal(t, "out model is not in the cache", step.Reasons[0].String())
	w.repro(everything) // what is in place and as recorded needs no run
	w.remove("model")
	w.repro(everything)
}

func TestRepro_allowMissing(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	for _, name := range []string{"raw", "data", "clean", "model", ".flow"} {
		w.remove(name)
	}
	w.repro(engine.Options{AllowMissing: true})
}

func TestRepro_goneStagesLeaveTheLock(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("pipeline.yaml", fourStages[:strings.Index(fourStages, "  test:")])
	w.repro(everything)
	require.NotContains(t, w.read("pipeline.lock"), "  test:")
}

func TestRepro_gitignoreStaysWhenALaterStageFails(t *testing.T) {
	w := fourStageWorld(t)
	w.git = true
	w.write("pipeline.yaml", strings.Replace(fourStages, "cmd: model > metrics.json", "cmd: fail", 1))
	_, err := w.try(everything)
	require.Error(t, err)
	require.Equal(t, "/clean\n/data\n/model\n", w.read(".gitignore"))
}

func TestPlan_dryTellsTheTruth(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(engine.Options{Dry: true}) // on a pipeline that never ran
	require.NoFileExists(t, w.path("pipeline.lock"))
	w.repro(everything, allFour...)
	w.write("raw", "7\n")
	plan, err := w.open().Plan(context.Background(), everything)
	require.NoError(t, err)
	var will []event.Status
	for _, step := range plan.Steps {
		will = append(will, step.Will)
	}
	require.Equal(t, []event.Status{event.WouldRun, event.MayRun, event.MayRun, event.MayRun}, will)

	w.write("raw", "1\n2\n")
	w.remove("data")
	w.remove("clean")
	plan, err = w.open().Plan(context.Background(), everything)
	require.NoError(t, err)
	will = nil
	for _, step := range plan.Steps {
		will = append(will, step.Will)
	}
	require.Equal(t, []event.Status{event.WouldGet, event.WouldGet, event.Fresh, event.Fresh}, will)
}

func TestWhy_walksToTheRoot(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("raw", "7\n")
	why, err := w.open().Why(context.Background(), "test", everything)
	require.NoError(t, err)
	var chain []string
	for at := why; at != nil; at = at.Above[0] {
		chain = append(chain, at.Stage)
		if len(at.Above) == 0 {
			require.True(t, strings.HasPrefix(at.Reasons[0].String(), "dep raw"))
			require.NotEmpty(t, at.Nearest, "the nearest earlier run is told")
			break
		}
	}
	require.Equal(t, []string{"test", "train", "clean", "create"}, chain)
}

func TestRepro_warnsOfWhatIsLikelyWrong(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n  a: {cmd: empty > x, deps: [empty], outs: [x]}\n  b: {cmd: bad > X, deps: [bad], metrics: [X]}\n",
		"empty":         "", "bad": "a: [\n",
	})
	w.repro(everything, "a", "b")
	require.Contains(t, w.warnings(), "out x is empty")
	require.Contains(t, w.warnings(), "metrics X can't be read")
	require.Contains(t, w.warnings(), "differ only in case")
}

func TestRepro_outBehindALink(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n  a: {cmd: raw > ln/x, deps: [raw], outs: [ln/x]}\n  b: {cmd: raw > real/x, deps: [raw], outs: [real/x]}\n",
		"raw":           "1", "real/y": "",
	})
	require.NoError(t, os.Symlink("real", w.path("ln")))
	ran, err := w.try(everything)
	require.Empty(t, ran)
	require.ErrorContains(t, err, "behind a symbolic link: it is real/x")
}

// stopAfter is a sink that stops the run when the first stage has ended.
type stopAfter struct {
	event.Log
	stop func()
}

func (s *stopAfter) Emit(e event.Event) {
	s.Log.Emit(e)
	if _, is := e.(event.StageFinished); is {
		s.stop()
	}
}

func TestRepro_stoppedWithNothingToDo(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, "create", "clean", "train", "test")
	ctx, stop := context.WithCancel(context.Background())
	sink := &stopAfter{stop: stop}
	err := w.open().Repro(ctx, everything, sink)
	require.EqualError(t, err, "interrupted; 1 of 4 stages done and saved")
	w.log = sink.Log
	require.Equal(t, map[string]event.Status{"create": event.Fresh, "clean": event.Skipped, "train": event.Skipped, "test": event.Skipped}, w.ended())
	w.repro(everything)
}

// TestPlan_ofManyStages compares a plan of so many stages that their outs are looked at
// ahead with plans of one stage each.
func TestPlan_ofManyStages(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs more than a thousand stages")
	}
	const n = 1100
	w := grown(t, n)
	for i := 0; i < n; i += 100 {
		w.write(fmt.Sprint("in", i), "changed")
		w.write(fmt.Sprint("out", i+1), "changed")
		w.remove(fmt.Sprint("out", i+2))
		w.remove(fmt.Sprint("out", i+3))
		require.NoError(t, os.Mkdir(w.path(fmt.Sprint("out", i+3)), 0o755))
	}
	plan, err := w.open().Plan(context.Background(), everything)
	require.NoError(t, err)
	stale, e := 0, w.open()
	for i, step := range plan.Steps {
		if step.State != engine.Fresh {
			stale++
		}
		if i%100 > 4 {
			continue
		}
		alone, err := e.Plan(context.Background(), engine.Options{Selection: engine.Selection{Targets: []string{step.Stage.Name}}})
		require.NoError(t, err)
		require.Equal(t, alone.Steps[0].Reasons, step.Reasons, step.Stage.Name)
	}
	require.Equal(t, 4*n/100, stale)
}
