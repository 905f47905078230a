package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/stages"
)

// An attempt makes a stage a transaction. Before the command runs, the outs that
// are there move aside; when it fails, they come back. On disk, while it lasts:
//
//	.flow/tmp/attempt/<key>/intent      which outs, durable before anything moves; later,
//	                                    what the command made (unsaved.go)
//	.flow/tmp/attempt/<key>/outs/<out>  what was there before
//
// and the stage's flock is held, by flow and by the command. So an attempt whose
// flock is free was cut short, and recover puts things back. What a command made that had
// ended well is not lost then: the next run saves it.
type attempt struct {
	e     *Engine
	stage string
	dir   string
	outs  []intendedOut
	guard *disk.Lock
	uses  []*disk.Lock // on the outs: shared of the stages above, whose outs this one reads; exclusive of its own
	moved bool         // another process had the stage, or left it half done

	logged bool // its command has printed something

	unsaved *unsaved // once the command has ended well; nil when that can't be gone on with
}

// intent is the file that says what an attempt moves.
type intent struct {
	Stage string        `json:"stage"`
	Began time.Time     `json:"began"`
	Outs  []intendedOut `json:"outs"`
}

type intendedOut struct {
	Path    string `json:"path"`
	Existed bool   `json:"existed"`
	Persist bool   `json:"persist"`
}

func (e *Engine) attemptDir(stage string) string {
	return e.State + "/tmp/attempt/" + stageKey(stage)
}

func (e *Engine) guardName(stage string) string {
	return e.State + "/tmp/stage/" + stageKey(stage)
}

// useName is the flock on a stage's outs: shared by who reads them, exclusive while
// they are remade. Commands don't inherit it, so that what a command leaves running
// stops nobody from reading.
func (e *Engine) useName(stage string) string { return e.guardName(stage) + ".use" }

// stageKey is a short file name for a stage's.
func stageKey(stage string) string { return digest.Sum([]byte(stage)).Hex()[:16] }

// take takes the stage's flocks, waiting for another process that runs it or reads its
// outs. All processes take them from above to below, so that none waits in a circle. An
// attempt that was cut short is ended first.
func (e *Engine) take(ctx context.Context, stage string, wait bool, tell func(event.Warning)) (*attempt, error) {
	a := &attempt{e: e, stage: stage, dir: e.attemptDir(stage)}
	err := a.lockNow(ctx, wait, tell)
	if errors.Is(err, fs.ErrNotExist) {
		if err = e.Root.MkdirAll(e.State+"/tmp/stage", 0o755); err == nil {
			a.release()
			a.uses = nil
			err = a.lockNow(ctx, wait, tell)
		}
	}
	if err != nil {
		a.release()
		return nil, err
	}
	warning, err := e.recoverHeld(ctx, a.dir)
	if err != nil {
		a.release()
		return nil, err
	}
	if warning != nil {
		a.moved = true
		tell(*warning)
	}
	return a, nil
}

// lockNow is lock for who may not want to wait.
func (a *attempt) lockNow(ctx context.Context, wait bool, tell func(event.Warning)) error {
	if wait {
		return a.lock(ctx, tell)
	}
	within, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := a.lock(within, func(event.Warning) { stop(errors.New("not waited for")) })
	var busy *disk.BusyError
	if ctx.Err() == nil && errors.As(err, &busy) {
		return &StageError{Stage: a.stage, Msg: cmp.Or(busy.Owner, "another process") + " has it", Err: busy}
	}
	return err
}

func (a *attempt) lock(ctx context.Context, tell func(event.Warning)) error {
	waiting := func(by string) {
		a.moved = true
		tell(event.Warning{Stage: a.stage, Text: "waiting for " + cmp.Or(by, "another process")})
	}
	use := func(name string, mode disk.LockMode) error {
		lock, err := a.e.Root.Lock(ctx, a.e.useName(name), mode, holder("stage "+a.stage), waiting)
		if err == nil {
			a.uses = append(a.uses, lock)
		}
		return err
	}
	for _, name := range a.e.Graph.Parents(a.stage) {
		if err := use(name, disk.Shared); err != nil {
			return fmt.Errorf("lock the outs of %s, which it reads: %w", name, err)
		}
	}
	var err error
	if a.guard, err = a.e.Root.Lock(ctx, a.e.guardName(a.stage), disk.Exclusive, holder("stage "+a.stage), waiting); err != nil {
		return fmt.Errorf("lock the stage: %w", err)
	}
	if err := use(a.stage, disk.Exclusive); err != nil {
		return fmt.Errorf("lock the stage's outs: %w", err)
	}
	return nil
}

// holder says in a lock file which process holds it, and at what, for who waits.
func holder(at string) string { return fmt.Sprintf("process %d, at %s", os.Getpid(), at) }

// release frees the flocks.
func (a *attempt) release() {
	if a.guard != nil {
		a.guard.Unlock()
	}
	for _, lock := range a.uses {
		lock.Unlock()
	}
}

// begin moves the outs aside and makes their parent folders.
func (a *attempt) begin(ctx context.Context, outs []stages.Out) error {
	for _, out := range outs {
		a.outs = append(a.outs, intendedOut{Path: out.Path, Existed: a.e.Root.Exists(out.Path), Persist: out.Persist})
	}
	text, err := json.Marshal(intent{Stage: a.stage, Began: time.Now(), Outs: a.outs})
	if err != nil {
		return err
	}
	if err := a.intend(append(text, '\n')); err != nil {
		return err
	}
	for _, out := range a.outs {
		if err := a.aside(ctx, out); err != nil {
			return fmt.Errorf("move %s aside: %w", out.Path, err)
		}
	}
	return nil
}

// intend writes the intent.
func (a *attempt) intend(text []byte) error {
	write := a.e.Root.Replace
	if a.movesNothing() { // it is of use after a kill, not after a power loss
		if a.e.spares.become(a.e.Root, a.dir, text) {
			return nil
		}
		write = a.e.Root.ReplaceSoon
	}
	if err := a.e.Root.MkdirAll(a.dir, 0o755); err != nil {
		return err
	}
	return write(a.dir+"/intent", text, 0o644)
}

func (a *attempt) movesNothing() bool {
	return !slices.ContainsFunc(a.outs, func(out intendedOut) bool { return out.Existed })
}

func (a *attempt) aside(ctx context.Context, out intendedOut) error {
	if parent := path.Dir(out.Path); parent != "." {
		if err := a.e.Root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	if !out.Existed {
		return nil
	}
	to := a.dir + "/outs/" + out.Path
	if err := a.e.Root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	if !out.Persist {
		return a.e.Workspace.MoveAside(out.Path, to)
	}
	if err := a.e.Workspace.Unprotect(ctx, out.Path); err != nil {
		return err
	}
	return a.e.Workspace.CopyAside(ctx, out.Path, to)
}

// commit forgets what was there before.
func (a *attempt) commit() error {
	if a.movesNothing() && !a.logged && len(a.outs) > 0 && a.e.spares.take(a.e.Root, a.dir, a.e.State) {
		return nil
	}
	if err := a.e.Root.Remove(a.dir + "/intent"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if a.logged {
		_ = a.e.Root.Remove(a.dir + "/log")
	}
	if a.e.Root.Remove(a.dir) == nil {
		return nil
	}
	return a.e.Root.RemoveAll(a.dir)
}

// rollBack brings back what was there before, and keeps what the attempt left
// under failed/<stage>, whose path it returns; "" when it left nothing. When its command
// had ended well, and a later run can go on with what it made, unsaved stays set.
func (a *attempt) rollBack(ctx context.Context) (string, error) {
	kept := ""
	failed := a.e.failedDir(a.stage)
	if !a.e.intact(ctx, "", a.unsaved) {
		a.unsaved = nil
	}
	if err := a.e.Root.RemoveAll(failed); err != nil {
		return "", err
	}
	if a.e.Root.Exists(a.dir + "/log") {
		if err := a.keep(a.dir+"/log", failed+"/log"); err != nil {
			return "", err
		}
		kept = failed
	}
	for _, out := range a.leftOuts() {
		before := a.dir + "/outs/" + out.Path
		moved := a.e.Root.Exists(before)
		if out.Existed && !moved {
			continue // it never left its place
		}
		if a.e.Root.Exists(out.Path) {
			if err := a.keep(out.Path, failed+"/outs/"+out.Path); err != nil {
				return kept, err
			}
			kept = failed
		}
		if moved {
			if err := a.e.Workspace.MoveBack(before, out.Path); err != nil {
				return kept, fmt.Errorf("bring back %s: %w", out.Path, err)
			}
		}
	}
	if a.unsaved != nil && !a.e.keepUnsaved(ctx, failed, a.unsaved) {
		a.unsaved = nil
	}
	return kept, a.commit()
}

// leftOuts returns the outs to look after when the attempt ends badly: those that it was
// to make, and of patterns those that it made.
func (a *attempt) leftOuts() []intendedOut {
	outs := slices.Clone(a.outs)
	if a.unsaved == nil {
		return outs
	}
	for _, name := range sortedKeys(a.unsaved.Outs) {
		if !slices.ContainsFunc(outs, func(out intendedOut) bool { return out.Path == name }) {
			outs = append(outs, intendedOut{Path: name})
		}
	}
	return outs
}

func (a *attempt) keep(from, to string) error {
	if err := a.e.Root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	if err := a.e.Workspace.MoveAside(from, to); err != nil {
		return fmt.Errorf("keep %s: %w", from, err)
	}
	return nil
}

// safeName makes a stage's name a file's.
func safeName(stage string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, strings.TrimLeft(stage, "."))
}
