package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

const (
	filePerm = fs.FileMode(0o666) // less the umask
	execPerm = fs.FileMode(0o777)
)

// Link makes name, below root, hold one object as a file, an executable file or a
// link with the object's text as its target, which must not lead out of root. The
// folder of name must exist; what is at name, unless a folder, is replaced in one
// step. Nothing is synced.
//
// The object is hashed on the way, or before it is linked unless it is as it was when
// last verified: one that is corrupt is moved aside, name is left as it was, and the
// error is a *store.CorruptError. An object that is not here is store.ErrAbsent.
//
// Only a plain file is hard- or symlinked, as the object is read-only and not
// executable; an empty one is not worth it.
func (c *Cache) Link(ctx context.Context, id digest.ID, mode digest.Mode, root *disk.Root, name string) error {
	return c.link(ctx, id, mode, target{root: root, name: name, perm: filePerm})
}

// Make is Link for a name that nothing has yet, in a folder that nobody else knows of and
// that goes if anything fails: a file is made in its place.
func (c *Cache) Make(ctx context.Context, id digest.ID, mode digest.Mode, root *disk.Root, name string) error {
	return c.link(ctx, id, mode, target{root: root, name: name, perm: filePerm, fresh: true})
}

func (c *Cache) link(ctx context.Context, id digest.ID, mode digest.Mode, to target) error {
	switch mode {
	case digest.Link:
		return c.linkText(ctx, id, to)
	case digest.Exec:
		to.perm = execPerm
	case digest.File:
	default:
		return fmt.Errorf("%s: the object %s can't be put there as %s", to.root.Path(to.name), id, mode)
	}
	err := to.root.Retry(func() error { return c.linkObject(ctx, id, to) })
	if err != nil && !to.fresh { // else the caller knows what it becomes
		return fmt.Errorf("restore %s: %w", to.root.Path(to.name), err)
	}
	return err
}

// linkObject makes a file by the first kind of link that works.
func (c *Cache) linkObject(ctx context.Context, id digest.ID, to target) error {
	return c.checked(ctx, id, func(o *store.Object) error {
		for _, kind := range c.links {
			done, err := c.linkAs(ctx, kind, o, to)
			if done || err != nil {
				return err
			}
		}
		return nil
	})
}

// target is where an object goes.
type target struct {
	root  *disk.Root
	name  string
	perm  fs.FileMode
	fresh bool // nothing is there, and nobody knows of it
}

// create makes a file that finish puts there.
func (to target) create() (*disk.Temp, error) {
	if to.fresh {
		temp, err := to.root.CreateAs(to.name, to.perm)
		if !errors.Is(err, fs.ErrExist) { // else names that differ are one to the file system
			return temp, err
		}
	}
	return to.root.CreateMode(path.Dir(to.name), to.perm)
}

func (to target) finish(temp *disk.Temp) error {
	if temp.Name() == to.name {
		return temp.Keep()
	}
	return temp.Rename(to.name)
}

// linkAs tries one kind of link; false when another kind must do.
func (c *Cache) linkAs(ctx context.Context, kind LinkKind, o *store.Object, to target) (bool, error) {
	linkable := to.perm == filePerm && o.Size > 0
	switch {
	case kind == Reflink:
		return c.clone(ctx, o, to)
	case kind == Copy:
		return true, c.copy(ctx, o, to)
	case linkable:
		if err := c.verify(ctx, o); err != nil {
			return false, err
		}
		if o.File == nil {
			if err := c.objects.Loosen(ctx, o); err != nil {
				return false, err
			}
		}
		return c.linkName(kind, o, to)
	}
	return false, nil
}

// copy copies an object and hashes what goes by.
func (c *Cache) copy(ctx context.Context, o *store.Object, to target) error {
	temp, err := to.create()
	if err != nil {
		return err
	}
	defer temp.Discard()
	got, err := c.copyInto(ctx, temp, o)
	if err != nil {
		return err
	}
	if got != o.ID {
		return c.mismatch(o, got)
	}
	return to.finish(temp)
}

// copyInto copies an object into a temp, a large one on all cores, and returns the digest of
// what went by.
func (c *Cache) copyInto(ctx context.Context, temp *disk.Temp, o *store.Object) (digest.ID, error) {
	file, real := disk.OSFile(temp.File())
	if !real || o.Size < digest.Large {
		return c.pour(ctx, temp, o.Reader())
	}
	id, err := digest.CopyLarge(ctx, file, o.Reader(), o.Size)
	if errors.Is(err, digest.ErrCut) {
		return digest.ID{}, nil // what is there is not what it was
	}
	return id, err
}

// clone makes a copy that shares the object's blocks, and hashes that copy unless the
// object is known to be whole; false when there is no such thing here.
func (c *Cache) clone(ctx context.Context, o *store.Object, to target) (bool, error) {
	if _, known := c.noClone.Load(to.root.Dir()); known || o.File == nil {
		return false, nil
	}
	temp, err := to.create()
	if err != nil {
		return false, err
	}
	defer temp.Discard()
	from, isReal := disk.OSFile(o.File)
	file, isRealToo := disk.OSFile(temp.File())
	if !isReal || !isRealToo {
		return false, nil
	}
	began := time.Now()
	err = disk.Clone(file, from)
	if errors.Is(err, disk.ErrNoClone) {
		c.noClone.Store(to.root.Dir(), true)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !c.stamps.trusted(o.ID, o.Info) {
		if err := c.verifyClone(ctx, o, file); err != nil {
			return false, err
		}
		c.stamps.learn(o.ID, o.Info, began)
	}
	return true, to.finish(temp)
}

func (c *Cache) verifyClone(ctx context.Context, o *store.Object, clone *os.File) error {
	got, err := c.sum(ctx, io.NewSectionReader(clone, 0, math.MaxInt64), o.Size)
	if err != nil {
		return err
	}
	if got != o.ID {
		return c.mismatch(o, got)
	}
	return nil
}

// linkName gives name a hard or symbolic link to the object; false when it can't.
func (c *Cache) linkName(kind LinkKind, o *store.Object, to target) (bool, error) {
	temp := to.root.TempName(path.Dir(to.name))
	object := c.root.Path(c.objects.Name(o.ID))
	var err error
	if kind == Symlink {
		err = to.root.Symlink(object, temp)
	} else {
		err = disk.Hardlink(object, to.root, temp)
	}
	if err != nil {
		return false, nil // other file systems, too many links, no such links: a copy does it
	}
	if kind == Hardlink {
		// Of two names for one file, a rename onto the other does nothing and keeps both.
		defer to.root.Remove(temp)
	}
	if err := to.root.Rename(temp, to.name); err != nil {
		to.root.Remove(temp)
		return false, err
	}
	return true, nil
}

// linkText makes a symbolic link whose target is the object's text.
func (c *Cache) linkText(ctx context.Context, id digest.ID, to target) error {
	text, err := c.read(ctx, id, maxTarget)
	if err != nil {
		return fmt.Errorf("restore %s: %w", to.root.Path(to.name), err)
	}
	if !inside(to.name, string(text)) {
		return fmt.Errorf("restore %s: a link to %.300q would lead out of %s", to.root.Path(to.name), text, to.root.Dir())
	}
	err = to.root.Retry(func() error {
		temp := to.root.TempName(path.Dir(to.name))
		if err := to.root.Symlink(string(text), temp); err != nil {
			return err
		}
		err := to.root.Rename(temp, to.name)
		if err != nil {
			to.root.Remove(temp)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("restore %s: %w", to.root.Path(to.name), err)
	}
	return nil
}

// inside reports whether a link at name with this target leads to a place below the
// folder that name is relative to, other links aside.
func inside(name, target string) bool {
	local := filepath.FromSlash(target)
	if local == "" || filepath.IsAbs(local) || filepath.VolumeName(local) != "" || os.IsPathSeparator(local[0]) {
		return false
	}
	return filepath.IsLocal(filepath.Join(filepath.FromSlash(path.Dir(name)), local))
}
