package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/engine"
	"flow/pkg/event"
)

func TestCommit_recordsAChainAtOnce(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("clean", "by hand\n")
	done, err := w.open().Commit(context.Background(), engine.CommitOptions{})
	require.NoError(t, err)
	var names []string
	for _, committed := range done {
		names = append(names, committed.Stage)
	}
	require.Equal(t, []string{"clean", "train"}, names, "train reads what was edited")
	w.repro(everything)
	require.Equal(t, "by hand\n", w.read("clean"))
}

func TestCommit_asksWhereTheCommandChanged(t *testing.T) {
	w := fourStageWorld(t)
	w.repro(everything, allFour...)
	w.write("pipeline.yaml", strings.Replace(fourStages, "cmd: model >", "cmd: model model >", 1))
	asked := ""
	options := engine.CommitOptions{Confirm: func(stage string, reasons []engine.Reason) bool {
		asked = stage + ": " + string(reasons[0].Kind)
		return false
	}}
	done, err := w.open().Commit(context.Background(), options)
	require.NoError(t, err)
	require.Empty(t, done)
	require.Equal(t, "test: cmd changed", asked)
	_, err = w.open().Commit(context.Background(), engine.CommitOptions{})
	require.NoError(t, err)
	w.repro(everything)
}

func TestPlan_sourceThatWasNeverAdded(t *testing.T) {
	w := newWorld(t, map[string]string{"pipeline.yaml": "data: [raw]\nstages:\n  a: {cmd: raw > x, deps: [raw], outs: [x]}\n"})
	plan, err := w.open().Plan(context.Background(), everything)
	require.NoError(t, err)
	require.Equal(t, event.Missing, plan.Steps[0].Will)
	ran, err := w.try(everything)
	require.Empty(t, ran)
	require.ErrorIs(t, err, engine.ErrMissing)
}
