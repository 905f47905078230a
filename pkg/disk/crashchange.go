package disk

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"sort"
	"syscall"
	"time"
)

// add makes a new name.
func (c *Crashing) add(name string, at *node) error {
	unlock, err := c.lockChange()
	if err != nil {
		return err
	}
	defer unlock()
	folder, last, there, err := c.find(name, false)
	if err != nil {
		return err
	}
	if there != nil {
		return fs.ErrExist
	}
	c.disk.set(folder, change{folder, last, at})
	return nil
}

// Mkdir makes a folder.
func (c *Crashing) Mkdir(name string, perm fs.FileMode) error { return c.add(name, newFolder(perm)) }

// Symlink makes a symlink.
func (c *Crashing) Symlink(target, name string) error {
	return c.add(name, &node{mode: fs.ModeSymlink | 0o777, changed: time.Now(), target: target})
}

// Link gives a file a second name.
func (c *Crashing) Link(old, to string) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	_, _, at, err := c.find(old, false)
	unlock()
	if err != nil {
		return err
	}
	if at == nil {
		return fs.ErrNotExist
	}
	return c.add(to, at)
}

// Remove removes a name.
func (c *Crashing) Remove(name string) error {
	unlock, err := c.lockChange()
	if err != nil {
		return err
	}
	defer unlock()
	folder, last, at, err := c.find(name, false)
	switch {
	case err != nil:
		return err
	case at == nil:
		return fs.ErrNotExist
	case folder == nil:
		return syscall.EINVAL // the folder itself
	case len(at.entries) > 0:
		return syscall.ENOTEMPTY
	}
	c.disk.set(folder, change{folder, last, nil})
	return nil
}

// Rename moves a name, which is one change.
func (c *Crashing) Rename(old, to string) error {
	unlock, err := c.lockChange()
	if err != nil {
		return err
	}
	defer unlock()
	from, oldLast, at, err := c.find(old, false)
	if err != nil {
		return err
	}
	if at == nil {
		return fs.ErrNotExist
	}
	if from == nil {
		return syscall.EINVAL // the folder itself
	}
	folder, last, there, err := c.find(to, false)
	if err != nil {
		return err
	}
	if there != nil && there.mode.IsDir() {
		return fs.ErrExist
	}
	if there != nil && at.mode.IsDir() {
		return syscall.ENOTDIR
	}
	if there == at {
		return nil
	}
	c.disk.set(folder, change{from, oldLast, nil}, change{folder, last, at})
	return nil
}

// Chmod changes permissions, at once durably.
func (c *Crashing) Chmod(name string, mode fs.FileMode) error {
	unlock, err := c.lockChange()
	if err != nil {
		return err
	}
	defer unlock()
	_, _, at, err := c.find(name, true)
	if err != nil {
		return err
	}
	if at == nil {
		return fs.ErrNotExist
	}
	at.mode = at.mode.Type() | mode.Perm()
	return nil
}

// SyncDir makes the names in a folder durable.
func (c *Crashing) SyncDir(name string) error {
	unlock, err := c.lockChange()
	if err != nil {
		return err
	}
	defer unlock()
	folder, err := c.folder(name)
	if err != nil {
		return err
	}
	c.disk.names = slices.DeleteFunc(c.disk.names, func(r renaming) bool {
		if r.home == folder {
			r.settle()
		}
		return r.home == folder
	})
	return nil
}

// memoryFile is an open file of a Crashing.
type memoryFile struct {
	fsys  *Crashing
	node  *node
	name  string
	at    int
	atEnd bool
}

func (f *memoryFile) Name() string { return f.name }
func (f *memoryFile) Close() error { return nil }

func (f *memoryFile) Stat() (fs.FileInfo, error) {
	unlock, err := f.fsys.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return infoOf(path.Base(f.name), f.node), nil
}

func (f *memoryFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, int64(f.at))
	f.at += n
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	unlock, err := f.fsys.lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	if f.node.mode.IsDir() {
		return 0, syscall.EISDIR
	}
	if offset >= int64(len(f.node.live)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.live[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) Write(p []byte) (int, error) {
	unlock, err := f.fsys.lockChange()
	if err != nil {
		return 0, err
	}
	defer unlock()
	if f.atEnd {
		f.at = len(f.node.live)
	}
	live := slices.Clone(f.node.live)
	if missing := f.at + len(p) - len(live); missing > 0 {
		live = append(live, make([]byte, missing)...)
	}
	f.at += copy(live[f.at:], p)
	f.node.live, f.node.changed = live, time.Now()
	return len(p), nil
}

func (f *memoryFile) Sync() error {
	unlock, err := f.fsys.lockChange()
	if err != nil {
		return err
	}
	defer unlock()
	f.node.synced = f.node.live // Write replaces live, it doesn't change it
	return nil
}

// memoryInfo is what Lstat tells of a node.
type memoryInfo struct {
	name    string
	size    int64
	mode    fs.FileMode
	changed time.Time
}

func infoOf(name string, at *node) fs.FileInfo {
	return memoryInfo{name: name, size: int64(len(at.live)), mode: at.mode, changed: at.changed}
}

func (i memoryInfo) Name() string       { return i.name }
func (i memoryInfo) Size() int64        { return i.size }
func (i memoryInfo) Mode() fs.FileMode  { return i.mode }
func (i memoryInfo) ModTime() time.Time { return i.changed }
func (i memoryInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memoryInfo) Sys() any           { return nil }

// Crash returns a disk as it may be found after a power loss at this moment. Seed 0
// loses all that was not synced, seed 1 nothing, others something. The Crashing
// itself stays as it is.
func (c *Crashing) Crash(seed uint64) *Crashing {
	c.disk.mu.Lock()
	defer c.disk.mu.Unlock()
	s := &survivor{seed: seed, random: rand.New(rand.NewPCG(seed, seed)), copies: map[*node]*node{}}
	s.names = map[nameIn]entry{}
	for _, r := range c.disk.names {
		if !s.luck() {
			continue
		}
		for _, change := range r.changes {
			at := nameIn{change.folder, change.name}
			if r.seq > max(s.names[at].seq, change.folder.durable[change.name].seq) {
				s.names[at] = entry{change.to, r.seq}
			}
		}
	}
	return newCrashing(s.copy(c.base))
}

type nameIn struct {
	folder *node
	name   string
}

// survivor is a disk on its way through a crash.
type survivor struct {
	seed   uint64
	random *rand.Rand
	names  map[nameIn]entry // changes that made it though nobody synced them
	copies map[*node]*node
}

// luck reports whether something that was not synced made it.
func (s *survivor) luck() bool { return s.seed == 1 || s.seed != 0 && s.random.IntN(2) == 0 }

// copy returns what is left of a node; always in the same order, for the seed's sake.
func (s *survivor) copy(at *node) *node {
	if done := s.copies[at]; done != nil {
		return done
	}
	left := &node{mode: at.mode, changed: at.changed, target: at.target}
	s.copies[at] = left
	if !at.mode.IsDir() {
		left.live = s.content(at)
		left.synced = left.live
		return left
	}
	there := map[string]*node{}
	for name, entry := range at.durable {
		there[name] = entry.node
	}
	for in, entry := range s.names {
		if in.folder == at {
			there[in.name] = entry.node
		}
	}
	names := make([]string, 0, len(there))
	for name, at := range there {
		if at != nil {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	left.entries, left.durable = map[string]*node{}, map[string]entry{}
	for _, name := range names {
		left.entries[name] = s.copy(there[name])
		left.durable[name] = entry{node: left.entries[name]}
	}
	return left
}

// content returns what is left of a file: pages of 512 bytes that were not synced
// are old, new or zero, and its length is the old, the new or one between.
func (s *survivor) content(at *node) []byte {
	if s.seed == 0 || slices.Equal(at.live, at.synced) {
		return at.synced
	}
	if s.luck() {
		return at.live
	}
	short, long := min(len(at.live), len(at.synced)), max(len(at.live), len(at.synced))
	left := make([]byte, short+s.random.IntN(long-short+1))
	for start := 0; start < len(left); start += 512 {
		page := left[start:min(start+512, len(left))]
		switch s.random.IntN(3) {
		case 0:
			copy(page, at.synced[min(start, len(at.synced)):])
		case 1:
			copy(page, at.live[min(start, len(at.live)):])
		case 2: // the length was written, the bytes were not
			if start < len(at.synced) {
				copy(page, at.synced[start:])
			}
		}
	}
	return left
}
