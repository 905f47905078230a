package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/pack"
)

// packsDir is where packs are below a Files' folder, each named by the 64 hex digits of its
// ID.
const packsDir = "packs"

// maxShelves is how many packs stay open.
const maxShelves = 16

// packs is the packs of a Files as this process knows them. Others add and remove some
// meanwhile; one that is there never changes.
type packs struct {
	root *disk.Root
	dir  string

	changing sync.Mutex // held while packs are written anew

	mu      sync.Mutex
	folder  fs.FileInfo // when it was listed; nil when it was not, or not there
	settled bool        // a change after the listing would show in the folder's times
	shelves []*shelf    // by name
	broken  []string    // names of files that are no packs
	trouble *PackError  // what could not be looked at: what is missed may be there
	last    *shelf      // where something was found
	open    int
}

// shelf is a pack that objects are read from.
type shelf struct {
	of   *packs
	name string // local to the root
	info fs.FileInfo
	pack *pack.Pack

	file  disk.File // nil while nobody reads, and others stay open
	users int
	gone  bool // it is closed when nobody reads any more
}

// racy is how much older than its listing a folder's change must be for a later one to be
// told from it: clocks tick, and some file systems keep whole seconds, or two.
func racy(changed time.Time) time.Duration {
	if changed.Nanosecond() != 0 {
		return 100 * time.Millisecond
	}
	return 2 * time.Second
}

// look lists the folder again if it has changed. What can't be read of it keeps nobody from
// the rest; who misses something then is told why.
func (p *packs) look() {
	info, err := p.root.Lstat(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		p.forget()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.trouble = &PackError{File: p.root.Path(p.dir), Err: err}
		return
	}
	if p.folder != nil && p.settled && disk.SameFile(p.folder, info) && p.folder.ModTime().Equal(info.ModTime()) {
		return
	}
	began := time.Now()
	settled := info.ModTime().Before(began.Add(-racy(info.ModTime())))
	p.trouble = nil
	names, err := p.names(settled)
	if err != nil {
		p.trouble = &PackError{File: p.root.Path(p.dir), Err: err}
	}
	var shelves []*shelf
	p.broken = nil
	for _, name := range names {
		s, err := p.shelf(name)
		switch {
		case errors.Is(err, pack.ErrNoPack):
			p.broken = append(p.broken, name)
		case errors.Is(err, fs.ErrNotExist): // it went just now
		case err != nil:
			p.trouble = &PackError{File: p.root.Path(path.Join(p.dir, name)), Err: err}
		default:
			shelves = append(shelves, s)
		}
	}
	p.drop(shelves)
	p.shelves, p.folder, p.settled = shelves, info, settled && p.trouble == nil
}

// missed returns a *PackError when something that was not found may be there all the same.
func (p *packs) missed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trouble == nil {
		return nil
	}
	return p.trouble
}

// names lists the packs. While others change the folder a listing can lack a pack that is gone
// and the one in its place, too: then there is another one until two are the same.
func (p *packs) names(settled bool) ([]string, error) {
	var before []string
	for listed := false; ; listed = true {
		entries, err := p.root.ReadDir(p.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		var names []string
		for _, entry := range entries {
			if _, err := digest.ParseHex(entry.Name()); err == nil && entry.Type().IsRegular() {
				names = append(names, entry.Name())
			}
		}
		if settled || listed && slices.Equal(names, before) {
			return names, nil
		}
		before = names
	}
}

// shelf returns the shelf of a pack, known or opened now.
func (p *packs) shelf(name string) (*shelf, error) {
	local := path.Join(p.dir, name)
	for _, known := range p.shelves {
		if known.name == local {
			return known, nil
		}
	}
	file, err := p.root.Open(local)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	index, err := pack.Open(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.root.Path(local), err)
	}
	if index.ID().Hex() != name {
		return nil, fmt.Errorf("pack %s: %w: its name is another's", p.root.Path(local), pack.ErrNoPack)
	}
	s := &shelf{of: p, name: local, info: info}
	s.pack = index.From(s)
	return s, nil
}

// drop closes the shelves that are not among those to keep.
func (p *packs) drop(keep []*shelf) {
	for _, s := range p.shelves {
		if slices.Contains(keep, s) {
			continue
		}
		if s.gone = true; s.file != nil && s.users == 0 {
			s.close()
		}
	}
	if !slices.Contains(keep, p.last) {
		p.last = nil
	}
}

// forget has the next look list the folder.
func (p *packs) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlearn()
}

// unlearn is forget for who holds the lock.
func (p *packs) unlearn() {
	p.drop(nil)
	p.folder, p.shelves, p.broken, p.trouble = nil, nil, nil, nil
}

// find returns where an object is among the packs that are known.
func (p *packs) find(id digest.ID) (*shelf, pack.Entry, bool) {
	p.mu.Lock()
	shelves, last := p.shelves, p.last
	p.mu.Unlock()
	if last != nil {
		if e, found := last.pack.Find(id); found {
			return last, e, true
		}
	}
	for _, s := range shelves {
		if s == last {
			continue
		}
		if e, found := s.pack.Find(id); found {
			p.mu.Lock()
			p.last = s
			p.mu.Unlock()
			return s, e, true
		}
	}
	return nil, pack.Entry{}, false
}

// known returns the packs that are known.
func (p *packs) known() []*shelf {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shelves
}

// damaged returns the names of the files that are no packs.
func (p *packs) damaged() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// ReadAt reads from the pack's file, which it opens if need be.
func (s *shelf) ReadAt(to []byte, offset int64) (int, error) {
	file, err := s.take()
	if err != nil {
		return 0, err
	}
	defer s.give()
	return file.ReadAt(to, offset)
}

// take opens the file, unless it is open, until it is given back.
func (s *shelf) take() (disk.File, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.file == nil {
		file, err := s.of.root.Open(s.name)
		if err != nil {
			return nil, err
		}
		s.file = file
		s.of.open++
	}
	s.users++
	return s.file, nil
}

// give lets go of the file, which may stay open.
func (s *shelf) give() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.users--
	if s.users == 0 && (s.gone || s.of.open > maxShelves) {
		s.close()
	}
}

// close closes the file. Nobody reads it, and the caller holds the lock.
func (s *shelf) close() {
	s.file.Close()
	s.file = nil
	s.of.open--
}

// without returns what stays in a pack, and whether that is less than what is there.
func (s *shelf) without(gone func(*shelf, pack.Entry) bool) ([]pack.Entry, bool) {
	var kept []pack.Entry
	for i := range s.pack.Len() {
		if e := s.pack.At(i); !gone(s, e) {
			kept = append(kept, e)
		}
	}
	return kept, len(kept) < s.pack.Len()
}

// NotPacked returns those of some objects that no pack has, in their order. The objects are
// sorted by their digests.
func (f *Files) NotPacked(ids []digest.ID) ([]digest.ID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	f.packs.look()
	shelves := f.packs.known()
	found := make([]bool, len(ids))
	for _, s := range shelves {
		s.mark(ids, found)
	}
	var rest []digest.ID
	for i, id := range ids {
		if !found[i] {
			rest = append(rest, id)
		}
	}
	if len(rest) > 0 {
		return rest, f.packs.missed()
	}
	return nil, nil
}

// mark marks which of some objects a pack has, from whichever of the two has less.
func (s *shelf) mark(ids []digest.ID, found []bool) {
	if len(ids) <= s.pack.Len() {
		for i, id := range ids {
			if !found[i] {
				_, found[i] = s.pack.Find(id)
			}
		}
		return
	}
	for i := range s.pack.Len() {
		id := s.pack.At(i).ID
		if at, there := slices.BinarySearchFunc(ids, id, digest.ID.Compare); there {
			found[at] = true
		}
	}
}

// Remove deletes objects; those that aren't there are fine. A pack that loses some is written
// anew without them.
func (f *Files) Remove(ctx context.Context, ids []digest.ID) error {
	gone := make(map[digest.ID]bool, len(ids))
	for _, id := range ids {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		gone[id] = true
		if err := f.root.Remove(f.Name(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return f.unpack(ctx, func(_ *shelf, e pack.Entry) bool { return gone[e.ID] })
}

// RemoveDamaged deletes an object from the packs in which its bytes have another digest.
func (f *Files) RemoveDamaged(ctx context.Context, id digest.ID) error {
	return f.unpack(ctx, func(s *shelf, e pack.Entry) bool {
		if e.ID != id {
			return false
		}
		_, err := s.pack.Load(e)
		return errors.Is(err, pack.ErrNoPack)
	})
}

// unpack takes objects out of the packs: first out of those of which the least is left, which
// makes room for the others.
func (f *Files) unpack(ctx context.Context, gone func(*shelf, pack.Entry) bool) error {
	f.packs.changing.Lock()
	defer f.packs.changing.Unlock()
	f.packs.look()
	missed, kept := f.packs.missed(), map[*shelf][]pack.Entry{}
	for _, s := range f.packs.known() {
		if rest, less := s.without(gone); less {
			kept[s] = rest
		}
	}
	for _, s := range slices.SortedFunc(maps.Keys(kept), func(a, b *shelf) int { return len(kept[a]) - len(kept[b]) }) {
		if err := f.packs.reduce(ctx, s, kept[s]); err != nil {
			return fmt.Errorf("take objects out of pack %s: %w", f.root.Path(s.name), err)
		}
	}
	return missed
}

// Loosen gives an object that is in a pack a file of its own, too, so that it can be linked.
// It is not synced: the pack is what lasts.
func (f *Files) Loosen(ctx context.Context, o *Object) error {
	temp, err := f.root.CreateMode(f.dir, objectMode)
	if err != nil {
		return err
	}
	defer temp.Discard()
	if _, err := io.Copy(temp, contextReader{ctx, o.Reader()}); err != nil {
		return err
	}
	name := f.Name(o.ID)
	if err := f.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	return temp.Rename(name)
}

// reduce replaces a pack by one with some of its objects only. Their bytes are copied as they
// are, and are durable before the pack goes.
func (p *packs) reduce(ctx context.Context, s *shelf, kept []pack.Entry) error {
	if len(kept) == 0 {
		return p.replace(s, nil, "")
	}
	w, err := newPacking(p.root, path.Dir(p.dir))
	if err != nil {
		return err
	}
	defer w.temp.Discard()
	slices.SortFunc(kept, func(a, b pack.Entry) int { return cmp.Compare(a.Offset, b.Offset) }) // as they lie there
	var content []byte
	for _, e := range kept {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		content = slices.Grow(content[:0], e.Size)[:e.Size]
		if err := s.pack.Read(e, content); err != nil {
			return err
		}
		if _, err := w.Add(e.ID, content); err != nil {
			return err
		}
	}
	id, err := w.finish()
	if err != nil {
		return err
	}
	if err := p.root.Barrier([]string{w.temp.Name()}, nil); err != nil {
		return err
	}
	return p.replace(s, w.temp, id.Hex())
}

// replace puts a durable pack, unless it is nil, in the place of another. Nobody in this
// process lists the folder meanwhile, who could miss both.
func (p *packs) replace(s *shelf, by *disk.Temp, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if by != nil {
		if err := by.Rename(path.Join(p.dir, name)); err != nil {
			return err
		}
		if err := p.root.SyncDir(p.dir); err != nil {
			return err
		}
	}
	p.unlearn()
	if err := p.root.Remove(s.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.root.SyncDir(p.dir)
}

// PackError says that a file among the packs is none, or no longer the one that was written,
// or can't be read.
type PackError struct {
	File  string // absolute path; the folder's when it is not known which can't be read
	Saved int    // how many objects of it were whole, and have been put elsewhere
	Err   error  // why nothing could be done about it; nil when it was moved away
}

// Error names the file.
func (e *PackError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("what is packed in %s can't be told: %v", e.File, e.Err)
	}
	return fmt.Sprintf("pack %s is damaged; %d of its objects are whole, and kept", e.File, e.Saved)
}

// Unwrap returns the cause.
func (e *PackError) Unwrap() error { return e.Err }

// Mend moves files that are no packs away, to a folder local to the Root, after it has stored
// anew what of their objects is whole. What it returns tells of each.
func (f *Files) Mend(ctx context.Context, to string) ([]*PackError, error) {
	f.packs.look()
	var found []*PackError
	var unreadable *PackError
	if errors.As(f.packs.missed(), &unreadable) {
		found = append(found, unreadable)
	}
	for _, name := range f.packs.damaged() {
		one := &PackError{File: f.root.Path(path.Join(f.packs.dir, name))}
		if one.Saved, one.Err = f.salvage(ctx, name); one.Err == nil {
			one.Err = f.banish(name, to)
		}
		if ctx.Err() != nil {
			return found, context.Cause(ctx)
		}
		found = append(found, one)
	}
	return found, nil
}

// banish moves a file from among the packs, unless the pack that it was is in its place now.
func (f *Files) banish(name, to string) error {
	f.packs.forget()
	f.packs.look()
	if !slices.Contains(f.packs.damaged(), name) {
		return nil
	}
	defer f.packs.forget()
	if err := f.root.MkdirAll(to, 0o777); err != nil {
		return err
	}
	err := f.root.Rename(path.Join(f.packs.dir, name), path.Join(to, "pack-"+name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// salvage stores the whole objects of what was a pack.
func (f *Files) salvage(ctx context.Context, name string) (int, error) {
	file, err := f.root.Open(path.Join(f.packs.dir, name))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	batch := f.Begin()
	defer batch.Abort()
	batch.Many()
	saved := 0
	_, err = pack.Scan(io.NewSectionReader(file, 0, 1<<62), func(e pack.Entry, content []byte) error {
		saved++
		return batch.Put(ctx, e.ID, bytes.NewReader(content))
	})
	if err != nil {
		return 0, err
	}
	return saved, batch.Commit(ctx)
}
