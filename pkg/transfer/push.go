package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/store"
)

// Push moves what the remote lacks of some items there. What the cache lacks, or has
// damaged, doesn't keep the rest from going: it is told by the error. A directory's tree
// goes when all that it names is there.
//
// While it goes on, and for a while after, nobody collects what it relies on.
func (t *Transfer) Push(ctx context.Context, items []Item) (Result, error) {
	result := Result{Remote: t.Remote.Name}
	if len(items) == 0 {
		return result, nil
	}
	lock, err := t.Cache.LockShared(ctx, "flow push", nil)
	if err != nil {
		return result, err
	}
	defer lock.Unlock()
	for {
		hold, err := t.Remote.Pushing(ctx, t.Waiting)
		if err != nil {
			return t.pushNothing(ctx, items, err)
		}
		some, err := t.pushOnce(ctx, items, nil)
		some.Objects += result.Objects
		some.Bytes += result.Bytes
		result = some
		if hold.Lost() && ctx.Err() == nil { // what was there may be gone
			continue
		}
		if claiming := t.Remote.Claim(ctx, contentsOf(items)); err == nil {
			err = claiming
		}
		if hold.Lost() && ctx.Err() == nil {
			continue
		}
		return result, err
	}
}

// pushNothing is for a remote that this machine may only read, as the error tells: where all
// is there already, a push has nothing to do.
func (t *Transfer) pushNothing(ctx context.Context, items []Item, refused error) (Result, error) {
	if ctx.Err() != nil || t.Again {
		return Result{Remote: t.Remote.Name}, refused
	}
	return t.pushOnce(ctx, items, refused)
}

// Waiting tells what a push waits for.
func (t *Transfer) Waiting(text string) {
	if t.Sink != nil {
		t.Sink.Emit(event.Warning{Text: "waiting: " + text})
	}
}

// contentsOf returns what some items hold, each once, in an order of its own.
func contentsOf(items []Item) []digest.Content {
	seen := map[digest.Content]bool{}
	var contents []digest.Content
	for _, item := range items {
		if one := (digest.Content{ID: item.Content.ID, Mode: item.Content.Mode}); !seen[one] {
			seen[one] = true
			contents = append(contents, one)
		}
	}
	slices.SortFunc(contents, func(a, b digest.Content) int {
		if a.ID != b.ID {
			return slices.Compare(a.ID[:], b.ID[:])
		}
		return int(a.Mode) - int(b.Mode)
	})
	return contents
}

// pushOnce looks at what is there and moves what is not. With refused, that is the error of
// anything that would have to move.
func (t *Transfer) pushOnce(ctx context.Context, items []Item, refused error) (Result, error) {
	result := Result{Remote: t.Remote.Name}
	p := &push{t: t, failed: map[digest.ID]bool{},
		problems: newProblems("the cache", "if another remote has it: flow fetch -r NAME; else make it again: flow repro")}
	p.spare.New = func() any { return &bytes.Buffer{} }
	load := newCargo()
	p.problems.optional = load.optional
	for _, item := range items {
		if err := p.load(ctx, load, item); err != nil {
			return result, err
		}
	}
	absent := load.ids()
	if !t.Again {
		var err error
		if absent, err = t.Remote.Missing(ctx, absent); err != nil {
			return result, err
		}
	}
	if refused != nil && len(absent) > 0 {
		return result, refused
	}
	result.Present = len(load.seen) - len(absent)
	p.absent = make(map[digest.ID]bool, len(absent))
	for _, id := range absent {
		p.absent[id] = true
	}
	err := p.all(ctx, load)
	result.Objects, result.Bytes = p.objects, p.bytes
	return result, errors.Join(err, p.problems.err())
}

// push is one Push at work.
type push struct {
	t        *Transfer
	absent   map[digest.ID]bool // from the remote, when it began
	progress *progress
	spare    sync.Pool // *bytes.Buffer, of packs

	mu       sync.Mutex
	failed   map[digest.ID]bool // still absent
	problems *problems
	objects  int
	bytes    int64
}

// load adds the objects of an item. A tree that is not here can still be there.
func (p *push) load(ctx context.Context, load *cargo, item Item) error {
	content := item.Content
	if content.Mode != digest.Dir {
		load.addItem(item)
		return nil
	}
	tree, err := p.t.Cache.ReadTree(ctx, content.ID)
	if err != nil && !unreadable(err) {
		return err
	}
	load.addTree(item, tree)
	return nil
}

func (p *push) all(ctx context.Context, load *cargo) error {
	files, trees := p.wanted(load.files), p.wanted(load.trees)
	var size int64
	for _, o := range files {
		size += o.size
	}
	p.progress = p.t.begin("push", len(files)+len(trees), size)
	defer p.progress.end()
	if err := p.many(ctx, files); err != nil {
		return err
	}
	trees = slices.DeleteFunc(trees, func(tree object) bool { // told with the file
		return slices.ContainsFunc(tree.names, func(id digest.ID) bool { return p.failed[id] })
	})
	return p.many(ctx, trees)
}

func (p *push) wanted(objects []object) []object {
	var wanted []object
	for _, o := range objects {
		if p.absent[o.id] {
			wanted = append(wanted, o)
		}
	}
	return wanted
}

// one moves an object. Its error is one that stops the push.
func (p *push) one(ctx context.Context, o object) error {
	size, err := p.send(ctx, o.id)
	return p.note(o, size, err)
}

// note counts an object that was moved, or keeps what is wrong with it. It returns an
// error that stops the push.
func (p *push) note(o object, size int64, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var corrupt *store.CorruptError
	switch {
	case err == nil:
		p.objects++
		p.bytes += size
		p.progress.objects.Add(1)
		return nil
	case errors.Is(err, store.ErrAbsent):
		p.problems.missing(o.path, o.id)
	case errors.As(err, &corrupt):
		p.problems.others = append(p.problems.others, fmt.Errorf("%s was not pushed: %w", o.path, err))
	default:
		return err
	}
	p.failed[o.id] = true
	return nil
}

func (p *push) send(ctx context.Context, id digest.ID) (int64, error) {
	content, err := p.t.Cache.Objects().Get(ctx, id)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	sent := p.progress.upTo()
	if file, ok := content.(disk.File); ok {
		info, err := file.Stat()
		if err != nil {
			return 0, fmt.Errorf("object %s: %w", id, err)
		}
		return info.Size(), p.damaged(ctx, id, p.t.Remote.Send(ctx, id, file, sent))
	}
	counted := &upTo{r: content, sent: sent}
	err = p.t.Remote.Put(ctx, id, counted)
	return counted.n, p.damaged(ctx, id, err)
}

// damaged has the cache look at an object that turned out to be damaged.
func (p *push) damaged(ctx context.Context, id digest.ID, err error) error {
	var corrupt *store.CorruptError
	if errors.As(err, &corrupt) {
		return p.corrupt(ctx, id, err)
	}
	return err
}

// upTo tells how far it was read.
type upTo struct {
	r    io.Reader
	n    int64
	sent func(int64)
}

func (u *upTo) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	u.n += int64(n)
	u.sent(u.n)
	return n, err
}
