// Package cache is the store on this machine: objects named by their digest, the
// trees among them that say what directories hold, and what each action made.
//
// Below its folder are
//
//	objects/      every object, named by its digest or in a pack (see store.Files)
//	actions/      the run cache: <2 digits>/<digest of the outs>/<key>, a record each
//	corrupt/      objects and records whose bytes were found not to be right, kept for a look
//	stamps        which objects were verified, and what stat said of them then
//	gc.lock       held shared while objects are in use, exclusively while some are removed
//	actions.lock  held while a record is written
//
// each made when it is first needed. Bytes that leave the cache fit their digest: they
// are hashed on the way.
package cache

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

const (
	objectsDir  = "objects"
	actionsDir  = "actions"
	corruptDir  = "corrupt"
	stampsFile  = "stamps"
	gcLock      = "gc.lock"
	actionsLock = "actions.lock"
)

// LinkKind is a way to bring an object out of the cache.
type LinkKind string

// The kinds of link.
const (
	Reflink  LinkKind = "reflink"  // a copy that shares the disk's blocks
	Hardlink LinkKind = "hardlink" // the object itself, read-only
	Symlink  LinkKind = "symlink"  // a link to the object, read-only
	Copy     LinkKind = "copy"
)

// Options says how a cache is used.
type Options struct {
	Links []LinkKind // tried in order, a copy last; default: reflink
}

// Cache is the store on this machine. It is safe for use by several goroutines, and
// by several processes.
type Cache struct {
	root    *disk.Root
	objects *store.Files
	links   []LinkKind
	stamps  stamps
	actions sync.Mutex // held by whoever writes records
	buffers sync.Pool  // of *buffer
	noClone sync.Map   // roots on a file system that can't share blocks with the cache
}

// Open returns the cache in a folder. It creates nothing.
func Open(root *disk.Root, options Options) (*Cache, error) {
	links := slices.Clone(options.Links)
	for _, kind := range links {
		switch kind {
		case Reflink, Hardlink, Symlink, Copy:
		default:
			return nil, fmt.Errorf("%q is no kind of link; the kinds are reflink, hardlink, symlink and copy", kind)
		}
	}
	if len(links) == 0 {
		links = []LinkKind{Reflink}
	}
	c := &Cache{root: root, objects: store.NewFiles(root, objectsDir), links: append(links, Copy)}
	if slices.Contains(links, Hardlink) || slices.Contains(links, Symlink) {
		c.objects.KeepLoose() // only files can be linked
	}
	c.stamps.root = root
	c.buffers.New = func() any { return newBuffer() }
	return c, nil
}

// Root returns the cache's folder.
func (c *Cache) Root() *disk.Root { return c.root }

// Objects returns the store of the objects.
func (c *Cache) Objects() *store.Files { return c.objects }

// Begin starts to add objects; see store.Batch.
func (c *Cache) Begin() *store.Batch { return c.objects.Begin() }

// Links returns the kinds of link that Link tries, in order.
func (c *Cache) Links() []LinkKind { return slices.Clone(c.links) }

// LockShared keeps Collect from removing anything until the lock is let go of. It is
// for whoever puts objects in that nothing names yet. waiting is called once if there
// is something to wait for; it may be nil. A cache that can't be written needs no lock: who
// may not write doesn't collect.
func (c *Cache) LockShared(ctx context.Context, owner string, waiting func(holder string)) (*disk.Lock, error) {
	lock, err := c.root.Lock(ctx, gcLock, disk.Shared, owner, waiting)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &disk.Lock{}, nil
	}
	return lock, err
}

// LockExclusive waits until nobody uses the cache, and keeps others out. Collect
// takes this lock by itself.
func (c *Cache) LockExclusive(ctx context.Context, owner string, waiting func(holder string)) (*disk.Lock, error) {
	return c.root.Lock(ctx, gcLock, disk.Exclusive, owner, waiting)
}

// Has reports whether all of a content is here: for a directory, its tree and every
// object that the tree names. See Missing.
func (c *Cache) Has(ctx context.Context, content digest.Content) (bool, error) {
	missing, err := c.Missing(ctx, content)
	return err == nil && len(missing) == 0, err
}

// Missing returns the digests of the objects of a content that are not here, sorted
// and each once. When a directory's tree is not here, it is the only one: what it
// names is not known. A tree found corrupt is moved aside and is missing. Objects are
// looked for, not read.
func (c *Cache) Missing(ctx context.Context, content digest.Content) ([]digest.ID, error) {
	if !content.Exists() {
		return nil, nil
	}
	if content.Mode != digest.Dir {
		return c.absent(ctx, []digest.ID{content.ID})
	}
	var missing []digest.ID
	err := c.eachShelves(ctx, content.ID, manyNames, func(ids []digest.ID) error {
		absent, err := c.absentSorted(ctx, ids)
		missing = append(missing, absent...)
		return err
	})
	var corrupt *store.CorruptError
	if errors.Is(err, store.ErrAbsent) || errors.As(err, &corrupt) {
		return []digest.ID{content.ID}, nil
	}
	if err != nil {
		return nil, err
	}
	return missing, nil
}

const (
	manyIDs = 512 // from how many on listing folders is thought of
	sparse  = 16  // up to how many names are read for each one asked for
)

// Absent returns which of some objects are not here, sorted and each once. Objects are
// looked for, not read.
func (c *Cache) Absent(ctx context.Context, ids []digest.ID) ([]digest.ID, error) {
	return c.absent(ctx, ids)
}

// absent returns those that are not here. Many are not looked up one by one: the
// folders that they would be in are listed, unless these hold far more than is asked
// for, which the first of them tells.
func (c *Cache) absent(ctx context.Context, ids []digest.ID) ([]digest.ID, error) {
	return c.absentSorted(ctx, sorted(slices.Clone(ids)))
}

// absentSorted is absent of IDs that are sorted and each once; what it returns takes their
// place.
func (c *Cache) absentSorted(ctx context.Context, ids []digest.ID) ([]digest.ID, error) {
	absent := ids[:0]
	list := len(ids) >= manyIDs
	for len(ids) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		folder, n := path.Dir(c.objects.Name(ids[0])), 1
		for n < len(ids) && ids[n][0] == ids[0][0] {
			n++
		}
		var err error
		if list {
			var names int
			absent, names, err = c.absentIn(folder, ids[:n], absent)
			list = names <= sparse*n
		} else {
			absent, err = c.absentEach(ctx, ids[:n], absent)
		}
		if err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return c.objects.NotPacked(absent)
}

// absentIn lists a folder and adds the IDs that it doesn't have to absent. All of
// them belong there, sorted. It returns how many names the folder holds.
func (c *Cache) absentIn(folder string, ids, absent []digest.ID) ([]digest.ID, int, error) {
	names, err := c.names(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	at, digits := 0, make([]byte, 2*len(digest.ID{}))
	for _, id := range ids {
		hex.Encode(digits, id[:])
		name := digits[2:] // as in store.Files.Name
		for at < len(names) && names[at] < string(name) {
			at++
		}
		if at == len(names) || names[at] != string(name) {
			absent = append(absent, id)
		}
	}
	return absent, len(names), nil
}

// names returns the names in a folder, sorted. To read only names spares a stat of
// each, which a folder that is read below a Root otherwise costs.
func (c *Cache) names(folder string) ([]string, error) {
	opened, err := c.root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	var names []string
	if dir, ok := disk.OSFile(opened); ok {
		if names, err = dir.Readdirnames(-1); err != nil {
			return nil, fmt.Errorf("read folder: %w", err)
		}
		slices.Sort(names)
		return names, nil
	}
	entries, err := c.root.ReadDir(folder)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
}

func (c *Cache) absentEach(ctx context.Context, ids, absent []digest.ID) ([]digest.ID, error) {
	for _, id := range ids {
		found, err := c.objects.Has(ctx, id)
		if err != nil {
			return nil, err
		}
		if !found {
			absent = append(absent, id)
		}
	}
	return absent, nil
}

// sorted sorts IDs in place and returns each once.
func sorted(ids []digest.ID) []digest.ID {
	slices.SortFunc(ids, digest.ID.Compare)
	return slices.Compact(ids)
}

// workers is how many goroutines hash at a time.
func workers() int { return runtime.GOMAXPROCS(0) }
