package workspace

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// node is a directory as it was scanned.
type node struct {
	name    string
	path    string // below the scan's top, "" for the top
	entries []entry
	old     int // its number in the index, or -1
	rules   *rules
	hidden  atomic.Bool // it holds what an ignore file hides

	same    atomic.Int64 // entries that the index can give back
	dropped bool         // it is as in the index: the entries are there
	dirs    []*node      // of a dropped one, its directories in order
}

// entry is one thing in a directory. One whose kind is digest.None is not there.
type entry struct {
	name    string
	stat    stat
	id      digest.ID
	target  string // of a link
	dir     *node  // of a directory
	old     int    // its record in the index, or -1
	trusted bool   // the stat speaks for the content from now on
	linked  bool   // a symlink into the cache; stat is that of the object
	same    bool   // the index knows it with this content
	taken   bool   // it has become the object itself
	own     bool   // it can't
}

// scan looks at a directory and all below it, fanned out over the cores: every
// directory is a task, and so is every long run of its entries. Tasks are taken from
// the end of a stack, which makes the walk go deep first and keeps few folders open.
// It does not recurse: depth costs nothing.
type scan struct {
	w       *Workspace
	name    string
	becomes string // where it will be, when that is elsewhere; links are judged by it
	old     *index // nil when nothing is known
	now     int64  // when it began; what is newer is not trusted

	// take reads a file that the index doesn't know, and sets the entry's id. Nil: nothing
	// is read, no link is judged and nothing is hidden.
	take func(ctx context.Context, h *hand, f folder, path string, e *entry) error
	// known answers for take where it can; may be nil.
	known    func(path string, e *entry) bool
	always   bool        // take is called for files that the index knows too
	lean     bool        // of directories that are as in the index the entries are dropped
	gone     atomic.Bool // something went between two looks: what was found may never have been there
	plain    bool        // nothing is hidden, whatever the rules
	anything bool        // special files and links out of the root are let be

	top   *node
	stale atomic.Bool  // the index has to be written anew
	live  atomic.Int64 // entries
	hits  atomic.Int64 // entries that the index knows with the same content
	open  atomic.Int64 // folders

	mu      sync.Mutex
	spare   [][]entry // of directories that were dropped
	wake    sync.Cond
	stack   []task
	busy    int
	problem error
	at      string // the path of the problem; of many, the first is told
}

type task func(ctx context.Context, h *hand)

const (
	statRun   = 512     // entries a task
	takeFiles = 64      // files a task, or
	takeBytes = 4 << 20 // bytes a task
	maxOpen   = 24      // folders that wait open for a task; more are opened again later
)

// run scans all. The folder is the one that the scan's name is in.
func (s *scan) run(ctx context.Context, in folder, base string) error {
	s.wake.L = &s.mu
	s.top = &node{name: base, old: -1}
	if s.old != nil {
		s.top.old = 0
	}
	if s.rulesCount() {
		s.top.rules = s.w.rulesAbove(s.name)
	}
	s.push(func(ctx context.Context, h *hand) { s.list(h, s.top, newHandle(s, in, false)) })
	var group sync.WaitGroup
	for range workers() {
		group.Go(func() { s.work(ctx) })
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return s.problem
}

// rulesCount reports whether ignored files are hidden.
func (s *scan) rulesCount() bool { return s.take != nil && !s.plain }

func (s *scan) push(t task) {
	s.mu.Lock()
	s.stack = append(s.stack, t)
	s.mu.Unlock()
	s.wake.Signal()
}

func (s *scan) work(ctx context.Context) {
	h := s.w.hands.Get().(*hand)
	defer s.w.hands.Put(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.stack) == 0 {
			if s.busy == 0 {
				s.wake.Broadcast()
				return
			}
			s.wake.Wait()
		}
		next := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		s.busy++
		s.mu.Unlock()
		next(ctx, h)
		s.mu.Lock()
		s.busy--
	}
}

// fail keeps the error of the path that comes first, so that the same files give the
// same error whoever was quicker.
func (s *scan) fail(path string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == nil || path < s.at {
		s.problem, s.at = s.w.fail("read", under(s.name, path), err), path
	}
}

func (s *scan) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem != nil
}

// handle is an open folder that several tasks use; the last closes it.
type handle struct {
	folder
	scan  *scan
	uses  atomic.Int64
	owned bool
}

func newHandle(s *scan, f folder, owned bool) *handle {
	h := &handle{folder: f, scan: s, owned: owned}
	h.uses.Store(1)
	if owned {
		s.open.Add(1)
	}
	return h
}

func (h *handle) release() {
	if h.uses.Add(-1) == 0 && h.owned {
		h.close()
		h.scan.open.Add(-1)
	}
}

// later pushes a task that uses the folder.
func (h *handle) later(do func(ctx context.Context, hand *hand)) {
	h.uses.Add(1)
	h.scan.push(func(ctx context.Context, hand *hand) {
		defer h.release()
		if ctx.Err() == nil {
			do(ctx, hand)
		}
	})
}

// list reads a directory's names and hands out its entries.
func (s *scan) list(h *hand, at *node, parent *handle) {
	opened, err := s.enter(at, parent)
	if err != nil {
		if isAbsent(err) && at != s.top {
			s.gone.Store(true)
			return // it was there a moment ago; it is as if empty
		}
		s.fail(at.path, err)
		return
	}
	folder := newHandle(s, opened, true)
	defer folder.release()
	names, err := folder.list(h.dirents, h.names[:0])
	if isAbsent(err) && at != s.top {
		s.gone.Store(true)
		return
	}
	if err != nil {
		s.fail(at.path, err)
		return
	}
	h.names = names
	names = s.visible(names, at)
	slices.Sort(names)
	at.entries = s.room(len(names))
	for i, name := range names {
		at.entries[i].name = name
	}
	if s.rulesCount() {
		s.readRules(folder, at)
	}
	for from := statRun; from < len(names); from += statRun {
		to := min(from+statRun, len(names))
		folder.later(func(ctx context.Context, _ *hand) { s.look(at, folder, from, to) })
	}
	s.look(at, folder, 0, min(statRun, len(names)))
}

// enter opens a directory, from its parent if that was kept open.
func (s *scan) enter(at *node, parent *handle) (folder, error) {
	if parent != nil {
		defer parent.release()
		return parent.sub(at.name)
	}
	in, err := openFolder(s.w.root, parentName(under(s.name, at.path)))
	if err != nil {
		return nil, err
	}
	defer in.close()
	return in.sub(at.name)
}

// visible takes out the names that flow never sees.
func (s *scan) visible(names []string, at *node) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		if s.rulesCount() && alwaysIgnored(name) {
			at.hidden.Store(true)
			return true
		}
		return disk.IsTemp(name)
	})
}

// look takes the stat of a run of entries, and compares it with the index.
func (s *scan) look(at *node, f *handle, from, to int) {
	known := newCursor(s.old, at, from)
	var unread []*entry
	var bytes, same int64
	for i := from; i < to; i++ {
		e := &at.entries[i]
		if err := s.inspect(at, f.folder, e, known.find(e.name)); err != nil {
			s.fail(join(at.path, e.name), err)
			return
		}
		if e.stat.regular() && s.take != nil && (!e.same || s.always) {
			unread, bytes = append(unread, e), bytes+e.stat.size
			if len(unread) == takeFiles || bytes >= takeBytes {
				s.read(at, f, unread)
				unread, bytes = nil, 0
			}
			continue
		}
		s.count(e)
		if e.same && e.stat.kind != digest.Link {
			same++
		}
		if e.dir != nil {
			s.descend(e.dir, f)
		}
	}
	if len(unread) > 0 {
		s.read(at, f, unread)
	}
	if s.lean && at.same.Add(same) == int64(len(at.entries)) {
		s.drop(at)
	}
}

// drop lets go of a directory's entries when the index has just these.
func (s *scan) drop(at *node) {
	if at.old < 0 {
		return
	}
	if first, end := s.old.folder(at.old); end-first != len(at.entries) {
		return
	}
	for i := range at.entries {
		if below := at.entries[i].dir; below != nil {
			at.dirs = append(at.dirs, below)
		}
	}
	s.mu.Lock()
	s.spare = append(s.spare, at.entries)
	s.mu.Unlock()
	at.entries, at.dropped = nil, true
}

// room returns empty entries.
func (s *scan) room(count int) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.spare) - 1; last >= 0 {
		found := s.spare[last]
		s.spare = s.spare[:last]
		if cap(found) >= count {
			clear(found)
			return found[:count]
		}
	}
	return make([]entry, count)
}

// entries returns what is in a directory, of a dropped one from the index.
func (s *scan) entries(at *node) []entry {
	if !at.dropped {
		return at.entries
	}
	first, end := s.old.folder(at.old)
	all, dirs := make([]entry, 0, end-first), at.dirs
	for n := first; n < end; n++ {
		was := s.old.record(n)
		e := entry{name: string(s.old.name(n)), stat: was.stat, id: was.id, old: n, trusted: was.trusted, same: true}
		if was.kind == digest.Dir {
			e.dir, dirs = dirs[0], dirs[1:]
		}
		all = append(all, e)
	}
	return all
}

// below calls do for the directories in a directory.
func (n *node) below(do func(*node)) {
	for _, dir := range n.dirs {
		do(dir)
	}
	for i := range n.entries {
		if dir := n.entries[i].dir; dir != nil {
			do(dir)
		}
	}
}

// count counts an entry of which all is known.
func (s *scan) count(e *entry) {
	if e.stat.kind == digest.None {
		return
	}
	s.live.Add(1)
	if e.same {
		s.hits.Add(1)
	}
}

func (s *scan) descend(dir *node, f *handle) {
	if s.open.Load() > maxOpen {
		s.push(func(ctx context.Context, h *hand) {
			if ctx.Err() == nil {
				s.list(h, dir, nil)
			}
		})
		return
	}
	f.uses.Add(1)
	s.push(func(ctx context.Context, h *hand) {
		if ctx.Err() != nil {
			f.release()
			return
		}
		s.list(h, dir, f)
	})
}

// read has files taken, by whoever is free.
func (s *scan) read(at *node, f *handle, unread []*entry) {
	f.later(func(ctx context.Context, h *hand) {
		for _, e := range unread {
			if s.failed() || ctx.Err() != nil {
				return
			}
			if err := s.takeOne(ctx, h, at, f, e); err != nil {
				s.fail(join(at.path, e.name), err)
				return
			}
		}
	})
}

func (s *scan) takeOne(ctx context.Context, h *hand, at *node, f *handle, e *entry) error {
	path := join(at.path, e.name)
	if s.known == nil || !s.known(path, e) {
		if err := s.take(ctx, h, f.folder, under(s.name, path), e); err != nil {
			return err
		}
	}
	e.same = false
	if e.old >= 0 {
		was := s.old.record(e.old)
		e.same = was.id == e.id && was.kind == e.stat.kind
		if !was.stat.same(e.stat) || was.trusted != e.trusted {
			s.stale.Store(true)
		}
	}
	s.count(e)
	return nil
}

// same reports whether the tree is exactly what the index knows.
func (s *scan) same() bool {
	return s.old != nil && s.live.Load() == int64(s.old.records) && s.hits.Load() == int64(s.old.records)
}

// parentName is path.Dir for clean local names.
func parentName(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[:i]
		}
	}
	return "."
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
