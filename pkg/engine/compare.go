package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// compare says how a stage's definition and facts differ from what was recorded:
// the order of the reasons is that of the lock's entry.
func (e *Engine) compare(ctx context.Context, stage *stages.Stage, was *lock.Entry, is *facts, options Options) []Reason {
	if was == nil {
		return []Reason{{Kind: event.NeverRun}}
	}
	var reasons []Reason
	if !stage.Frozen {
		reasons = compareDefinition(stage, was)
		if stage.AlwaysChanged || stage.Callback() {
			reasons = append(reasons, Reason{Kind: event.AlwaysChanged})
		}
		reasons = append(reasons, e.compareDeps(ctx, stage, was, is, options)...)
		reasons = append(reasons, compareParams(was, is)...)
	}
	return append(reasons, e.compareOuts(ctx, stage, was, is, options)...)
}

func compareDefinition(stage *stages.Stage, was *lock.Entry) []Reason {
	var reasons []Reason
	if !slices.Equal(stage.Cmd, was.Cmd) {
		reasons = append(reasons, Reason{Kind: event.CmdChanged, Was: oneLine(was.Cmd), Is: oneLine(stage.Cmd)})
	}
	if wdir := lockedWdir(stage); wdir != was.Wdir {
		reasons = append(reasons, Reason{Kind: event.WdirChanged, Was: cmp.Or(was.Wdir, "."), Is: cmp.Or(wdir, ".")})
	}
	if !slices.Equal(stage.Shell, was.Shell) {
		reasons = append(reasons, Reason{Kind: event.ShellChanged,
			Was: cmp.Or(strings.Join(was.Shell, " "), "default"), Is: cmp.Or(strings.Join(stage.Shell, " "), "default")})
	}
	return append(reasons, compareEnv(stage, was)...)
}

func compareEnv(stage *stages.Stage, was *lock.Entry) []Reason {
	if len(stage.Env)+len(was.Env) == 0 {
		return nil
	}
	var reasons []Reason
	env := map[string]string{}
	for _, v := range stage.Env {
		env[v.Name] = v.Value
	}
	for _, name := range sortedUnion(env, was.Env) {
		is, set := env[name]
		old, wasSet := was.Env[name]
		if set != wasSet || is != old {
			reasons = append(reasons, Reason{Kind: event.EnvChanged, Subject: name, Was: orUnset(old, wasSet), Is: orUnset(is, set)})
		}
	}
	return reasons
}

func orUnset(value string, set bool) string {
	if !set {
		return "unset"
	}
	return fmt.Sprintf("%q", value)
}

// oneLine shortens scripts for a reason.
func oneLine(scripts []string) string {
	text := strings.Join(strings.Fields(strings.Join(scripts, " && ")), " ")
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return text
}

func (e *Engine) compareDeps(ctx context.Context, stage *stages.Stage, was *lock.Entry, is *facts, options Options) []Reason {
	var reasons []Reason
	for i := range is.deps {
		dep, now := is.deps[i].Path, is.deps[i].Content
		old, recorded := was.Dep(dep)
		switch {
		case !recorded:
			reasons = append(reasons, Reason{Kind: event.DepAdded, Subject: dep})
		case !now.Exists():
			if !options.AllowMissing || e.movedOn(dep, old) {
				reasons = append(reasons, Reason{Kind: event.DepMissing, Subject: dep, Detail: detailOf(is.unknown[dep])})
			}
		case now == beingWritten:
			reasons = append(reasons, Reason{Kind: event.DepChanged, Subject: dep, Detail: writtenNow})
		case !now.Same(old):
			reasons = append(reasons, Reason{Kind: event.DepChanged, Subject: dep, Was: old.ID.Short(), Is: now.ID.Short(),
				Detail: e.depDetail(ctx, stage, dep, old, is)})
		}
	}
	for _, item := range was.Deps {
		if _, declared := is.deps.At(item.Path); !declared {
			reasons = append(reasons, Reason{Kind: event.DepRemoved, Subject: item.Path})
		}
	}
	return reasons
}

// depDetail tells how many files of a dep differ.
func (e *Engine) depDetail(ctx context.Context, stage *stages.Stage, dep string, old digest.Content, is *facts) string {
	if stage.Map != nil && stage.Map.Over == dep && old.Mode == digest.Dir {
		return e.mappedDetail(ctx, is, old)
	}
	return e.detail(ctx, dep, old, is.dep(dep))
}

// writtenNow is the detail of what doesn't hold still.
const writtenNow = "it is being written"

func detailOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// movedOn reports whether the lock's record of who makes a missing dep differs from
// what its reader recorded: the reader is stale whether or not the dep is there.
func (e *Engine) movedOn(dep string, recorded digest.Content) bool {
	locked, err := e.Ledger.Read()
	if err != nil {
		return false
	}
	for _, owner := range e.Pipeline.OwnerOf(dep) {
		if owner.Out.Path != dep {
			continue
		}
		if owner.Stage.Source {
			made, found := locked.Data[dep]
			return found && !made.Same(recorded)
		}
		if made := locked.Stages[owner.Stage.Name]; made != nil {
			content, found := made.Out(dep)
			return found && !content.Same(recorded)
		}
	}
	return false
}

// detail tells how many files of a directory differ.
func (e *Engine) detail(ctx context.Context, name string, old, now digest.Content) string {
	if old.Mode != now.Mode {
		return fmt.Sprintf("was %s, is %s", old.Mode, now.Mode)
	}
	if now.Mode != digest.Dir {
		return ""
	}
	before, err := e.Cache.ReadTree(ctx, old.ID)
	if err != nil {
		return ""
	}
	after, _, err := e.Workspace.Tree(ctx, name)
	if err != nil {
		return ""
	}
	changes := cache.DiffTrees(before, after)
	return fmt.Sprintf("%d of %d files", len(changes), max(len(before), len(after)))
}

func compareParams(was *lock.Entry, is *facts) []Reason {
	var reasons []Reason
	for _, param := range is.missing {
		reasons = append(reasons, Reason{Kind: event.ParamMissing, Subject: paramName(param.File, param.Key)})
	}
	if len(is.params)+len(was.Params) == 0 {
		return reasons
	}
	for _, file := range sortedUnion(is.params, was.Params) {
		now, old := is.params[file], was.Params[file]
		for _, key := range sortedUnion(now, old) {
			newValue, declared := now[key]
			oldValue, recorded := old[key]
			reason := Reason{Subject: paramName(file, key), Was: oldValue, Is: newValue}
			switch {
			case !recorded:
				reason.Kind = event.ParamAdded
			case !declared:
				reason.Kind = event.ParamRemoved
			case newValue != oldValue:
				reason.Kind = event.ParamChanged
			default:
				continue
			}
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// paramName is how a param is shown: with its file unless that is the usual one.
func paramName(file, key string) string {
	switch {
	case key == "":
		return file
	case file == stages.ParamsFile:
		return key
	}
	return file + ":" + key
}

func (e *Engine) compareOuts(ctx context.Context, stage *stages.Stage, was *lock.Entry, is *facts, options Options) []Reason {
	var reasons []Reason
	for i := range is.made {
		out := &is.made[i]
		now := is.out(out.Path)
		old, recorded := was.Out(out.Path)
		switch {
		case !recorded && out.Optional && !now.Exists():
		case !recorded:
			reasons = append(reasons, Reason{Kind: event.OutAdded, Subject: out.Path})
		case !now.Exists():
			if !options.AllowMissing && (!out.Temp || options.needed[out.Path]) {
				reasons = append(reasons, Reason{Kind: event.OutMissing, Subject: out.Path})
			}
		case now == beingWritten:
			reasons = append(reasons, Reason{Kind: event.OutChanged, Subject: out.Path, Detail: writtenNow})
		case !now.Same(old):
			reasons = append(reasons, Reason{Kind: event.OutChanged, Subject: out.Path, Was: old.ID.Short(), Is: now.ID.Short(),
				Detail: e.detail(ctx, out.Path, old, now)})
		case out.Cache && !options.AllowMissing && !options.NoCommit && !e.cached(ctx, old):
			reasons = append(reasons, Reason{Kind: event.NotCached, Subject: out.Path})
		}
	}
	for _, item := range was.Outs {
		if _, declared := is.outs.At(item.Path); !declared {
			reasons = append(reasons, Reason{Kind: event.OutRemoved, Subject: item.Path})
		}
	}
	return reasons
}

// cached reports whether the cache has a content, all of it.
func (e *Engine) cached(ctx context.Context, content digest.Content) bool {
	here, known := e.objects[content.ID]
	if known && (!here || content.Mode != digest.Dir) {
		return here
	}
	look := e.look
	if look == nil {
		look = e.Cache.Look()
	}
	whole, err := look.Whole(ctx, content)
	return err == nil && whole
}

// onlyOuts reports whether nothing but the outs differs, so that they can be
// restored as recorded.
func onlyOuts(reasons []Reason) bool {
	for _, reason := range reasons {
		switch reason.Kind {
		case event.OutMissing, event.OutChanged, event.NotCached:
		default:
			return false
		}
	}
	return true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sortedUnion returns the keys of two maps.
func sortedUnion[V, W any](a map[string]V, b map[string]W) []string {
	keys := sortedKeys(a)
	for key := range b {
		if _, found := a[key]; !found {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func sortedOuts(stage *stages.Stage) []string {
	paths := make([]string, 0, len(stage.Outs))
	for _, out := range stage.Outs {
		paths = append(paths, out.Path)
	}
	slices.Sort(paths)
	return paths
}
