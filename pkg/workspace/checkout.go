package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

// Checkout makes a path hold a content that is in the cache, and returns how many
// files, links and empty directories it had to change. The zero Content means that
// nothing shall be there.
//
// All that is needed is brought out beside the path first: when the disk is full, or
// an object is corrupt or not there, the path is left as it was. Then a file, or a
// directory where there was none, takes its place in one step; in a directory that is
// there, what differs is replaced file by file and what is not in the tree is removed.
// What an ignore file hides is not touched; a *HiddenError says that it is in the way.
func (w *Workspace) Checkout(ctx context.Context, name string, content digest.Content) (int, error) {
	if err := w.gate(name); err != nil {
		return 0, err
	}
	at, err := w.find(name)
	if err != nil {
		return 0, err
	}
	defer at.close()
	switch content.Mode {
	case digest.None:
		return w.clear(ctx, name, at)
	case digest.Dir:
		return w.checkoutTree(ctx, name, at, content)
	}
	return w.checkoutFile(ctx, name, at, content)
}

func (w *Workspace) checkoutFile(ctx context.Context, name string, at place, content digest.Content) (int, error) {
	if at.stat.kind != digest.Dir {
		if now, err := w.digestFile(ctx, name, at, w.hash, false); err == nil && now.Same(content) {
			return 0, nil
		}
	} else if err := w.nothingHidden(ctx, name, at); err != nil {
		return 0, err
	}
	if err := w.root.MkdirAll(parentName(name), 0o777); err != nil {
		return 0, err
	}
	if at.stat.kind != digest.Dir {
		if err := w.cache.Link(ctx, content.ID, content.Mode, w.root, name); err != nil {
			return 0, err
		}
	} else if err := w.swapIn(ctx, name, content); err != nil {
		return 0, err
	}
	e, err := w.entryAt(name)
	if err != nil {
		return 1, err
	}
	if e.stat.kind == content.Mode && e.stat.size == content.Size {
		e.id, e.trusted = content.ID, w.clock.begin(e.stat)
		w.rememberFile(name, e)
	}
	return 1, nil
}

// swapIn puts a file where a directory is.
func (w *Workspace) swapIn(ctx context.Context, name string, content digest.Content) error {
	if content.Mode == digest.Link { // which is judged by where it is
		return w.swap(name, func() error { return w.cache.Link(ctx, content.ID, content.Mode, w.root, name) })
	}
	temp := w.root.TempName(parentName(name))
	if err := w.cache.Link(ctx, content.ID, content.Mode, w.root, temp); err != nil {
		return err
	}
	if err := w.swap(name, func() error { return w.root.Rename(temp, name) }); err != nil {
		w.root.Remove(temp)
		return err
	}
	return nil
}

// swap moves away what is at name, whatever it is, for something to put another thing
// there, and then removes it. If nothing is put there, it comes back.
func (w *Workspace) swap(name string, put func() error) error {
	if !w.root.Exists(name) {
		return put()
	}
	old, err := w.root.Away(name)
	if err != nil {
		return err
	}
	if err := put(); err != nil {
		return errors.Join(err, w.root.Rename(old, name))
	}
	return w.root.RemoveAll(old)
}

func (w *Workspace) checkoutTree(ctx context.Context, name string, at place, content digest.Content) (int, error) {
	var there *scan
	if at.stat.kind == digest.Dir {
		s, now, err := w.scanTree(ctx, name, at, &scan{take: w.hash, lean: true})
		if err != nil || now.Same(content) {
			return 0, err
		}
		there = s
	}
	tree, err := w.cache.ReadTree(ctx, content.ID)
	if err != nil {
		return 0, fmt.Errorf("restore %s: %w", w.root.Path(name), err)
	}
	for _, e := range tree {
		if e.Mode == digest.Link && Escapes(under(name, e.Path), e.Target) {
			return 0, &EscapeError{Path: under(name, e.Path), Target: e.Target}
		}
	}
	if there != nil {
		return w.update(ctx, there, at, tree)
	}
	if err := w.root.Retry(func() error { return w.build(ctx, name, tree) }); err != nil {
		return 0, err
	}
	return max(1, len(tree)), nil
}

// leftover is how old an unfinished file or folder must be for nobody to be at work
// on it.
const leftover = 24 * time.Hour

// workshop makes an empty folder to work in, from where what is made can be renamed to
// what is beside a path.
func (w *Workspace) workshop(name string) (string, error) {
	parent := parentName(name)
	if err := w.root.MkdirAll(parent, 0o777); err != nil {
		return "", err
	}
	w.root.Sweep(parent, leftover) // what it can't remove is in nobody's way
	temp := w.root.TempName(parent)
	return temp, w.root.Mkdir(temp, 0o777)
}

// build makes a directory where there is none.
func (w *Workspace) build(ctx context.Context, name string, tree cache.Tree) (err error) {
	temp, err := w.workshop(name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.root.RemoveAll(temp))
		}
	}()
	if err := w.fill(ctx, temp, name, tree); err != nil {
		return err
	}
	learnt, err := w.learnBuilt(ctx, temp, name, tree)
	if err != nil {
		return err
	}
	if err := w.swap(name, func() error { return w.root.Rename(temp, name) }); err != nil {
		return err
	}
	t := w.tree(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learn(learnt)
	return nil
}

// fill makes all of a tree in an empty folder, which becomes name.
func (w *Workspace) fill(ctx context.Context, dir, name string, tree cache.Tree) error {
	base, err := w.root.Sub(dir)
	if err != nil {
		return err
	}
	defer base.Close()
	if err := makeFolders(base, tree); err != nil {
		return err
	}
	return inGroups(ctx, base, tree, func(in *disk.Root, base string, e *cache.TreeEntry) error {
		switch e.Mode {
		case digest.Dir:
			return nil
		case digest.Link:
			return in.Symlink(e.Target, base)
		}
		if err := w.cache.Make(ctx, e.ID, e.Mode, in, base); err != nil {
			return fmt.Errorf("restore %s: %w", w.root.Path(under(name, e.Path)), err)
		}
		return nil
	})
}

// learnBuilt returns the index of a directory that was just filled and that nobody
// else knows of, and checks that it holds what it should: a file system may not tell
// two names apart.
func (w *Workspace) learnBuilt(ctx context.Context, temp, name string, tree cache.Tree) ([]byte, error) {
	in, err := openFolder(w.root, parentName(temp))
	if err != nil {
		return nil, err
	}
	defer in.close()
	s := &scan{w: w, name: temp, becomes: name, take: w.hash, plain: true, now: w.clock.now().UnixNano()}
	s.known = func(path string, e *entry) bool {
		i, found := slices.BinarySearchFunc(tree, path, comparePath)
		if !found || tree[i].Mode != e.stat.kind || tree[i].Size != e.stat.size {
			return false
		}
		e.id, e.trusted = tree[i].ID, w.clock.settle(e.stat)
		return true
	}
	if err := s.run(ctx, in, path.Base(temp)); err != nil {
		return nil, err
	}
	got, want := s.flatten(), tree.Content()
	if runtime.GOOS != "windows" { // which has no exec bit
		for i := range max(len(got), len(tree)) {
			if i >= len(got) || i >= len(tree) || got[i] != tree[i] {
				return nil, fmt.Errorf("restore %s: the file system does not keep %s as it should", w.root.Path(name), nameAt(tree, got, i))
			}
		}
	}
	return s.encode(name, want), nil
}

func nameAt(tree, got cache.Tree, i int) string {
	if i < len(tree) {
		return tree[i].Path
	}
	return got[i].Path
}

// clear makes a path hold nothing. A directory that holds what an ignore file hides
// stays, with that.
func (w *Workspace) clear(ctx context.Context, name string, at place) (int, error) {
	switch at.stat.kind {
	case digest.None:
		return 0, nil
	case digest.Dir:
	default:
		return 1, w.root.Remove(name)
	}
	err := w.nothingHidden(ctx, name, at)
	var hidden *HiddenError
	if errors.As(err, &hidden) {
		there, _, err := w.scanTree(ctx, name, at, &scan{take: w.hash, lean: true})
		if err != nil {
			return 0, err
		}
		return w.update(ctx, there, at, nil)
	}
	if err != nil {
		return 0, err
	}
	old, err := w.root.Away(name)
	if err != nil {
		return 0, err
	}
	return 1, w.root.RemoveAll(old)
}

// nothingHidden returns a HiddenError for a directory that holds what flow doesn't see.
func (w *Workspace) nothingHidden(ctx context.Context, name string, at place) error {
	s := &scan{w: w, name: name, take: w.unread, now: w.clock.now().UnixNano(), anything: true}
	if err := s.run(ctx, at.folder, at.base); err != nil {
		return err
	}
	if s.top.hides() {
		return &HiddenError{Path: name}
	}
	return nil
}

// unread is a take that takes nothing.
func (w *Workspace) unread(context.Context, *hand, folder, string, *entry) error { return nil }

// hides reports whether a directory, at any depth, holds what an ignore file hides.
func (n *node) hides() bool {
	for stack := []*node{n}; len(stack) > 0; {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at.hidden.Load() {
			return true
		}
		at.below(func(dir *node) { stack = append(stack, dir) })
	}
	return false
}

func isNotEmpty(err error) bool { return errors.Is(err, fs.ErrExist) }
