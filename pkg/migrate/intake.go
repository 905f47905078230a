package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/dvc"
	"flow/pkg/store"
)

// intake takes objects over from DVC's cache into flow's, and remembers under which
// digest each is there.
type intake struct {
	from *dvc.Cache
	to   *cache.Cache

	mu      sync.Mutex
	have    map[dvc.Hash]object
	lists   map[dvc.Hash][]dvc.FileHash
	corrupt map[dvc.Hash]error
	bytes   int64
}

// object is a file's content in flow's cache.
type object struct {
	id   digest.ID
	size int64
}

func newIntake(from *dvc.Cache, to *cache.Cache) *intake {
	return &intake{from: from, to: to, have: map[dvc.Hash]object{}, lists: map[dvc.Hash][]dvc.FileHash{}, corrupt: map[dvc.Hash]error{}}
}

// What is taken over between two barriers: what is behind one stays when the rest is cut
// short.
const (
	enough      = 4096    // objects
	enoughBytes = 1 << 30 // bytes of them
)

// take takes over what items need, as far as it is there. Corrupt objects are refused,
// and remembered as such.
func (in *intake) take(ctx context.Context, items []dvc.Item) error {
	var wanted []dvc.Hash
	seen := map[dvc.Hash]bool{}
	want := func(hash dvc.Hash) {
		if _, have := in.have[hash]; !have && !seen[hash] && in.corrupt[hash] == nil {
			seen[hash] = true
			wanted = append(wanted, hash)
		}
	}
	for _, item := range items {
		if !item.Hash.Dir && item.Hash.MD5 != "" {
			want(item.Hash)
		}
		files, err := in.list(ctx, item)
		if err != nil {
			return err
		}
		for _, file := range files {
			want(fileHash(item, file))
		}
	}
	for len(wanted) > 0 {
		done, err := in.batch(ctx, wanted[:min(len(wanted), enough)])
		if err != nil {
			return err
		}
		wanted = wanted[done:]
	}
	return nil
}

// fileHash returns the digest under which a file of a directory is kept.
func fileHash(item dvc.Item, file dvc.FileHash) dvc.Hash {
	return dvc.Hash{MD5: file.MD5, Legacy: item.Hash.Legacy && len(item.Below) == 0}
}

// list returns the files of a directory; nil when that is not known.
func (in *intake) list(ctx context.Context, item dvc.Item) ([]dvc.FileHash, error) {
	if len(item.Below) > 0 || !item.Hash.Dir {
		return item.Below, nil
	}
	if files, known := in.lists[item.Hash]; known {
		return files, nil
	}
	files, err := in.from.Manifest(ctx, item.Hash)
	switch {
	case err == nil:
		in.lists[item.Hash] = files
	case ctx.Err() != nil:
		return nil, err
	case !errors.Is(err, dvc.ErrAbsent):
		in.corrupt[item.Hash] = err
	}
	return files, nil
}

// batch takes over some objects with one barrier, and returns how many of those wanted it
// has dealt with.
func (in *intake) batch(ctx context.Context, wanted []dvc.Hash) (int, error) {
	batch := in.to.Begin()
	defer batch.Abort()
	next := make(chan dvc.Hash)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			buffer := make([]byte, small)
			for hash := range next {
				if err := in.one(ctx, batch, hash, buffer); err != nil {
					stop(err)
				}
			}
		})
	}
	done, until := 0, in.taken()+enoughBytes
	for done < len(wanted) && ctx.Err() == nil && in.taken() < until {
		next <- wanted[done]
		done++
	}
	close(next)
	group.Wait()
	if ctx.Err() != nil {
		return done, context.Cause(ctx)
	}
	if err := batch.Commit(ctx); err != nil {
		return done, fmt.Errorf("take objects over from DVC's cache: %w", err)
	}
	return done, nil
}

// taken returns how many bytes were taken over so far.
func (in *intake) taken() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.bytes
}

// one takes over one object, if it is there and is what its name says.
func (in *intake) one(ctx context.Context, batch *store.Batch, hash dvc.Hash, buffer []byte) error {
	found, err := in.from.Find(hash)
	if errors.Is(err, dvc.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	path := in.from.Path(found)
	file, err := in.from.Open(found)
	if err != nil {
		return fmt.Errorf("take over %s: %w", path, err)
	}
	defer file.Close()
	passing := &passing{file: file, path: path, hash: hash, buffer: buffer}
	got, err := passing.add(ctx, batch)
	if err != nil {
		return fmt.Errorf("take over %s: %w", path, err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if got != hash.MD5 {
		in.corrupt[hash] = &dvc.CorruptError{Hash: hash, File: path, Got: got}
		return nil
	}
	in.have[hash] = passing.object
	in.bytes += passing.size
	return nil
}

// small is up to which size an object is read once for both digests.
const small = dvc.Chunk

// passing is an object on its way.
type passing struct {
	object
	file   *os.File
	path   string // where it was opened
	hash   dvc.Hash
	buffer []byte // of the size small
}

// add puts the file into the cache, and returns its md5 digest. A large one that turns
// out corrupt is in the cache then, where nothing names it.
func (p *passing) add(ctx context.Context, batch *store.Batch) (got string, err error) {
	n, err := p.file.ReadAt(p.buffer, 0)
	if err == io.EOF {
		return p.addSmall(batch, p.buffer[:n])
	}
	if err != nil {
		return "", err
	}
	var sumErr error
	var group sync.WaitGroup
	group.Go(func() { got, sumErr = p.sum(ctx) })
	p.id, p.size, err = batch.Adopt(ctx, p.file, p.path)
	group.Wait()
	return got, errors.Join(err, sumErr)
}

// addSmall is add of a content that was read.
func (p *passing) addSmall(batch *store.Batch, content []byte) (got string, err error) {
	p.size = int64(len(content))
	got = dvc.SumBytes(content, p.hash.Legacy)
	if got != p.hash.MD5 && p.hash.Legacy {
		got = dvc.SumBytes(content, false)
	}
	if got == p.hash.MD5 {
		p.id, err = batch.AddBytes(content)
	}
	return got, err
}

// sum returns the md5 digest of a content. One of old may be of either kind: DVC keeps
// both in one place, and only of texts with carriage returns do they differ.
func (p *passing) sum(ctx context.Context) (string, error) {
	got, err := dvc.Sum(ctx, io.NewSectionReader(p.file, 0, 1<<62), p.hash.Legacy)
	if err != nil || got == p.hash.MD5 || !p.hash.Legacy {
		return got, err
	}
	return dvc.Sum(ctx, io.NewSectionReader(p.file, 0, 1<<62), false)
}
