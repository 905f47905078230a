package workspace

import (
	"maps"
	"math"
	"slices"
	"sync"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// files is the index of all single files, in one file that is read once.
type files struct {
	root *disk.Root
	file string

	mu      sync.Mutex
	loaded  bool
	old     *index             // nil when there is none
	changed map[string]*record // nil for a file that is gone
}

// filesName is what the index of single files is an index of: no name for data.
const filesName = "."

func (f *files) recall(name string) (record, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, found := f.changed[name]; found {
		if r == nil {
			return record{}, false
		}
		return *r, true
	}
	if !f.loaded {
		f.loaded = true
		f.old = f.read()
	}
	return f.old.find(name)
}

func (x *index) find(name string) (record, bool) {
	if x == nil {
		return record{}, false
	}
	first, end := x.folder(0)
	n := x.search(first, end, name)
	if n == end || string(x.name(n)) != name {
		return record{}, false
	}
	return x.record(n), true
}

func (f *files) read() *index {
	raw, err := f.root.Read(f.file)
	if err != nil {
		return nil
	}
	x, ok := parseIndex(raw, filesName)
	if !ok {
		return nil
	}
	return x
}

// remember keeps a record unless it is known already.
func (f *files) remember(name string, r record) {
	if was, found := f.recall(name); found && was.stat.same(r.stat) && was.id == r.id && was.trusted == r.trusted || len(name) > math.MaxUint16 {
		return
	}
	f.change(name, &r)
}

func (f *files) forget(name string) {
	if _, found := f.recall(name); found {
		f.change(name, nil)
	}
}

func (f *files) change(name string, r *record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = map[string]*record{}
	}
	f.changed[name] = r
}

// flush writes the index if something changed. What another process wrote meanwhile
// is kept.
func (f *files) flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.changed) == 0 {
		return nil
	}
	all := map[string]record{}
	if now := f.read(); now != nil {
		first, end := now.folder(0)
		for n := first; n < end; n++ {
			all[string(now.name(n))] = now.record(n)
		}
	}
	for name, r := range f.changed {
		if r == nil {
			delete(all, name)
		} else {
			all[name] = *r
		}
	}
	writer := newIndexWriter(filesName)
	writer.folder(len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		writer.add(name, all[name])
	}
	raw := writer.finish(digest.Content{})
	if err := writeIndex(f.root, f.file, raw); err != nil {
		return err
	}
	f.changed = nil
	f.old, f.loaded = nil, false
	if x, ok := parseIndex(raw, filesName); ok {
		f.old, f.loaded = x, true
	}
	return nil
}

// tree is the index of one directory tree. Who holds the mutex looks at the tree, so
// that two who ask at once don't both hash it.
type tree struct {
	root *disk.Root
	name string
	file string

	mu     sync.Mutex
	loaded bool
	index  *index
	dirty  bool
}

func (w *Workspace) tree(name string) *tree {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.trees[name]
	if t == nil {
		t = &tree{root: w.root, name: name, file: w.dir + "/" + digest.Sum([]byte(name)).Hex()[:32]}
		w.trees[name] = t
	}
	return t
}

// load returns the index, or nil. The caller holds the mutex.
func (t *tree) load() *index {
	if t.loaded {
		return t.index
	}
	t.loaded = true
	if raw, err := t.root.Read(t.file); err == nil {
		t.index, _ = parseIndex(raw, t.name)
	}
	return t.index
}

// learn takes the place of what was known. The caller holds the mutex.
func (t *tree) learn(raw []byte) {
	x, ok := parseIndex(raw, t.name)
	if ok {
		t.index, t.loaded, t.dirty = x, true, true
	}
}

// heavy is from which size on an index is read again when it is needed again.
const heavy = 8 << 20

// release lets go of a large index that is on the disk. The caller holds the mutex.
func (t *tree) release() {
	if t.index != nil && !t.dirty && len(t.index.raw) >= heavy {
		t.index, t.loaded = nil, false
	}
}

func (t *tree) flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.dirty {
		return nil
	}
	sum := digest.Sum(t.index.raw)
	if err := writeIndex(t.root, t.file, append(slices.Clip(t.index.raw), sum[:]...)); err != nil {
		return err
	}
	t.dirty = false
	return nil
}
