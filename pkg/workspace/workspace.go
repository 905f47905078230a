// Package workspace is the user's files and what they hash to.
//
// A file is hashed once and then known by its stat: size, mtime, ctime, inode and
// mode (see index.go). It is believed to be unchanged only when all of them are equal
// and were, by the file system's own clock, older than the hashing, so that no later
// change can have left them as they are (see clock.go). What no stat shows is not
// seen: a store through a memory mapping that was made before the hashing began.
package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

// Options says how a workspace is opened.
type Options struct {
	IndexDir string           // where the stat index is kept; default: .flow/index
	Now      func() time.Time // the wall clock; default: time.Now
}

// Workspace is the files below a project's root. It is safe for use by several
// goroutines.
type Workspace struct {
	root  *disk.Root
	cache *cache.Cache
	dir   string // of the index
	clock clock
	hands sync.Pool // of *hand
	files files

	mu     sync.Mutex
	trees  map[string]*tree
	ignore sync.Mutex // one edit of a .gitignore at a time

	glance atomic.Pointer[glance] // nil unless somebody glances

	objects     folder // the cache's root, for links into it
	objectsOnce sync.Once
	objectsErr  error
}

// Open returns the workspace in a folder. It reads nothing and creates nothing.
func Open(root *disk.Root, cache *cache.Cache, options Options) (*Workspace, error) {
	if options.IndexDir == "" {
		options.IndexDir = ".flow/index"
	}
	if !fs.ValidPath(options.IndexDir) {
		return nil, fmt.Errorf("the index can't be in %q: that is not a local name", options.IndexDir)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	w := &Workspace{root: root, cache: cache, dir: options.IndexDir, trees: map[string]*tree{}}
	w.clock = clock{root: root, dir: options.IndexDir, now: options.Now}
	w.hands.New = func() any { return newHand() }
	w.files = files{root: root, file: path.Join(options.IndexDir, "files")}
	return w, nil
}

// Close removes what it told the time by. The Workspace can be used again.
func (w *Workspace) Close() { w.clock.close() }

// Flush writes down what was learnt about the files, for the next process to know.
// What can't be written costs that process some hashing, and nothing else: the error
// is for those who want to tell.
func (w *Workspace) Flush() error {
	w.clock.close()
	w.mu.Lock()
	trees := make([]*tree, 0, len(w.trees))
	for _, t := range w.trees {
		trees = append(trees, t)
	}
	w.mu.Unlock()
	problems := []error{w.files.flush()}
	for _, t := range trees {
		problems = append(problems, t.flush())
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("write the stat index: %w", err)
	}
	return nil
}

// writeIndex writes one file of the index. It is not synced: a file that a power loss
// tore is known by its sum.
func writeIndex(root *disk.Root, name string, raw []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	temp, err := root.Create(path.Dir(name))
	if err != nil {
		return err
	}
	defer temp.Discard()
	if _, err := temp.Write(raw); err != nil {
		return err
	}
	return temp.Rename(name)
}

// A hand is what one goroutine reads and hashes with.
type hand struct {
	dirents []byte
	names   []string
	buffer  []byte
	hasher  *digest.Hasher
}

func newHand() *hand {
	return &hand{dirents: make([]byte, 32<<10), buffer: make([]byte, 256<<10), hasher: digest.New()}
}

func workers() int { return runtime.GOMAXPROCS(0) }

// place is where a name leads: the folder that it is in, open, and what is there.
type place struct {
	folder
	base string
	stat stat // its kind is digest.None when nothing is there
}

// find opens the folder that a name is in. Nobody need be in the place.
func (w *Workspace) find(name string) (place, error) {
	if err := disk.CheckName(name); err != nil {
		return place{}, err
	}
	return w.look(name)
}

// look is find for any local name, also one of flow's own.
func (w *Workspace) look(name string) (place, error) {
	folder, err := w.folderAt(path.Dir(name))
	if isAbsent(err) {
		return place{folder: nowhere{}}, nil
	}
	if err != nil {
		if escape := w.escapeOnTheWay(name); escape != nil {
			return place{}, escape
		}
		return place{}, err
	}
	at := place{folder: folder, base: path.Base(name)}
	at.stat, err = folder.stat(at.base)
	if err != nil && !isAbsent(err) {
		folder.close()
		return place{}, w.fail("stat", name, err)
	}
	return at, nil
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// fail names the file that an error of the system is about; others name it themselves.
func (w *Workspace) fail(op, name string, err error) error {
	if _, bare := err.(syscall.Errno); bare || err == fs.ErrNotExist {
		return &fs.PathError{Op: op, Path: w.root.Path(name), Err: err}
	}
	return err
}

// escapeOnTheWay returns an EscapeError when a parent of name is a symlink that leads
// out of the root.
func (w *Workspace) escapeOnTheWay(name string) error {
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		info, err := w.root.Lstat(name[:i])
		if err != nil {
			return nil
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := w.root.Readlink(name[:i])
		if err == nil && Escapes(name[:i], target) {
			return &EscapeError{Path: name[:i], Target: target}
		}
	}
	return nil
}

// gate is what every name passes that is written to: it is a name for data, and no
// symlink is on the way, be it one that stays in the project.
func (w *Workspace) gate(name string) error {
	if err := disk.CheckName(name); err != nil {
		return err
	}
	return w.noLinkAbove(name)
}

func (w *Workspace) noLinkAbove(name string) error {
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		info, err := w.root.Lstat(name[:i])
		if isAbsent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, _ := w.root.Readlink(name[:i])
			return &EscapeError{Path: name[:i], Target: target, Written: name}
		}
	}
	return nil
}

// under returns a path below name; rel may be "".
func under(name, rel string) string {
	if rel == "" {
		return name
	}
	return name + "/" + rel
}

// parts counts the parts of a slash-separated path.
func parts(name string) int { return strings.Count(name, "/") + 1 }
