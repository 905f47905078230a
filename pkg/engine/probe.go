package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"flow/pkg/digest"
	"flow/pkg/stages"
)

// Probe tells what a dep holds that is no file of the project: the output of a command,
// a variable's value, a program's content, what an address serves. The command says
// where and with which environment the stage runs; its script is that of a cmd dep.
type Probe func(ctx context.Context, dep stages.Dep, command Command) (digest.Content, error)

// probes keeps what was told during one command, so that nothing is asked twice: what
// is outside may change at any time, and one answer is what a run is recorded with.
type probes struct {
	mu   sync.Mutex
	told map[string]told
}

type told struct {
	content digest.Content
	err     error
}

// probe asks once for a dep that is no file of the project.
func (e *Engine) probe(ctx context.Context, stage *stages.Stage, dep stages.Dep) (digest.Content, error) {
	if e.Probe == nil {
		return digest.Content{}, fmt.Errorf("deps of the kind %s can't be read here", dep.Kind)
	}
	command := Command{Stage: stage.Name, Shell: stage.Shell, Dir: e.Root.Path(stage.Wdir), Env: e.stageEnv(stage)}
	if dep.Kind == stages.CmdDep {
		command.Script = dep.Text()
	}
	key := strings.Join([]string{dep.Path, command.Dir, strings.Join(command.Shell, "\x00"), strings.Join(command.Env, "\x00")}, "\x01")
	e.probes.mu.Lock()
	defer e.probes.mu.Unlock()
	if known, found := e.probes.told[key]; found {
		return known.content, known.err
	}
	content, err := e.Probe(ctx, dep, command)
	if ctx.Err() != nil {
		return content, ctx.Err()
	}
	if e.probes.told == nil {
		e.probes.told = map[string]told{}
	}
	e.probes.told[key] = told{content, err}
	return content, err
}

// forgetProbes has everything asked again: a stage has run, and a command's output may
// depend on what it made.
func (e *Engine) forgetProbes(stage *stages.Stage) {
	for _, dep := range stage.Deps {
		if dep.Kind == stages.CmdDep {
			e.probes.mu.Lock()
			clear(e.probes.told)
			e.probes.mu.Unlock()
			return
		}
	}
}

// stageEnv is the environment that a stage's commands get over flow's own.
func (e *Engine) stageEnv(stage *stages.Stage) []string {
	env := make([]string, 0, len(stage.Env)+2)
	for _, v := range stage.Env {
		env = append(env, v.Name+"="+v.Value)
	}
	return append(env, "FLOW_ROOT="+e.Root.Dir(), "FLOW_STAGE="+stage.Name)
}
