package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

// MoveAside moves whatever is at name to another place in the project, where nothing
// may be and which may be flow's own. It makes the folders above that.
func (w *Workspace) MoveAside(name, to string) error { return w.move(name, to) }

// MoveBack brings back what MoveAside moved.
func (w *Workspace) MoveBack(from, name string) error { return w.move(from, name) }

func (w *Workspace) move(from, to string) error {
	if err := w.prepareMove(from, to); err != nil {
		return err
	}
	err := w.root.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	if err := w.copyAll(context.Background(), from, to); err != nil {
		return err
	}
	return w.root.RemoveAll(from)
}

func (w *Workspace) prepareMove(from, to string) error {
	for _, name := range [...]string{from, to} {
		if !fs.ValidPath(name) || name == "." {
			return fmt.Errorf("%q is not a local name", name)
		}
		if err := w.noLinkAbove(name); err != nil {
			return err
		}
	}
	if w.root.Exists(to) {
		return &os.LinkError{Op: "move", Old: w.root.Path(from), New: w.root.Path(to), Err: fs.ErrExist}
	}
	return w.root.MkdirAll(parentName(to), 0o777)
}

// CopyAside makes a copy of whatever is at name, also of what is ignored, in another
// place in the project where nothing may be. Where the file system can, the copy
// shares its bytes.
func (w *Workspace) CopyAside(ctx context.Context, name, to string) error {
	if err := w.prepareMove(name, to); err != nil {
		return err
	}
	return w.copyAll(ctx, name, to)
}

// copyAll copies to a place beside to, and then renames.
func (w *Workspace) copyAll(ctx context.Context, name, to string) (err error) {
	at, err := w.look(name)
	if err != nil {
		return err
	}
	defer at.close()
	temp := disk.TempName(parentName(to))
	defer func() {
		if err != nil {
			err = errors.Join(err, w.root.RemoveAll(temp))
		}
	}()
	if at.stat.kind == digest.Dir {
		err = w.copyTree(ctx, name, at, temp)
	} else {
		err = w.copyOne(w.root, name, w.root, temp, at.stat)
	}
	if err != nil {
		return err
	}
	return w.root.Rename(temp, to)
}

func (w *Workspace) copyTree(ctx context.Context, name string, at place, temp string) error {
	s := &scan{w: w, name: name}
	if err := s.run(ctx, at.folder, at.base); err != nil {
		return err
	}
	var tree cache.Tree
	stats := map[string]stat{}
	s.each(func(path string, e *entry) {
		one := cache.TreeEntry{Path: path}
		if e.dir != nil {
			one.Mode = digest.Dir
		}
		tree, stats[path] = append(tree, one), e.stat
	})
	sortTree(tree)
	if err := w.root.Mkdir(temp, 0o777); err != nil {
		return err
	}
	from, err := w.root.Sub(name)
	if err != nil {
		return err
	}
	defer from.Close()
	base, err := w.root.Sub(temp)
	if err != nil {
		return err
	}
	defer base.Close()
	if err := makeFolders(base, tree); err != nil {
		return err
	}
	return inGroups(ctx, base, tree, func(to *disk.Root, rest string, e *cache.TreeEntry) error {
		if e.Mode == digest.Dir {
			return nil
		}
		source := &ladder{base: from}
		defer source.close()
		in, rest2, err := source.reach(e.Path)
		if err != nil {
			return err
		}
		return w.copyOne(in, rest2, to, rest, stats[e.Path])
	})
}

// copyOne copies a file or a link. What is neither can't be copied and is left out.
func (w *Workspace) copyOne(from *disk.Root, name string, to *disk.Root, copied string, s stat) error {
	if s.kind == digest.Link {
		target, err := from.Readlink(name)
		if err != nil {
			return err
		}
		return to.Symlink(target, copied)
	}
	if !s.regular() {
		return nil
	}
	file, err := from.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return pour(file, to, copied, s.perm)
}

// pour makes a file that holds what another does.
func pour(file disk.File, to *disk.Root, name string, perm fs.FileMode) error {
	temp, err := to.CreateMode(parentName(name), 0o600)
	if err != nil {
		return err
	}
	defer temp.Discard()
	if source, real := disk.OSFile(file); real {
		_, err = disk.CopyFile(temp.File(), source)
	} else {
		_, err = io.Copy(temp, file)
	}
	if err != nil {
		return fmt.Errorf("copy to %s: %w", to.Path(name), err)
	}
	if err := temp.Chmod(perm); err != nil {
		return err
	}
	return temp.Rename(name)
}

// Unprotect makes all files of a path the user's own: what shares its bytes with the
// cache by a link becomes a copy, and what is read-only can be written.
func (w *Workspace) Unprotect(ctx context.Context, name string) error {
	if err := w.gate(name); err != nil {
		return err
	}
	at, err := w.find(name)
	if err != nil {
		return err
	}
	defer at.close()
	if at.stat.kind != digest.Dir {
		e, err := w.inspectFile(name, at)
		if err != nil {
			return err
		}
		return w.own(name, e)
	}
	s := &scan{w: w, name: name, take: w.unread, now: w.clock.now().UnixNano()}
	if err := s.run(ctx, at.folder, at.base); err != nil {
		return err
	}
	var names []string
	var entries []*entry
	s.each(func(path string, e *entry) {
		names, entries = append(names, under(name, path)), append(entries, e)
	})
	return parallel(ctx, len(names), func(i int) error { return w.own(names[i], entries[i]) })
}

func (w *Workspace) own(name string, e *entry) error {
	const mine = 0o600
	switch {
	case !e.stat.regular():
		return nil
	case !e.linked && e.stat.nlink <= 1 && e.stat.perm&mine == mine:
		return nil
	case !e.linked && e.stat.nlink <= 1:
		return w.root.Chmod(name, e.stat.perm|mine)
	}
	root, from := w.root, name
	if e.linked {
		root, from = w.cache.Root(), e.target
	}
	file, err := root.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	return pour(file, w.root, name, e.stat.perm|0o644)
}
