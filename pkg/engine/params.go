package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// paramsVar is the environment variable that names the file with a stage's params: what
// is recorded of them, whatever becomes of their own files meanwhile.
const paramsVar = "FLOW_PARAMS"

// unseenSettings refuses to run a stage under a setting that its command would not see:
// the result would be recorded under a value that it was not made with.
func (e *Engine) unseenSettings(step *Step) diag.List {
	var problems diag.List
	if step.Will == event.WouldGet || step.Will == event.WouldSave || strings.Contains(strings.Join(step.Stage.Cmd, "\n"), paramsVar) {
		return nil
	}
	for _, param := range step.Stage.Params {
		for _, setting := range e.Settings {
			filled := slices.ContainsFunc(step.Stage.Filled, func(key string) bool { return setting.Touches("", key) || setting.Touches(param.File, key) })
			if setting.Touches(param.File, param.Key) && !filled {
				problems.Add(diag.At(param.Pos, "stage %q reads %s from %s by itself, where --set %s is not seen", step.Stage.Title(), setting.Key, param.File, setting.Text).
					WithHint("fill it into the cmd as ${%s}, or let the command read the file that $%s names", setting.Key, paramsVar))
			}
		}
	}
	return problems
}

// writeParams writes the params that a stage is recorded with, as JSON by file, and
// returns the file's path; "" for a stage without params.
func (a *attempt) writeParams(params lock.Params, stage *stages.Stage) (string, error) {
	if len(stage.Params) == 0 {
		return "", nil
	}
	tree := map[string]any{}
	for file, keys := range params {
		below := map[string]any{}
		for _, key := range sortedKeys(keys) {
			value := any(json.RawMessage(keys[key]))
			if !json.Valid([]byte(keys[key])) {
				value = keys[key] // NaN and the infinities
			}
			put(below, strings.Split(key, "."), value)
		}
		tree[file] = below
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return "", fmt.Errorf("write the params of %s: %w", stage.Title(), err)
	}
	name := a.e.Root.Path(a.dir + "/params.json")
	if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil { // as good as gone after a crash
		return "", fmt.Errorf("write the params of %s: %w", stage.Title(), err)
	}
	return name, nil
}

// put sets the value at a path of keys. Where a value is in the way, the rest of the
// path is one key with dots.
func put(tree map[string]any, path []string, value any) {
	for i, key := range path[:len(path)-1] {
		below, isMap := tree[key].(map[string]any)
		if tree[key] != nil && !isMap {
			tree[strings.Join(path[i:], ".")] = value
			return
		}
		if !isMap {
			below = map[string]any{}
			tree[key] = below
		}
		tree = below
	}
	tree[path[len(path)-1]] = value
}
