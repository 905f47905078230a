package main

import (
	"slices"

	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/ui"
)

// clear refuses a selection that has to do with something that can't be read, and
// otherwise says that there is such a thing.
func (a *app) clear(e *engine.Engine, selection engine.Selection) error {
	broken := e.Pipeline.Broken
	if len(broken) == 0 {
		return nil
	}
	targets := selection.Targets
	if selection.All || selection.Recursive || selection.Glob {
		targets = nil
	}
	if err := e.Pipeline.Obstacles(targets, nil).Err(); err != nil {
		return err
	}
	names, err := e.Select(selection)
	if err != nil {
		return err
	}
	if err := e.Pipeline.Obstacles(targets, names).Err(); err != nil {
		return err
	}
	style := ui.StyleFor(a.err)
	for _, b := range broken {
		a.say("%s %s can't be read, which is in nobody's way here: %s", style.Yellow("note:"), b.Name, b.Problems[0])
	}
	return nil
}

// brokenStatus is the status of a pipeline of which parts can't be read: of all else, and
// of what depends on them that nothing can be said. The error is what is wrong.
func brokenStatus(a *app, e *engine.Engine, plan *engine.Plan) error {
	blocked := func(step *engine.Step) bool {
		name := step.Stage.Name
		return len(e.Pipeline.Obstacles([]string{name}, e.Graph.Upstream(name))) > 0
	}
	var waiting []string
	for _, step := range plan.Steps {
		if blocked(step) {
			waiting = append(waiting, step.Stage.Title())
		}
	}
	clear := *plan
	clear.Steps = slices.DeleteFunc(slices.Clone(plan.Steps), blocked)
	var problems diag.List
	for _, b := range e.Pipeline.Broken {
		problems = append(problems, b.Problems...)
	}
	switch {
	case a.quiet, len(plan.Steps) == 0 && !a.json:
	case a.json:
		if err := ui.WriteJSON(a.out, append(statusLines(e, &clear), brokenLines(e, waiting)...)); err != nil {
			return err
		}
	default:
		style := ui.StyleFor(a.out)
		printStatus(a, e, &clear, false)
		for _, name := range waiting {
			a.print("%s: %s", style.Bold(name), style.Yellow("depends on what can't be read"))
		}
		for _, b := range e.Pipeline.Broken {
			a.print("%s: %s", style.Bold(b.Name), style.Red("can't be read"))
		}
	}
	return problems.Err()
}

// The states of `flow status --json` of what can't be read, and of what depends on it.
const (
	stateBroken  engine.State = "broken"
	stateBlocked engine.State = "blocked"
)

func brokenLines(e *engine.Engine, waiting []string) []statusLine {
	var lines []statusLine
	for _, name := range waiting {
		lines = append(lines, statusLine{Stage: name, State: stateBlocked, Reasons: []event.Reason{}})
	}
	for _, b := range e.Pipeline.Broken {
		line := statusLine{Stage: b.Name, State: stateBroken, Reasons: []event.Reason{}}
		for _, problem := range b.Problems {
			line.Problems = append(line.Problems, problem.Error())
		}
		lines = append(lines, line)
	}
	return lines
}
