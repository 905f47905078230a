package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

// SaveOptions says how Save saves.
type SaveOptions struct {
	NoCache bool // only hash
	Copy    bool // leave the files as they are, whatever kind of link the cache makes
}

// Save puts what a path holds into the cache. When it returns, all of it is durable
// there. Where the cache makes hard or symbolic links, the files then become such.
//
// What is not there is an error that wraps fs.ErrNotExist; see Digest for the others.
func (w *Workspace) Save(ctx context.Context, name string, options SaveOptions) (digest.Content, error) {
	contents, err := w.SaveMany(ctx, []string{name}, options)
	if err != nil {
		return digest.Content{}, err
	}
	return contents[0], nil
}

// SaveMany is Save of several paths at the price of one barrier. It returns what they
// hold, in their order.
func (w *Workspace) SaveMany(ctx context.Context, names []string, options SaveOptions) ([]digest.Content, error) {
	batch := w.cache.Begin()
	defer batch.Abort()
	saves, err := w.put(ctx, batch, names, options)
	if err != nil {
		return nil, err
	}
	if err := batch.Commit(ctx); err != nil {
		return nil, fmt.Errorf("put into the cache: %w", err)
	}
	contents := make([]digest.Content, len(names))
	for i, save := range saves {
		if !options.NoCache && !options.Copy && w.LinksOut() {
			if _, err := save.relink(ctx, w.wantsLink); err != nil {
				return nil, err
			}
		}
		contents[i] = save.content
	}
	return contents, nil
}

// SaveInto is SaveMany into a batch, for the caller to commit. The files stay as they
// are: it is not for a workspace that LinksOut.
func (w *Workspace) SaveInto(ctx context.Context, batch *store.Batch, names []string) ([]digest.Content, error) {
	saves, err := w.put(ctx, batch, names, SaveOptions{Copy: true})
	contents := make([]digest.Content, len(saves))
	for i, save := range saves {
		contents[i] = save.content
	}
	return contents, err
}

func (w *Workspace) put(ctx context.Context, batch *store.Batch, names []string, options SaveOptions) ([]*saving, error) {
	saves := make([]*saving, len(names))
	for i, name := range names {
		saves[i] = &saving{w: w, name: name, batch: batch, takes: !options.Copy && w.cache.Links()[0] == cache.Hardlink}
		if options.NoCache {
			saves[i].batch = nil
		}
		if err := saves[i].put(ctx); err != nil {
			return nil, err
		}
	}
	return saves, nil
}

// LinksOut reports whether the cache brings objects out as hard or symbolic links, which
// Save then makes of the files.
func (w *Workspace) LinksOut() bool {
	for _, kind := range w.cache.Links() {
		switch kind {
		case cache.Hardlink, cache.Symlink:
			return true
		case cache.Copy:
			return false
		}
	}
	return false
}

// saving is the saving of one path.
type saving struct {
	w       *Workspace
	name    string
	batch   *store.Batch // nil: only hash
	takes   bool         // a large file may become the object itself
	content digest.Content
	tree    *scan  // of a directory
	file    *entry // of all else
}

func (s *saving) put(ctx context.Context) error {
	if err := s.w.gate(s.name); err != nil {
		return err
	}
	at, err := s.w.find(s.name)
	if err != nil {
		return err
	}
	defer at.close()
	switch {
	case at.stat.kind == digest.None:
		return s.w.fail("save", s.name, fs.ErrNotExist)
	case at.stat.kind == digest.Dir:
		return s.putTree(ctx, at)
	}
	return s.putFile(ctx, at)
}

func (s *saving) putFile(ctx context.Context, at place) error {
	e, err := s.w.inspectFile(s.name, at)
	if err != nil {
		return err
	}
	if e.stat.regular() {
		h := s.w.hands.Get().(*hand)
		defer s.w.hands.Put(h)
		if err := s.add(ctx, h, at.folder, s.name, e); err != nil {
			return s.w.fail("save", s.name, err)
		}
	}
	if e.stat.kind == digest.None {
		return s.w.fail("save", s.name, fs.ErrNotExist)
	}
	if e.stat.kind == digest.Link && s.batch != nil {
		if _, err := s.batch.AddBytes([]byte(e.target)); err != nil {
			return err
		}
	}
	s.file, s.content = e, s.w.rememberFile(s.name, e)
	return nil
}

func (s *saving) putTree(ctx context.Context, at place) error {
	whole := s.batch == nil || s.w.tree(s.name).cached(ctx, s.w.cache)
	var err error
	for range tries {
		s.tree, s.content, err = s.w.scanTree(ctx, s.name, at, &scan{take: s.add, always: !whole})
		if err != nil || !s.tree.gone.Load() {
			break
		}
		err = &ChangingError{Path: s.name}
	}
	if err != nil || s.batch == nil || whole && s.tree.same() {
		return err
	}
	tree := s.tree.flatten()
	text := tree.Encode()
	if len(text) > mostTree {
		return s.w.fail("save", s.name, fmt.Errorf("it holds %d files, which is too many for one list of them; track the folders in it each by itself", len(tree)))
	}
	_, err = s.batch.AddBytes(text)
	return err
}

// mostTree is what could be read again.
var mostTree = cache.MaxTree

// cached reports whether what a tree was is whole in the cache.
func (t *tree) cached(ctx context.Context, from *cache.Cache) bool {
	t.mu.Lock()
	x := t.load()
	t.mu.Unlock()
	if x == nil {
		return false
	}
	whole, err := from.Has(ctx, x.content)
	return err == nil && whole
}

// add puts one file into the batch, unless the cache has it.
func (s *saving) add(ctx context.Context, h *hand, f folder, path string, e *entry) error {
	if s.batch == nil {
		if e.same {
			return nil
		}
		return s.w.hash(ctx, h, f, path, e)
	}
	if e.linked && !e.same {
		if err := s.w.hash(ctx, h, f, path, e); err != nil {
			return err
		}
	}
	if e.same || e.linked {
		size, found, err := s.w.cache.Objects().Stat(ctx, e.id)
		if err != nil || found && size == e.stat.size {
			return err
		}
	}
	return s.w.steadily(ctx, f, path, e, func(from folder, name string) (bool, error) {
		return s.copy(ctx, h, from, name, path, e)
	})
}

func (s *saving) copy(ctx context.Context, h *hand, from folder, name, path string, e *entry) (bool, error) {
	opened, err := from.openFile(name)
	if err != nil {
		return false, err
	}
	defer opened.Close()
	now, err := fileSource{opened}.stat()
	if err != nil || now.ctime != 0 && !e.unchanged(now) || !now.regular() {
		return false, err
	}
	file, real := disk.OSFile(opened)
	if !real {
		return s.copyTwice(ctx, h, opened, e)
	}
	if s.takes && !e.linked && !e.own && e.stat.kind == digest.File && e.stat.size >= digest.Large && e.stat.nlink == 1 {
		return s.take(ctx, file, path, e)
	}
	id, size, err := s.batch.Add(ctx, file)
	e.id = id
	return size == e.stat.size, err
}

// take has a large file become the object; false when it is to be looked at again, and added.
func (s *saving) take(ctx context.Context, file *os.File, path string, e *entry) (bool, error) {
	e.own = true
	id, size, taken, err := s.batch.Take(ctx, file, s.w.root.Path(path))
	if err != nil || !taken {
		return false, err
	}
	now, err := fileSource{file}.stat()
	same := size == e.stat.size && now.size == e.stat.size && now.mtime == e.stat.mtime
	e.id, e.stat, e.taken = id, now, true
	return same, err
}

// copyTwice is for a file that is not the system's own: it is read once for its digest
// and once for its bytes.
func (s *saving) copyTwice(ctx context.Context, h *hand, file disk.File, e *entry) (bool, error) {
	size, err := h.sum(ctx, io.NewSectionReader(file, 0, 1<<62))
	if err != nil {
		return false, err
	}
	e.id = h.hasher.Sum()
	err = s.batch.Put(ctx, e.id, io.NewSectionReader(file, 0, 1<<62))
	var other *store.CorruptError
	if errors.As(err, &other) {
		return false, nil
	}
	return size == e.stat.size, err
}

// entryAt returns what is at a name, not read.
func (w *Workspace) entryAt(name string) (*entry, error) {
	at, err := w.look(name)
	if err != nil {
		return nil, err
	}
	defer at.close()
	e := &entry{name: at.base, stat: at.stat, old: -1}
	if e.stat.kind == digest.Link {
		if err := w.link(at.folder, name, e); err != nil {
			return nil, w.fail("read link", name, err)
		}
	}
	return e, nil
}

// parallel does n things over the cores, and stops early when one goes wrong.
func parallel(ctx context.Context, n int, do func(i int) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	var once sync.Once
	var problem error
	fail := func(err error) {
		once.Do(func() { problem = err })
		next.Store(int64(n))
	}
	for range min(n, workers()) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if ctx.Err() != nil {
					fail(context.Cause(ctx))
				} else if err := do(int(i)); err != nil {
					fail(err)
				}
			}
		})
	}
	group.Wait()
	return problem
}
