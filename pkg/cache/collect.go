package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

// CollectOptions says how Collect goes about it.
type CollectOptions struct {
	Dry     bool                           // only find out what would go
	Grace   time.Duration                  // what is younger stays
	Owner   string                         // who collects, for messages to those who wait
	Waiting func(holder string)            // called once if the cache is in use, which Collect then waits for; nil: it doesn't wait
	Doomed  func(id digest.ID, size int64) // told of each object that goes, or would; may be nil
	Now     time.Time                      // default: the time now
	Scratch []Scratch                      // swept with the cache's own folders
}

// Scratch is a folder outside of the cache where what uses the cache leaves unfinished files
// and folders when it is killed.
type Scratch struct {
	Root *disk.Root
	Dir  string
	Lock string // a lock in Root that keeps others from it; while it is held, nothing is swept
}

// Collected is what Collect removed, or would.
type Collected struct {
	Objects int
	Bytes   int64
	Actions int         // results of actions that are no longer remembered
	Left    int         // unfinished files and folders that killed processes left
	Leaving int64       // the bytes of these
	Stuck   error       // why some of these could not be removed
	Absent  []digest.ID // trees to keep that are not here: what they name was not known, and may have gone
}

// Collect removes every object that the caller doesn't keep, and before them the
// results of actions that name one. keep is called when nobody else uses the cache; of
// a directory it need only give the tree, which keeps what it names.
//
// What is younger than the grace period stays too: objects by the time they were
// written, with all that they name if they are trees; and all that the results of
// actions name, by when the action ended, as an object may be older than its use.
//
// While somebody holds the cache's lock shared and Waiting is nil, the error is a
// *disk.BusyError. A dry run takes no lock. A tree to keep that is corrupt, or can't be
// read, stops Collect before anything is removed.
func (c *Cache) Collect(ctx context.Context, keep func(context.Context) ([]digest.Content, error), options CollectOptions) (Collected, error) {
	if !options.Dry {
		lock, err := c.lockToCollect(ctx, options)
		if err != nil {
			return Collected{}, err
		}
		defer lock.Unlock()
	}
	sweep := &sweep{cache: c, options: options,
		kept: map[digest.ID]bool{}, trees: map[digest.ID]bool{}, doomed: map[digest.ID]int64{}}
	if sweep.options.Now.IsZero() {
		sweep.options.Now = time.Now()
	}
	if err := sweep.mark(ctx, keep); err != nil {
		return Collected{}, fmt.Errorf("find what the cache must keep: %w", err)
	}
	if err := sweep.find(ctx); err != nil {
		return Collected{}, fmt.Errorf("find what the cache can do without: %w", err)
	}
	if err := sweep.forget(ctx); err != nil {
		return sweep.done, fmt.Errorf("forget results of actions: %w", err)
	}
	if err := sweep.remove(ctx); err != nil {
		return sweep.done, fmt.Errorf("remove objects: %w", err)
	}
	sweep.tidy()
	return sweep.done, nil
}

func (c *Cache) lockToCollect(ctx context.Context, options CollectOptions) (*disk.Lock, error) {
	if options.Waiting == nil {
		return c.root.TryLock(gcLock, disk.Exclusive, options.Owner)
	}
	return c.LockExclusive(ctx, options.Owner, options.Waiting)
}

// sweep is one collection.
type sweep struct {
	cache   *Cache
	options CollectOptions
	kept    map[digest.ID]bool
	trees   map[digest.ID]bool  // those kept with what they name
	doomed  map[digest.ID]int64 // with their sizes
	done    Collected
}

// young reports whether something of that time is within the grace period.
func (s *sweep) young(when time.Time) bool {
	return s.options.Grace > 0 && when.After(s.options.Now.Add(-s.options.Grace))
}

// mark finds what is kept: what the caller says, and what young results name.
func (s *sweep) mark(ctx context.Context, keep func(context.Context) ([]digest.Content, error)) error {
	contents, err := keep(ctx)
	if err != nil {
		return err
	}
	for _, content := range contents {
		err := s.keep(ctx, content)
		if errors.Is(err, store.ErrAbsent) {
			s.done.Absent = append(s.done.Absent, content.ID)
		} else if err != nil {
			return err
		}
	}
	return s.cache.Actions(ctx, func(_ Action, result Result) error {
		if !s.young(result.Time) {
			return nil
		}
		for _, out := range result.Outs {
			if err := s.keep(ctx, out.Content); err != nil && !unusable(err) {
				return err
			}
		}
		return nil
	})
}

// keep marks a content, and what its tree names.
func (s *sweep) keep(ctx context.Context, content digest.Content) error {
	s.kept[content.ID] = true
	if content.Mode != digest.Dir || s.trees[content.ID] {
		return nil
	}
	s.trees[content.ID] = true
	ids, err := s.cache.TreeIDs(ctx, content.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s.kept[id] = true
	}
	return nil
}

// unusable reports whether an object is absent, corrupt, or not the tree it should be:
// of no use to anyone, whatever it was to name.
func unusable(err error) bool {
	var corrupt *store.CorruptError
	var bad *TreeError
	return errors.Is(err, store.ErrAbsent) || errors.As(err, &corrupt) || errors.As(err, &bad)
}

// find dooms the objects that are not kept and not young.
func (s *sweep) find(ctx context.Context) error {
	err := s.cache.objects.List(ctx, func(id digest.ID, size int64) error {
		if s.kept[id] {
			return nil
		}
		written, err := s.cache.objects.Written(id)
		if errors.Is(err, store.ErrAbsent) {
			return nil
		}
		if err != nil {
			return err
		}
		if !s.young(written) {
			s.doomed[id] = size
			return nil
		}
		return s.keepYoung(ctx, id)
	})
	if err != nil {
		return err
	}
	for id := range s.doomed {
		if s.kept[id] {
			delete(s.doomed, id) // a young tree that was found later names it
		}
	}
	return nil
}

// keepYoung keeps an object, and what it names if it is a tree.
func (s *sweep) keepYoung(ctx context.Context, id digest.ID) error {
	content := digest.Content{ID: id, Mode: digest.File}
	if s.cache.looksLikeTree(id) {
		content.Mode = digest.Dir
	}
	if err := s.keep(ctx, content); err != nil && !unusable(err) {
		return err
	}
	return nil
}

// looksLikeTree reports whether an object starts as a tree does.
func (c *Cache) looksLikeTree(id digest.ID) bool {
	o, err := c.open(id)
	if err != nil {
		return false
	}
	defer o.Close()
	start := make([]byte, len(treeHeader))
	_, err = io.ReadFull(o.Reader(), start)
	return err == nil && string(start) == treeHeader
}

// forget removes the results that name what is doomed.
func (s *sweep) forget(ctx context.Context) error {
	if len(s.doomed) == 0 {
		return nil
	}
	if !s.options.Dry {
		release, err := s.cache.lockActions(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	folders := map[string]bool{}
	err := s.cache.eachRecord(ctx, func(file string, r *record, err error) error {
		if err != nil {
			return nil
		}
		kept := r.results[:0:0]
		for _, result := range r.results {
			if !s.names(result) {
				kept = append(kept, result)
			}
		}
		gone := len(r.results) - len(kept)
		s.done.Actions += gone
		if gone == 0 || s.options.Dry {
			return nil
		}
		folders[path.Dir(file)] = true
		if r.results = kept; len(kept) == 0 {
			return s.cache.root.Remove(file)
		}
		return s.cache.replaceRecord(file, r)
	})
	for folder := range folders {
		if err == nil {
			err = s.cache.root.SyncDir(folder)
		}
	}
	return err
}

// names reports whether a result names what is doomed. Of a tree that stays, all that
// it names stays.
func (s *sweep) names(result Result) bool {
	for _, out := range result.Outs {
		if _, found := s.doomed[out.Content.ID]; found {
			return true
		}
	}
	return false
}

const (
	// resting is how long nobody has written to an unfinished file or folder that a killed
	// process left. Who makes large ones holds the cache's lock, and is not there now.
	resting = time.Minute

	// resumable is how long a download that was cut short waits to be gone on with.
	resumable = 24 * time.Hour
)

// PartName returns where in the cache an object is written to that comes in parts: what an
// interrupted fetch has of it stays there for the next one.
func PartName(id digest.ID) string { return objectsDir + "/" + disk.TempPrefix + id.Hex() }

// isPart reports whether a name is that of a download, or of its lock.
func isPart(name string) bool {
	text, found := strings.CutPrefix(path.Base(name), disk.TempPrefix)
	_, err := digest.ParseHex(strings.TrimSuffix(text, "-lock"))
	return found && err == nil
}

// remove removes what is doomed.
func (s *sweep) remove(ctx context.Context) error {
	if !s.options.Dry {
		if err := s.cache.objects.Remove(ctx, slices.Collect(maps.Keys(s.doomed))); err != nil {
			return err
		}
	}
	for id, size := range s.doomed {
		s.done.Objects++
		s.done.Bytes += size
		if s.options.Doomed != nil {
			s.options.Doomed(id, size)
		}
	}
	if !s.options.Dry {
		s.cache.stamps.forget(s.doomed)
	}
	return nil
}

// tidy removes what was left unfinished, anywhere in the cache and in the scratch folders. A
// dry one looks when nobody uses the cache, as it can't tell what is whose else.
func (s *sweep) tidy() {
	if s.options.Dry {
		lock, err := s.alone(s.cache.root, gcLock)
		if err != nil {
			return
		}
		defer lock.Unlock()
	}
	folders, err := s.cache.recordFolders()
	problems := []error{err}
	for _, folder := range append(folders, objectsDir, ".") {
		problems = append(problems, s.tidyFolder(Scratch{Root: s.cache.root, Dir: folder}))
	}
	for _, at := range s.options.Scratch {
		problems = append(problems, s.tidyFolder(at))
	}
	s.done.Stuck = errors.Join(problems...)
}

// alone takes a lock if nobody has it. A dry run makes no file for it: where there is none,
// nobody has taken it yet.
func (s *sweep) alone(root *disk.Root, name string) (*disk.Lock, error) {
	if s.options.Dry && !root.Exists(name) {
		return &disk.Lock{}, nil
	}
	return root.TryLock(name, disk.Exclusive, s.options.Owner)
}

func (s *sweep) tidyFolder(at Scratch) error {
	if at.Lock != "" {
		lock, err := s.alone(at.Root, at.Lock)
		if err != nil {
			return nil
		}
		defer lock.Unlock()
	}
	names, err := at.Root.Unfinished(at.Dir, resting)
	problems := []error{err}
	for _, name := range names {
		if isPart(name) && !at.Root.OlderThan(name, resumable) {
			continue
		}
		size, _ := at.Root.Size(name) // of what can be looked into
		if !s.options.Dry {
			if err := at.Root.RemoveAll(name); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		s.done.Left++
		s.done.Leaving += size
	}
	return errors.Join(problems...)
}
