package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/document"
	"flow/pkg/dvc"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/values"
)

// recorder turns what DVC recorded of stages into entries of flow's lock.
type recorder struct {
	facts  *facts
	params map[string]*values.Tree // by file; nil when it can't be read
}

// entry returns what DVC recorded of a stage, as far as it is still declared: DVC does
// not take for a change what is not. What can't be told is left out, and the stage is
// then stale, as it was. whole is false when something was.
func (r *recorder) entry(ctx context.Context, stage *stages.Stage, was *dvc.Entry) (entry *lock.Entry, whole bool, err error) {
	entry = &lock.Entry{Cmd: scripts(stage, was.Cmd), Shell: stage.Shell}
	if stage.Wdir != "." {
		entry.Wdir = stage.Wdir
	}
	for _, v := range stage.Env {
		if entry.Env == nil {
			entry.Env = map[string]string{}
		}
		entry.Env[v.Name] = v.Value
	}
	whole = true
	deps := byPlace(stage, was.Deps)
	for _, dep := range stage.Deps {
		item, found := deps[dep.Path]
		if found = found && dep.Kind == stages.PathDep; found {
			found, err = r.add(ctx, &entry.Deps, dep.Path, item, false)
		}
		if err != nil {
			return nil, false, err
		}
		whole = whole && found
	}
	outs := byPlace(stage, was.Outs)
	for _, out := range stage.Outs {
		item, found := outs[out.Path]
		if found {
			found, err = r.add(ctx, &entry.Outs, out.Path, item, out.Cache)
		}
		if err != nil {
			return nil, false, err
		}
		whole = whole && found
	}
	return entry, r.addParams(stage, was.Params, entry) && whole, nil
}

// add adds a path with what it held, in order; false when that can't be told.
func (r *recorder) add(ctx context.Context, items *lock.Items, name string, item dvc.Item, keep bool) (bool, error) {
	content, found, err := r.facts.content(ctx, name, item, keep)
	if err != nil || !found {
		return false, err
	}
	*items = append(*items, lock.Item{Path: name, Content: content})
	slices.SortFunc(*items, func(a, b lock.Item) int { return cmp.Compare(a.Path, b.Path) })
	return true, nil
}

func byPlace(stage *stages.Stage, items []dvc.Item) map[string]dvc.Item {
	places := map[string]dvc.Item{}
	for _, item := range items {
		places[placeOf(stage, item)] = item
	}
	return places
}

// scripts returns the scripts that ran: the stage's own, if they are the same but for
// how they are split.
func scripts(stage *stages.Stage, ran []string) []string {
	if len(stage.Cmd) == 1 && strings.Join(dvc.Lines(stage.Cmd[0]), "\n") == strings.Join(ran, "\n") {
		return stage.Cmd
	}
	return ran
}

// addParams adds the values of a stage's params; false when one was not recorded.
func (r *recorder) addParams(stage *stages.Stage, was *document.Node, entry *lock.Entry) bool {
	whole := true
	for _, param := range stage.Params {
		leaves, found := r.param(stage, param, was)
		if !found {
			whole = false
			continue
		}
		if entry.Params == nil {
			entry.Params = lock.Params{}
		}
		if entry.Params[param.File] == nil {
			entry.Params[param.File] = map[string]string{}
		}
		for key, value := range leaves {
			entry.Params[param.File][key] = value
		}
	}
	return whole
}

// param returns the values below one declared param, as they were: with the words of
// today's where Python takes them for equal, as DVC compares them with ==.
func (r *recorder) param(stage *stages.Stage, param stages.Param, was *document.Node) (map[string]string, bool) {
	if was == nil {
		return nil, false
	}
	for _, file := range was.Entries {
		if path.Join(stage.Wdir, file.Key.Text) != param.File {
			continue
		}
		node := file.Value
		if param.Key != "" {
			node = node.Get(param.Key)
		}
		if node == nil {
			return nil, false
		}
		old, err := leavesOf(node, param.Key)
		if err != nil {
			return nil, false
		}
		if now := r.current(param); now != nil && pythonEqual(old, now) {
			return now, true
		}
		return old, true
	}
	return nil, false
}

// leavesOf flattens a recorded value as the engine flattens one of a params file.
func leavesOf(node *document.Node, key string) (map[string]string, error) {
	text := document.Encode(document.Fields{{Key: "v", Value: node}})
	tree, err := values.Load("recorded.yaml", text)
	if err != nil {
		return nil, err
	}
	at, found := tree.At("v")
	if !found {
		return nil, errors.New("it holds nothing")
	}
	return flatten(at, key), nil
}

func flatten(tree *values.Tree, key string) map[string]string {
	leaves := map[string]string{}
	for _, leaf := range tree.Flatten() {
		leaves[strings.Trim(key+"."+leaf.Key, ".")] = leaf.Value.Encode()
	}
	return leaves
}

// current returns the values below a param as its file has them; nil when it doesn't.
func (r *recorder) current(param stages.Param) map[string]string {
	tree, known := r.params[param.File]
	if !known {
		text, err := r.facts.target.Root.Read(param.File)
		if err == nil {
			tree, err = values.Load(param.File, text)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			tree = nil // what is wrong with it, the next command tells
		}
		r.params[param.File] = tree
	}
	if tree == nil {
		return nil
	}
	at, found := tree.At(param.Key)
	if !found {
		return nil
	}
	return flatten(at, param.Key)
}

// sources returns the records of the data sources.
func (r *recorder) sources(ctx context.Context, plan *Plan) ([]lock.Record, error) {
	var records []lock.Record
	for _, source := range plan.project.Sources {
		content, found, err := r.facts.content(ctx, source.Path, source.Item, true)
		if err != nil {
			return nil, fmt.Errorf("data source %s: %w", source.Path, err)
		}
		if found {
			records = append(records, lock.Record{Source: source.Path, Is: &content})
		}
	}
	return records, nil
}
