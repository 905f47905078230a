package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"
)

// ErrPowerLoss is what every call to a Crashing returns after its power went.
var ErrPowerLoss = errors.New("the power is gone")

// Crashing is an FS in memory, for tests, that remembers what was synced. Its power
// can go at a given call, and Crash tells what a disk may hold then:
//
//   - of a file, what it held at its last sync, or what it holds, or a mixture
//   - of the changes to names that no sync of their folder followed, any subset,
//     each whole: a rename has happened or it has not
type Crashing struct {
	disk *memory
	base *node
}

var _ FS = (*Crashing)(nil)

// memory is what a Crashing and its Subs share.
type memory struct {
	mu     sync.Mutex
	calls  int
	stopAt int
	seq    int
	names  []renaming // changes to names that are not durable, oldest first
}

// node is a file, folder or symlink.
type node struct {
	mode    fs.FileMode
	changed time.Time
	target  string           // of a symlink
	live    []byte           // of a file
	synced  []byte           // of a file: what it held at its last sync
	entries map[string]*node // of a folder
	durable map[string]entry // of a folder: what it holds after a crash in any case
}

// entry is what a name durably is, since when; no node means removed.
type entry struct {
	node *node
	seq  int
}

// renaming is a change to one or two names at once.
type renaming struct {
	home    *node // the folder whose sync makes it durable
	seq     int
	changes []change
}

type change struct {
	folder *node
	name   string
	to     *node // nil: removed
}

// NewCrashing returns an empty one.
func NewCrashing() *Crashing { return newCrashing(newFolder(0o777)) }

func newCrashing(base *node) *Crashing { return &Crashing{disk: &memory{}, base: base} }

func newFolder(perm fs.FileMode) *node {
	return &node{mode: fs.ModeDir | perm, changed: time.Now(), entries: map[string]*node{}, durable: map[string]entry{}}
}

// StopAt lets the power go at the n-th call, counted from 1, that changes or syncs
// something; 0 is never.
func (c *Crashing) StopAt(n int) { c.disk.stopAt = n }

// Calls returns how many such calls there were.
func (c *Crashing) Calls() int {
	c.disk.mu.Lock()
	defer c.disk.mu.Unlock()
	return c.disk.calls
}

// lock starts a call that only looks.
func (c *Crashing) lock() (func(), error) {
	c.disk.mu.Lock()
	if c.disk.stopAt > 0 && c.disk.calls >= c.disk.stopAt {
		c.disk.mu.Unlock()
		return nil, ErrPowerLoss
	}
	return c.disk.mu.Unlock, nil
}

// lockChange starts a call that changes something.
func (c *Crashing) lockChange() (func(), error) {
	c.disk.mu.Lock()
	c.disk.calls++
	if c.disk.stopAt > 0 && c.disk.calls >= c.disk.stopAt {
		c.disk.mu.Unlock()
		return nil, ErrPowerLoss
	}
	return c.disk.mu.Unlock, nil
}

// set changes names, and remembers that this is not durable.
func (m *memory) set(home *node, changes ...change) {
	m.seq++
	for _, c := range changes {
		if c.to == nil {
			delete(c.folder.entries, c.name)
		} else {
			c.folder.entries[c.name] = c.to
		}
		c.folder.changed = time.Now()
	}
	m.names = append(m.names, renaming{home: home, seq: m.seq, changes: changes})
}

// settle makes a change durable, except where a later one already is.
func (r renaming) settle() {
	for _, c := range r.changes {
		if r.seq > c.folder.durable[c.name].seq {
			c.folder.durable[c.name] = entry{node: c.to, seq: r.seq}
		}
	}
}

// maxLinks is how many symlinks a name may lead through.
const maxLinks = 40

// find returns the folder and last part of a name, and what is there or nil. It
// follows the symlinks on the way, and one at the end if follow says so.
func (c *Crashing) find(name string, follow bool) (folder *node, last string, at *node, err error) {
	way := []*node{c.base}
	parts := splitName(name)
	for links := 0; len(parts) > 0; {
		part, rest := parts[0], parts[1:]
		folder := way[len(way)-1]
		switch {
		case part == ".":
			at = folder
		case part == "..":
			if len(way) == 1 {
				return nil, "", nil, ErrEscapes
			}
			way = way[:len(way)-1]
			at = way[len(way)-1]
		default:
			at = folder.entries[part]
			if len(rest) == 0 && (at == nil || at.target == "" || !follow) {
				return folder, part, at, nil
			}
			if at == nil {
				return nil, "", nil, fs.ErrNotExist
			}
			if at.target != "" {
				if links++; links > maxLinks {
					return nil, "", nil, syscall.ELOOP
				}
				if path.IsAbs(at.target) {
					return nil, "", nil, ErrEscapes
				}
				parts = append(splitName(at.target), rest...)
				continue
			}
			if !at.mode.IsDir() {
				return nil, "", nil, syscall.ENOTDIR
			}
			way = append(way, at)
		}
		parts = rest
	}
	return nil, ".", at, nil
}

// Open opens a file; creating or emptying it is a change.
func (c *Crashing) Open(name string, flag int, perm fs.FileMode) (File, error) {
	begin := c.lock
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		begin = c.lockChange
	}
	unlock, err := begin()
	if err != nil {
		return nil, err
	}
	defer unlock()
	folder, last, at, err := c.find(name, flag&os.O_EXCL == 0)
	switch {
	case err != nil:
		return nil, err
	case at == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case at == nil:
		at = &node{mode: perm.Perm(), changed: time.Now()}
		c.disk.set(folder, change{folder, last, at})
	case flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case at.mode.IsDir() && flag&(os.O_WRONLY|os.O_RDWR) != 0:
		return nil, syscall.EISDIR
	case flag&os.O_TRUNC != 0:
		at.live = nil
	}
	return &memoryFile{fsys: c, node: at, name: name, atEnd: flag&os.O_APPEND != 0}, nil
}

// Lstat says what is at a name.
func (c *Crashing) Lstat(name string) (fs.FileInfo, error) {
	unlock, err := c.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	_, _, at, err := c.find(name, false)
	if err != nil {
		return nil, err
	}
	if at == nil {
		return nil, fs.ErrNotExist
	}
	return infoOf(path.Base(name), at), nil
}

// ReadDir returns a folder's entries.
func (c *Crashing) ReadDir(name string) ([]fs.DirEntry, error) {
	unlock, err := c.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	folder, err := c.folder(name)
	if err != nil {
		return nil, err
	}
	var entries []fs.DirEntry
	for name, at := range folder.entries {
		entries = append(entries, fs.FileInfoToDirEntry(infoOf(name, at)))
	}
	sortEntries(entries)
	return entries, nil
}

// folder returns what is at a name if that is a folder.
func (c *Crashing) folder(name string) (*node, error) {
	_, _, at, err := c.find(name, true)
	if err != nil {
		return nil, err
	}
	if at == nil {
		return nil, fs.ErrNotExist
	}
	if !at.mode.IsDir() {
		return nil, syscall.ENOTDIR
	}
	return at, nil
}

// Readlink returns the target of a symlink.
func (c *Crashing) Readlink(name string) (string, error) {
	unlock, err := c.lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	_, _, at, err := c.find(name, false)
	if err != nil {
		return "", err
	}
	if at == nil {
		return "", fs.ErrNotExist
	}
	if at.target == "" {
		return "", syscall.EINVAL
	}
	return at.target, nil
}

// Sub returns the FS below a folder; its power goes with this one's.
func (c *Crashing) Sub(name string) (FS, error) {
	unlock, err := c.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	folder, err := c.folder(name)
	if err != nil {
		return nil, err
	}
	return &Crashing{disk: c.disk, base: folder}, nil
}

// Close does nothing.
func (c *Crashing) Close() error { return nil }
