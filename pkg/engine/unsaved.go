package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/lock"
)

// unsaved is what a command made that has ended well, until it is recorded. When the
// saving is cut short, the next run goes on with that, and does not run the command again.
// It is written down as a line, a sum and JSON:
//
//	.flow/tmp/attempt/<key>/intent   behind the intent, once the command has ended
//	.flow/failed/<stage>/unsaved     when the outs from before are back, and these are in outs/
//
// Nothing is synced for it: it counts only until the machine is started again, as a kill
// loses no written page, and only while the outs have the stats that it tells of.
type unsaved struct {
	Stage  string            `json:"stage"`
	Inputs string            `json:"inputs"` // a digest of all that it was made from
	Was    string            `json:"was"`    // a digest of what was recorded of the stage before
	Outs   map[string]string `json:"outs"`   // their stamps, by path
	Boot   string            `json:"boot"`
	Run    string            `json:"run,omitempty"` // the run's id
	Ended  time.Time         `json:"ended"`
	Usage  *event.Usage      `json:"usage,omitempty"` // of the command
}

const unsavedName = "/unsaved"

// encode writes the line.
func (u *unsaved) encode() ([]byte, error) {
	text, err := json.Marshal(u)
	if err != nil {
		return nil, err
	}
	return append([]byte(digest.Sum(text).Hex()[:16]+" "+string(text)), '\n'), nil
}

// decodeUnsaved reads the last whole line; nil when there is none.
func decodeUnsaved(text []byte) *unsaved {
	var last *unsaved
	for line := range strings.Lines(string(text)) {
		sum, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		u := &unsaved{}
		if sum == digest.Sum([]byte(text)).Hex()[:16] && json.Unmarshal([]byte(text), u) == nil {
			last = u
		}
	}
	return last
}

// ended notes that the command has ended well, and what it made. What can't be noted is
// made again, should the saving be cut short, and costs nothing else.
func (w *work) ended(ctx context.Context, a *attempt) {
	a.unsaved = nil
	u := &unsaved{Stage: a.stage, Inputs: w.inputs(), Was: entrySum(w.step.was), Outs: map[string]string{}, Boot: w.e.Root.Boot(), Run: w.e.RunID, Ended: time.Now(), Usage: w.usage}
	if u.Inputs == "" || u.Boot == "" {
		return
	}
	for _, out := range a.outs {
		u.Outs[out.Path] = ""
	}
	if w.step.Stage.Map == nil { // else its outs are the folders
		for _, out := range w.made {
			u.Outs[out.Path] = ""
		}
	}
	if !w.e.stamp(ctx, "", u) {
		return
	}
	a.unsaved = u
	line, err := u.encode()
	if err != nil {
		return
	}
	file, err := w.e.Root.Extend(a.dir+"/intent", 0o644)
	if err != nil {
		return
	}
	_, _ = file.Write(line) // a line that is cut is none
	_ = file.Close()
}

// entrySum is a digest of what is recorded of a stage.
func entrySum(entry *lock.Entry) string {
	text, err := json.Marshal(entry)
	if err != nil {
		return ""
	}
	return digest.Sum(text).Hex()
}

// inputs is a digest of what the stage makes its outs from: what it reads, what was
// recorded of it before, and the outs that the command goes on from. "" when these don't
// tell what it makes.
func (w *work) inputs() string {
	stage := w.step.Stage
	if stage.AlwaysChanged || stage.Callback() || stage.Frozen || len(w.step.is.missing) > 0 {
		return ""
	}
	lines := action(stage, w.step.is).Lines
	was, err := json.Marshal(w.step.was)
	if err != nil {
		return ""
	}
	lines = append(lines, cache.Line("was", string(was)))
	for _, out := range w.step.is.made {
		if out.Persist {
			before := w.step.is.out(out.Path)
			lines = append(lines, cache.Line("persist", out.Path, before.Mode.String(), before.ID.String()))
		}
	}
	return cache.Action{Lines: lines}.Key().String()
}

// stamp sets the stamps of outs that are below a folder now; false when they don't tell.
func (e *Engine) stamp(ctx context.Context, below string, u *unsaved) bool {
	for out := range u.Outs {
		stamp, err := e.Workspace.Stamp(ctx, path.Join(below, out))
		if err != nil || stamp == "" {
			return false
		}
		u.Outs[out] = stamp
	}
	return true
}

// intact reports whether outs that are below a folder are as the command left them, and
// it is known that no power loss took any of it.
func (e *Engine) intact(ctx context.Context, below string, u *unsaved) bool {
	if u == nil || u.Boot != e.Root.Boot() {
		return false
	}
	for out, was := range u.Outs {
		if disk.CheckName(out) != nil {
			return false
		}
		stamp, err := e.Workspace.Stamp(ctx, path.Join(below, out))
		if err != nil || stamp == "" || stamp != was {
			return false
		}
	}
	return true
}

// keepUnsaved notes that what a command made is below failed/, after it was moved there.
func (e *Engine) keepUnsaved(ctx context.Context, failed string, u *unsaved) bool {
	if !e.stamp(ctx, failed+"/outs", u) {
		return false
	}
	line, err := u.encode()
	if err != nil || e.Root.MkdirAll(failed, 0o755) != nil {
		return false
	}
	return e.Root.ReplaceSoon(failed+unsavedName, line, 0o644) == nil
}

func (e *Engine) failedDir(stage string) string { return e.State + "/failed/" + safeName(stage) }

// findUnsaved returns what the stage's command made when it last ran, if it was made from
// what there is now and only has to be saved.
func (w *work) findUnsaved(ctx context.Context) (*unsaved, error) {
	stage, failed := w.step.Stage, w.e.failedDir(w.step.Stage.Name)
	u := w.unsavedIn(ctx, failed+unsavedName, failed+"/outs")
	if u == nil || w.options.Force || w.forced() {
		return nil, nil
	}
	if stage.Map == nil {
		return u, nil
	}
	m, err := w.mapping(ctx)
	if err != nil || len(m.touched()) != len(u.Outs) {
		return nil, err
	}
	for _, out := range m.touched() {
		if _, found := u.Outs[out.Path]; !found {
			return nil, nil // it would be missing afterwards
		}
	}
	return u, nil
}

// unsavedIn returns what a file tells of, if that was made from what there is now and is
// below a folder as the command left it.
func (w *work) unsavedIn(ctx context.Context, file, below string) *unsaved {
	if !w.e.Root.Exists(file) {
		return nil
	}
	text, err := w.e.Root.Read(file)
	if err != nil {
		return nil
	}
	u := decodeUnsaved(text)
	if u == nil || u.Stage != w.step.Stage.Name || u.Inputs != w.inputs() || !w.e.intact(ctx, below, u) {
		return nil
	}
	return u
}

// savable foretells whether a run would find that the stage only has to be saved, also
// before it has brought back the outs from before.
func (e *Engine) savable(ctx context.Context, step *Step, options Options) bool {
	w := &work{e: e, step: step, options: options}
	u, err := w.findUnsaved(ctx)
	return err == nil && u != nil || w.unsavedIn(ctx, e.attemptDir(step.Stage.Name)+"/intent", "") != nil
}

// takeUp puts what the command made before in the place of the outs, which are aside.
func (w *work) takeUp(_ context.Context, a *attempt) error {
	failed := w.e.failedDir(a.stage)
	if err := w.e.Root.Remove(failed + unsavedName); err != nil {
		return fmt.Errorf("put in place what the command made: %w", err)
	}
	made := failed + "/outs/"
	for _, out := range sortedKeys(w.taken.Outs) {
		if !w.e.Root.Exists(made + out) {
			continue // the command left none
		}
		if err := w.e.Root.RemoveAll(out); err != nil { // one that stays in place for the command
			return fmt.Errorf("put %s in place: %w", out, err)
		}
		if err := w.e.Workspace.MoveBack(made+out, out); err != nil {
			return fmt.Errorf("put %s in place: %w", out, err)
		}
	}
	w.usage = w.taken.Usage
	return w.e.Root.RemoveAll(failed)
}

// forgetUnsaved removes what only had to be saved, now that the stage is recorded.
func (e *Engine) forgetUnsaved(stage string) error {
	failed := e.failedDir(stage)
	if !e.Root.Exists(failed + unsavedName) {
		return nil
	}
	return e.Root.RemoveAll(failed)
}
