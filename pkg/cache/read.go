package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

// MaxTree bounds what is read into memory as one tree, in bytes of its text: some ten
// million files.
const MaxTree = 1 << 30

// buffer is what one goroutine copies and hashes with.
type buffer struct {
	bytes  []byte
	hasher *digest.Hasher
}

func newBuffer() *buffer {
	return &buffer{bytes: make([]byte, 256<<10), hasher: digest.New()}
}

// open opens an object. The error wraps store.ErrAbsent when it is not here.
func (c *Cache) open(id digest.ID) (*store.Object, error) {
	o, err := c.objects.Open(id)
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		err = fmt.Errorf("object %s: %w", id, err)
	}
	return o, err
}

// pour copies from r to w, if w is not nil, and returns the digest of what went by.
func (c *Cache) pour(ctx context.Context, w io.Writer, r io.Reader) (digest.ID, error) {
	buf := c.buffers.Get().(*buffer)
	defer c.buffers.Put(buf)
	buf.hasher.Reset()
	for {
		if err := ctx.Err(); err != nil {
			return digest.ID{}, err
		}
		n, err := r.Read(buf.bytes)
		buf.hasher.Write(buf.bytes[:n])
		if w != nil && n > 0 {
			if _, err := w.Write(buf.bytes[:n]); err != nil {
				return digest.ID{}, err
			}
		}
		if err == io.EOF {
			return buf.hasher.Sum(), nil
		}
		if err != nil {
			return digest.ID{}, err
		}
	}
}

// sum returns the digest of so many bytes.
func (c *Cache) sum(ctx context.Context, r *io.SectionReader, size int64) (digest.ID, error) {
	if size < digest.Large {
		return c.pour(ctx, nil, r)
	}
	id, err := digest.SumLarge(ctx, r, size)
	if errors.Is(err, digest.ErrCut) {
		return digest.ID{}, nil // what is there is not what it was
	}
	return id, err
}

// verify reads an open object unless it is known to be whole.
func (c *Cache) verify(ctx context.Context, o *store.Object) error {
	if c.stamps.trusted(o.ID, o.Info) {
		return nil
	}
	began := time.Now()
	got, err := c.sum(ctx, o.Reader(), o.Size)
	if err != nil {
		return fmt.Errorf("read object %s: %w", o.ID, err)
	}
	if got != o.ID {
		return c.mismatch(o, got)
	}
	c.stamps.learn(o.ID, o.Info, began)
	return nil
}

// mismatch is the error for an object whose bytes have another digest.
func (c *Cache) mismatch(o *store.Object, got digest.ID) error {
	return &store.CorruptError{Want: o.ID, Got: got, Where: c.root.Path(o.Name)}
}

// checked does what needs an object. If the object turns out corrupt, it is moved
// aside, so that nobody else meets it and another copy can take its place.
func (c *Cache) checked(ctx context.Context, id digest.ID, do func(*store.Object) error) error {
	err := c.attempt(id, do)
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) {
		return err
	}
	moved, lookErr := c.moveAside(ctx, id)
	if lookErr == nil && !moved {
		return c.attempt(id, do) // someone has put a whole one in its place meanwhile
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *Cache) attempt(id digest.ID, do func(*store.Object) error) error {
	o, err := c.open(id)
	if err != nil {
		return err
	}
	defer o.Close()
	return do(o)
}

// moveAside moves a corrupt object to the folder for them; false when it reads well
// now. Where the cache can't be written, the object stays.
func (c *Cache) moveAside(ctx context.Context, id digest.ID) (bool, error) {
	o, err := c.open(id)
	if errors.Is(err, store.ErrAbsent) {
		return true, nil // someone else did it
	}
	if err != nil {
		return false, err
	}
	defer o.Close()
	got, err := c.sum(ctx, o.Reader(), o.Size)
	if err != nil {
		return false, err
	}
	if got == id {
		return false, nil
	}
	if err := c.root.MkdirAll(corruptDir, 0o777); err != nil {
		return false, err
	}
	aside := path.Join(corruptDir, id.Hex())
	if o.File == nil {
		damaged, err := io.ReadAll(o.Reader())
		if err != nil {
			return false, err
		}
		if err := c.root.Replace(aside, damaged, 0o444); err != nil {
			return false, err
		}
		if err := c.objects.RemoveDamaged(ctx, id); err != nil {
			return false, err
		}
		other, err := c.objects.Has(ctx, id) // whole, in another pack
		return !other, err
	}
	there, err := c.root.Lstat(o.Name)
	if err != nil || !disk.SameFile(o.Info, there) {
		return false, err // it was replaced while we read
	}
	return true, c.root.Rename(o.Name, aside)
}

// read returns the verified bytes of an object no larger than limit.
func (c *Cache) read(ctx context.Context, id digest.ID, limit int64) ([]byte, error) {
	var content []byte
	err := c.checked(ctx, id, func(o *store.Object) error {
		if o.Size > limit {
			return fmt.Errorf("object %s has %d bytes; what it is used as has %d at most", id, o.Size, limit)
		}
		content = make([]byte, o.Size)
		n, err := io.ReadFull(o.Reader(), content)
		if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
			return fmt.Errorf("read object %s: %w", id, err)
		}
		content = content[:n]
		if got := digest.Sum(content); got != id {
			return c.mismatch(o, got)
		}
		return nil
	})
	return content, err
}

// ReadTree returns a tree that is stored here. The error wraps store.ErrAbsent when
// it is not; it is a *store.CorruptError when its bytes don't fit its digest, and a
// *TreeError when they do but make no valid tree.
func (c *Cache) ReadTree(ctx context.Context, id digest.ID) (Tree, error) {
	var tree Tree
	var kept paths
	err := c.decode(ctx, id, func(size int64, lines int) error {
		if size > MaxTree {
			return fmt.Errorf("object %s has %d bytes; what is read into memory as a tree has %d at most", id, size, MaxTree)
		}
		tree = make(Tree, 0, min(lines, int(size)/shortestLine))
		return nil
	}, func(e TreeEntry) error {
		e.Path, e.Target = kept.keep(e.Path), kept.keep(e.Target)
		tree = append(tree, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tree, nil
}
