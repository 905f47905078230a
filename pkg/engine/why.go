package engine

import (
	"context"
	"fmt"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/event"
	"flow/pkg/lock"
)

// Cause is why a stage is stale, down to the files and params at the root.
type Cause struct {
	Stage   string       `json:"stage"`
	Will    event.Status `json:"will"`
	Reasons []Reason     `json:"reasons"`
	Files   []string     `json:"files,omitempty"`   // of directories that changed: which files
	Nearest []string     `json:"nearest,omitempty"` // how the nearest earlier run differs
	Above   []*Cause     `json:"above,omitempty"`
	Told    bool         `json:"told,omitempty"` // its causes stand elsewhere in the tree
}

// Why walks from a stage to what changed.
func (e *Engine) Why(ctx context.Context, target string, options Options) (*Cause, error) {
	names, err := e.targets(Selection{Targets: []string{target}})
	if err != nil {
		return nil, err
	}
	if len(names) != 1 {
		return nil, fmt.Errorf("%q stands for %d stages; name one of them", target, len(names))
	}
	options.Targets = names
	plan, err := e.Plan(ctx, options)
	if err != nil {
		return nil, err
	}
	return e.cause(ctx, plan, names[0], map[string]bool{})
}

func (e *Engine) cause(ctx context.Context, plan *Plan, name string, told map[string]bool) (*Cause, error) {
	step, _ := plan.Step(name)
	cause := &Cause{Stage: step.Stage.Title(), Will: step.Will, Reasons: step.Reasons}
	if cause.Reasons == nil {
		cause.Reasons = []Reason{}
	}
	if told[name] {
		cause.Told = true
		return cause, nil
	}
	told[name] = true
	cause.Files = e.changedFiles(ctx, step, plan.Locked)
	if step.Will == event.WouldRun && len(step.Waits) == 0 && !step.Stage.Source {
		_, differing, found, err := e.Cache.Nearest(ctx, action(step.Stage, step.is))
		if err != nil {
			return nil, err
		}
		if found {
			for _, line := range differing {
				cause.Nearest = append(cause.Nearest, differingLine(line))
			}
		}
	}
	for _, above := range step.Waits {
		next, err := e.cause(ctx, plan, above, told)
		if err != nil {
			return nil, err
		}
		cause.Above = append(cause.Above, next)
	}
	return cause, nil
}

// shownFiles is how many files of a directory are named.
const shownFiles = 10

// changedFiles names what changed inside the directories among a step's reasons.
func (e *Engine) changedFiles(ctx context.Context, step *Step, locked *lock.File) []string {
	var files []string
	for _, reason := range step.Reasons {
		var was digest.Content
		switch reason.Kind {
		case event.DepChanged:
			was, _ = step.was.Dep(reason.Subject)
		case event.OutChanged:
			was, _ = step.was.Out(reason.Subject)
		case event.SourceChanged:
			was = locked.Data[reason.Subject]
		default:
			continue
		}
		if was.Mode == digest.Dir {
			files = append(files, e.differences(ctx, reason.Subject, was)...)
		}
	}
	return files
}

func (e *Engine) differences(ctx context.Context, name string, was digest.Content) []string {
	before, err := e.Cache.ReadTree(ctx, was.ID)
	if err != nil {
		return nil
	}
	after, _, err := e.Workspace.Tree(ctx, name)
	if err != nil {
		return nil
	}
	var files []string
	changes := cache.DiffTrees(before, after)
	for i, change := range changes {
		if i == shownFiles {
			files = append(files, fmt.Sprintf("and %d more", len(changes)-i))
			break
		}
		files = append(files, fmt.Sprintf("%s %s/%s", changeWord(change), name, change.Path))
	}
	return files
}

func changeWord(change cache.TreeChange) string {
	switch {
	case change.Added():
		return "added"
	case change.Removed():
		return "removed"
	}
	return "changed"
}

// differingLine writes a line of an action that was another one in an earlier run.
func differingLine(line cache.LineDiff) string {
	switch {
	case line.Was == "":
		return "now also: " + line.Is
	case line.Is == "":
		return "no longer: " + line.Was
	}
	return line.Was + " → " + line.Is
}
