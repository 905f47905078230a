package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// update is the change of a directory that is there into a tree.
type update struct {
	w       *Workspace
	name    string
	stage   string // the folder that the new files wait in, named by number
	changes []cache.TreeChange
	folders map[string]*node // that are there, by path
	wanted  map[string]bool  // folders of the tree

	mu     sync.Mutex
	placed map[string]placed
}

// placed is a file that was put in its place, and what its stat was just then.
type placed struct {
	stat stat
	id   digest.ID
}

// update makes a directory hold exactly a tree, but for what an ignore file hides. All
// that can go wrong for want of room or of a whole object does so before the first
// file is touched.
func (w *Workspace) update(ctx context.Context, there *scan, at place, tree cache.Tree) (changed int, err error) {
	name := there.name
	u := &update{w: w, name: name, changes: cache.DiffTrees(there.flatten(), tree), placed: map[string]placed{}}
	u.folders, u.wanted = there.folders(), wantedFolders(tree)
	if err := u.nothingInTheWay(); err != nil {
		return 0, err
	}
	if u.stage, err = w.workshop(name); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.root.RemoveAll(u.stage)) }()
	if err := u.prepare(ctx); err != nil {
		return 0, err
	}
	if err := u.apply(ctx); err != nil {
		return 0, err
	}
	_, _, err = w.scanTree(ctx, name, at, &scan{take: w.hash, known: u.known, lean: true})
	return len(u.changes), err
}

// folders returns all directories of a scan by path.
func (s *scan) folders() map[string]*node {
	all := map[string]*node{"": s.top}
	for queue := []*node{s.top}; len(queue) > 0; {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		at.below(func(dir *node) {
			all[dir.path] = dir
			queue = append(queue, dir)
		})
	}
	return all
}

func wantedFolders(tree cache.Tree) map[string]bool {
	wanted := map[string]bool{"": true}
	for i := range tree {
		for dir := folderOf(&tree[i]); !wanted[dir]; dir = folderAbove(dir) {
			wanted[dir] = true
		}
	}
	return wanted
}

func folderAbove(dir string) string {
	if i := strings.LastIndexByte(dir, '/'); i >= 0 {
		return dir[:i]
	}
	return ""
}

// nothingInTheWay refuses to put a file where a directory holds what is hidden.
func (u *update) nothingInTheWay() error {
	for _, change := range u.changes {
		if dir := u.folders[change.Path]; dir != nil && u.puts(change) && dir.hides() {
			return &HiddenError{Path: under(u.name, change.Path)}
		}
	}
	return nil
}

// puts reports whether a change makes a file or a link.
func (u *update) puts(change cache.TreeChange) bool {
	return !change.Removed() && change.New.Mode != digest.Dir
}

// prepare brings all new files out of the cache.
func (u *update) prepare(ctx context.Context) error {
	stage, err := u.w.root.Sub(u.stage)
	if err != nil {
		return err
	}
	defer stage.Close()
	return parallel(ctx, len(u.changes), func(i int) error {
		change := u.changes[i]
		switch {
		case !u.puts(change):
			return nil
		case change.New.Mode == digest.Link:
			return stage.Symlink(change.New.Target, strconv.Itoa(i))
		}
		if err := u.w.cache.Make(ctx, change.New.ID, change.New.Mode, stage, strconv.Itoa(i)); err != nil {
			return fmt.Errorf("restore %s: %w", u.w.root.Path(under(u.name, change.Path)), err)
		}
		return nil
	})
}

func (u *update) apply(ctx context.Context) error {
	if err := u.remove(); err != nil {
		return err
	}
	for i := range u.changes {
		if change := &u.changes[i]; !change.Removed() {
			if err := u.makeFolder(folderOf(&change.New)); err != nil {
				return err
			}
		}
	}
	return parallel(ctx, len(u.changes), func(i int) error {
		if change := u.changes[i]; u.puts(change) {
			return u.place(ctx, i, &change.New)
		}
		return nil
	})
}

// remove takes away what the tree doesn't have, and the directories left empty by it.
// A directory that holds what is hidden stays.
func (u *update) remove() error {
	for _, change := range u.changes {
		if change.Added() || change.Old.Mode == digest.Dir || u.puts(change) {
			continue
		}
		if err := u.w.root.Remove(under(u.name, change.Path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var gone []string
	for dir := range u.folders {
		if !u.wanted[dir] {
			gone = append(gone, dir)
		}
	}
	slices.Sort(gone)
	for _, dir := range slices.Backward(gone) {
		err := u.w.root.Remove(under(u.name, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !(isNotEmpty(err) && u.folders[dir].hides()) {
			return err
		}
		delete(u.folders, dir)
	}
	return nil
}

// makeFolder makes a directory and those above it. Those that the scan saw are there;
// of others it makes sure that they are no links to elsewhere.
func (u *update) makeFolder(dir string) error {
	var missing []string
	for ; u.folders[dir] == nil; dir = folderAbove(dir) {
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		name := under(u.name, dir)
		err := u.w.root.Mkdir(name, 0o777)
		if errors.Is(err, fs.ErrExist) {
			if info, looking := u.w.root.Lstat(name); looking == nil && info.IsDir() {
				err = nil
			} else if target, reading := u.w.root.Readlink(name); reading == nil {
				err = &EscapeError{Path: name, Target: target, Written: name}
			}
		}
		if err != nil {
			return err
		}
		u.folders[dir] = &node{}
	}
	return nil
}

func (u *update) place(ctx context.Context, i int, e *cache.TreeEntry) error {
	name := under(u.name, e.Path)
	err := u.w.root.Rename(u.stage+"/"+strconv.Itoa(i), name)
	if errors.Is(err, syscall.EXDEV) { // the directory is a mount point
		err = u.placeAcross(ctx, e, name)
	}
	if err != nil || e.Mode == digest.Link {
		return err
	}
	now, err := u.w.entryAt(name)
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.placed[e.Path] = placed{now.stat, e.ID}
	u.mu.Unlock()
	return nil
}

// placeAcross makes a file or a link on another file system than the stage is on.
func (u *update) placeAcross(ctx context.Context, e *cache.TreeEntry, name string) error {
	if e.Mode != digest.Link {
		return u.w.cache.Link(ctx, e.ID, e.Mode, u.w.root, name)
	}
	temp := u.w.root.TempName(parentName(name))
	if err := u.w.root.Symlink(e.Target, temp); err != nil {
		return err
	}
	err := u.w.root.Rename(temp, name)
	if err != nil {
		u.w.root.Remove(temp)
	}
	return err
}

// known answers for the files that were placed and are as they were then.
func (u *update) known(path string, e *entry) bool {
	was, found := u.placed[path]
	if !found || was.stat.size != e.stat.size || was.stat.mtime != e.stat.mtime || was.stat.inode != e.stat.inode || was.stat.kind != e.stat.kind {
		return false
	}
	// A further link to the same object changes its ctime; nothing else may have.
	if was.stat.ctime != e.stat.ctime && e.stat.nlink == 1 {
		return false
	}
	e.id, e.trusted = was.id, u.w.clock.begin(e.stat)
	return true
}
