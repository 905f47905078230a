// Package watch tells which files below a folder change.
//
// It watches folders, not files: editors replace a file by another one of its name.
package watch

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher gathers the names of what changes, until they are taken.
type Watcher struct {
	root    string // an absolute path without links
	notify  *fsnotify.Watcher
	folders map[string]bool

	mu      sync.Mutex
	changed map[string]bool
	more    chan struct{} // has one when something changed since Take
}

// New returns a watcher for what is below a folder. It watches nothing yet.
func New(root string) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	w := &Watcher{root: root, notify: notify, folders: map[string]bool{}, changed: map[string]bool{}, more: make(chan struct{}, 1)}
	go w.gather()
	return w, nil
}

// Root returns the folder that names are below.
func (w *Watcher) Root() string { return w.root }

// Close ends the watching.
func (w *Watcher) Close() error { return w.notify.Close() }

// Anything is the name that stands for a change of which nobody knows where it was.
const Anything = ""

func (w *Watcher) gather() {
	for {
		name := Anything
		select {
		case event, open := <-w.notify.Events:
			if !open {
				return
			}
			local, err := filepath.Rel(w.root, event.Name)
			if err != nil {
				continue
			}
			name = filepath.ToSlash(local)
		case _, open := <-w.notify.Errors: // too much at once: some of it is not told
			if !open {
				return
			}
		}
		w.mu.Lock()
		w.changed[name] = true
		w.mu.Unlock()
		select {
		case w.more <- struct{}{}:
		default:
		}
	}
}

// Changed returns a channel that gets a value when something has changed.
func (w *Watcher) Changed() <-chan struct{} { return w.more }

// Take returns what has changed since it was last called, sorted.
func (w *Watcher) Take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := make([]string, 0, len(w.changed))
	for name := range w.changed {
		names = append(names, name)
	}
	clear(w.changed)
	slices.Sort(names)
	return names
}

// FolderError is a folder that can't be watched.
type FolderError struct {
	Folder string // relative to the root
	Err    error
}

// Error says which, and why.
func (e *FolderError) Error() string {
	if errors.Is(e.Err, syscall.ENOSPC) {
		return fmt.Sprintf("%s can't be watched: the system watches as many folders as it may (fs.inotify.max_user_watches)", e.Folder)
	}
	return fmt.Sprintf("%s can't be watched: %v", e.Folder, e.Err)
}

// Unwrap returns the cause.
func (e *FolderError) Unwrap() error { return e.Err }

// Set watches the folders that files lie in, whole folders with all below them, and
// nothing else; of what is not there, the folder that it would be found in. It returns
// the folders that can't be watched.
func (w *Watcher) Set(names []string) []error {
	wanted := map[string]bool{}
	for _, name := range names {
		w.want(name, wanted)
	}
	for folder := range w.folders {
		if !wanted[folder] {
			_ = w.notify.Remove(w.path(folder)) // it may be gone
			delete(w.folders, folder)
		}
	}
	var problems []error
	for folder := range wanted {
		if err := w.notify.Add(w.path(folder)); err != nil { // again, too: it may be another one by now
			problems = append(problems, &FolderError{Folder: folder, Err: err})
			continue
		}
		w.folders[folder] = true
	}
	slices.SortFunc(problems, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return problems
}

func (w *Watcher) path(name string) string { return filepath.Join(w.root, filepath.FromSlash(name)) }

// want adds the folders to watch for a name.
func (w *Watcher) want(name string, wanted map[string]bool) {
	info, err := os.Lstat(w.path(name))
	if err != nil || !info.IsDir() {
		parent := path.Dir(name)
		if _, err := os.Lstat(w.path(parent)); err != nil && parent != "." {
			w.want(parent, wanted)
			return
		}
		wanted[parent] = true
		return
	}
	wanted[path.Dir(name)] = true // where it would be replaced
	_ = filepath.WalkDir(w.path(name), func(at string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		local, err := filepath.Rel(w.root, at)
		if err != nil || entry.Name() == ".git" || entry.Name() == ".flow" {
			return filepath.SkipDir
		}
		wanted[filepath.ToSlash(local)] = true
		return nil
	})
}

const (
	quiet   = 100 * time.Millisecond // without a change, after which a person has done what they were at
	longest = 2 * time.Second        // that changes one after the other are waited for
)

// Settle waits until nothing has changed for a moment.
func (w *Watcher) Settle() {
	last := time.After(longest)
	for {
		select {
		case <-w.more:
		case <-time.After(quiet):
			return
		case <-last:
			return
		}
	}
}
