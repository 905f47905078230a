package disk

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// flattenBelow is how many folders deep RemoveAll works by name. What is deeper it
// first moves up, so that the cost of long names doesn't grow with the square of
// the depth.
const flattenBelow = 32

// RemoveAll removes whatever is at name, at any depth, and makes folders writable
// where it must. Nothing there is fine. Symlinks are removed, not followed.
func (r *Root) RemoveAll(name string) error {
	info, err := r.fsys.Lstat(name)
	if err == nil && info.IsDir() {
		return r.removeFolder(name)
	}
	if err == nil {
		err = r.fsys.Remove(name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.fail("remove", name, err)
	}
	return nil
}

// removal is the work that removeFolder has left: a folder is on the stack until
// what it holds is gone.
type removal struct {
	root  *Root
	top   string
	stack []folderLeft
}

type folderLeft struct {
	name  string
	tries int // how often its entries were read
}

// maxTries is how often a folder is read again when somebody keeps adding to it.
const maxTries = 5

func (r *Root) removeFolder(name string) error {
	left := &removal{root: r, top: name, stack: []folderLeft{{name: name}}}
	for len(left.stack) > 0 {
		if err := left.step(); err != nil {
			return err
		}
	}
	return nil
}

// step empties the folder on top of the stack, or removes it when it is empty.
func (l *removal) step() error {
	at := &l.stack[len(l.stack)-1]
	folder := at.name
	if at.tries > 0 {
		var above []string
		if folder != l.top { // what holds top is not ours to change
			above = []string{path.Dir(folder)}
		}
		err := l.insist(above, func() error { return l.root.fsys.Remove(folder) })
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			l.stack = l.stack[:len(l.stack)-1]
			return nil
		}
		if at.tries == maxTries || errors.Is(err, fs.ErrPermission) {
			return l.root.fail("remove folder", folder, err)
		}
	}
	at.tries++
	entries, err := l.root.fsys.ReadDir(folder)
	if errors.Is(err, fs.ErrPermission) && l.root.fsys.Chmod(folder, 0o700) == nil {
		entries, err = l.root.fsys.ReadDir(folder)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l.root.fail("read folder", folder, err)
	}
	for _, entry := range entries {
		if err := l.entry(folder, entry); err != nil {
			return err
		}
	}
	return nil
}

// entry removes what is no folder, and puts a folder on the stack.
func (l *removal) entry(folder string, entry fs.DirEntry) error {
	name := path.Join(folder, entry.Name())
	if !entry.IsDir() {
		err := l.insist([]string{folder}, func() error { return l.root.fsys.Remove(name) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return l.root.fail("remove", name, err)
		}
		return nil
	}
	if strings.Count(name, "/")-strings.Count(l.top, "/") > flattenBelow {
		up := tempIn(l.top)
		err := l.insist([]string{folder, l.top, name}, func() error { return l.root.fsys.Rename(name, up) })
		if err != nil {
			return l.root.failBoth("rename", name, up, err)
		}
		name = up
	}
	l.stack = append(l.stack, folderLeft{name: name})
	return nil
}

// insist does what needs writable folders, and makes them so if that is what is wrong.
// A folder that moves must be writable itself, as its ".." changes.
func (l *removal) insist(folders []string, do func() error) error {
	err := do()
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, folder := range folders {
		l.root.fsys.Chmod(folder, 0o700) // do tells whether that was enough
	}
	return do()
}
