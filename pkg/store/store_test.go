package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
	"flow/pkg/store/storetest"
)

func TestMem(t *testing.T) {
	storetest.Test(t, func(*testing.T) store.Store { return &store.Mem{} })
}

func TestFiles(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.Store { return newFiles(t) })
}

func TestFiles_inMemory(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.Store {
		return store.NewFiles(disk.NewRoot(disk.NewCrashing(), "/"), "objects")
	})
}

func newFiles(t testing.TB) *store.Files {
	t.Helper()
	root, err := disk.OpenRoot(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return store.NewFiles(root, "cache/objects")
}

// file returns an open file of the test that holds content.
func file(t testing.TB, content []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.WriteFile(name, content, 0o644))
	source, err := os.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { source.Close() })
	return source
}

// left returns the names of all files below a store's folder that are no objects.
func left(t testing.TB, files *store.Files) []string {
	t.Helper()
	var names []string
	all := os.DirFS(files.Root().Path("cache/objects"))
	err := fs.WalkDir(all, ".", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if _, bad := digest.ParseHex(strings.ReplaceAll(strings.TrimPrefix(name, "packs/"), "/", "")); !entry.IsDir() && bad != nil {
			names = append(names, name)
		}
		return err
	})
	require.NoError(t, err)
	return names
}

func TestFiles_layout(t *testing.T) {
	files := newFiles(t)
	require.Empty(t, storetest.All(t, files))
	require.False(t, files.Root().Exists("cache"), "looking makes nothing")
	id := storetest.Put(t, files, []byte("content"))
	require.Equal(t, "cache/objects/"+id.Hex()[:2]+"/"+id.Hex()[2:], files.Name(id))
	info, err := files.Root().Lstat(files.Name(id))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o444), info.Mode())
	require.Empty(t, left(t, files))
}

func TestFiles_strangersAreNotListed(t *testing.T) {
	files := newFiles(t)
	id := storetest.Put(t, files, []byte("content"))
	objects := files.Root().Path("cache/objects")
	folder := filepath.Join(objects, id.Hex()[:2])
	for _, name := range []string{"readme", id.Hex()[2:] + "x", strings.ToUpper(id.Hex()[2:]), ".flow-tmp-old"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(objects, "zz"), nil, 0o644))
	require.NoError(t, os.Symlink(id.Hex()[2:], filepath.Join(folder, strings.Repeat("0", 62))))
	require.Equal(t, map[digest.ID]int64{id: 7}, storetest.All(t, files))
}

func TestFiles_putRepairs(t *testing.T) {
	files := newFiles(t)
	for _, content := range storetest.Contents()[1:] {
		id := storetest.Put(t, files, content)
		name := files.Root().Path(files.Name(id))
		require.NoError(t, os.Chmod(name, 0o644))
		require.NoError(t, os.WriteFile(name, bytes.Repeat([]byte("?"), len(content)), 0o644))
		storetest.Put(t, files, content)
		require.True(t, bytes.Equal(content, storetest.Get(t, files, id)))
	}
}

func TestBatch_addsFilesAndBytes(t *testing.T) {
	files := newFiles(t)
	batch := files.Begin()
	defer batch.Abort()
	for _, content := range storetest.Contents() {
		source := file(t, content)
		_, err := source.Seek(1, io.SeekStart) // wherever it stands, all of it is added
		require.NoError(t, err)
		id, size, err := batch.Add(t.Context(), source)
		require.NoError(t, err)
		require.Equal(t, digest.Sum(content), id)
		require.EqualValues(t, len(content), size)
		again, err := batch.AddBytes(content)
		require.NoError(t, err)
		require.Equal(t, id, again)
	}
	require.Empty(t, storetest.All(t, files), "nothing is seen before it is durable")
	require.NoError(t, batch.Commit(t.Context()))
	for _, content := range storetest.Contents() {
		require.True(t, bytes.Equal(content, storetest.Get(t, files, digest.Sum(content))))
	}
	require.Len(t, storetest.All(t, files), len(storetest.Contents()))
	require.Empty(t, left(t, files))
}

func TestBatch_whatIsStoredIsNotWrittenAgain(t *testing.T) {
	files := newFiles(t)
	content := []byte("content")
	id := storetest.Put(t, files, content)
	before, err := os.Lstat(files.Root().Path(files.Name(id)))
	require.NoError(t, err)
	batch := files.Begin()
	_, _, err = batch.Add(t.Context(), file(t, content))
	require.NoError(t, err)
	require.Empty(t, left(t, files))
	require.NoError(t, batch.Commit(t.Context()))
	after, err := os.Lstat(files.Root().Path(files.Name(id)))
	require.NoError(t, err)
	require.True(t, disk.SameFile(before, after))
}

func TestBatch_damagedObjectIsReplaced(t *testing.T) {
	for _, packed := range []bool{false, true} {
		damagedObjectIsReplaced(t, packed)
	}
}

func damagedObjectIsReplaced(t *testing.T, packed bool) {
	for _, content := range storetest.Contents()[1:] {
		for _, damaged := range [][]byte{nil, bytes.Repeat([]byte("?"), len(content))} {
			files := newFiles(t)
			id := storetest.Put(t, files, content)
			name := files.Root().Path(files.Name(id))
			for _, put := range []bool{false, true} {
				require.NoError(t, os.Chmod(name, 0o644))
				require.NoError(t, os.WriteFile(name, damaged, 0o644))
				batch := files.Begin()
				if packed {
					batch.Many()
				}
				var err error
				if put {
					err = batch.Put(t.Context(), id, bytes.NewReader(content))
				} else {
					_, _, err = batch.Add(t.Context(), file(t, content))
				}
				require.NoError(t, err)
				require.NoError(t, batch.Commit(t.Context()))
				require.True(t, bytes.Equal(content, storetest.Get(t, files, id)))
				require.Empty(t, left(t, files))
			}
		}
	}
}

func TestBatch_abortAndEnd(t *testing.T) {
	files := newFiles(t)
	batch := files.Begin()
	_, err := batch.AddBytes([]byte("content"))
	require.NoError(t, err)
	require.Len(t, left(t, files), 1)
	batch.Abort()
	require.Empty(t, left(t, files))
	require.Error(t, batch.Commit(t.Context()))
	_, err = batch.AddBytes([]byte("content"))
	require.Error(t, err)
	require.NoError(t, files.Begin().Commit(t.Context()), "an empty batch")

	batch = files.Begin()
	_, err = batch.AddBytes([]byte("content"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, batch.Commit(ctx), context.Canceled)
	require.Empty(t, left(t, files))
	require.Empty(t, storetest.All(t, files))
}

func TestBatch_manyGoroutines(t *testing.T) {
	files := newFiles(t)
	batch := files.Begin()
	var all sync.WaitGroup
	errs := make([]error, 8)
	for worker := range errs {
		all.Go(func() {
			for i := range 200 {
				_, err := batch.AddBytes(fmt.Append(nil, worker/2, i))
				errs[worker] = errors.Join(errs[worker], err)
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	require.NoError(t, batch.Commit(t.Context()))
	require.Len(t, storetest.All(t, files), 800)
	require.Empty(t, left(t, files))
}

// While a file is written to, what is stored under a digest still has that digest.
func TestBatch_fileChangesMeanwhile(t *testing.T) {
	files := newFiles(t)
	name := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.WriteFile(name, make([]byte, 2<<20), 0o644))
	source, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer source.Close()
	stop := storetest.Meanwhile(t, func(i int64) { source.WriteAt(fmt.Append(nil, i), i%20*100_000) })
	for range 10 {
		batch := files.Begin()
		_, _, err := batch.Add(t.Context(), source)
		require.NoError(t, err)
		require.NoError(t, batch.Commit(t.Context()))
	}
	stop()
	requireWhole(t, files)
}

// requireWhole checks that every visible object has the content of its digest.
func requireWhole(t testing.TB, s store.Store) {
	t.Helper()
	for id, size := range storetest.All(t, s) {
		content := storetest.Get(t, s, id)
		require.Equal(t, id, digest.Sum(content), "an object with other content is visible")
		require.EqualValues(t, size, len(content))
	}
}

var errInjected = errors.New("injected")

// fill adds small, large, repeated and stored content, and puts an object by itself.
func fill(ctx context.Context, files *store.Files, sources []*os.File, packed bool) error {
	batch := files.Begin()
	defer batch.Abort()
	if packed {
		batch.Many()
	}
	for _, source := range sources {
		if _, _, err := batch.Add(ctx, source); err != nil {
			return err
		}
	}
	if _, err := batch.AddBytes([]byte("stored before")); err != nil {
		return err
	}
	if err := batch.Commit(ctx); err != nil {
		return err
	}
	alone := []byte("alone")
	return files.Put(ctx, digest.Sum(alone), bytes.NewReader(alone))
}

// sources returns files for fill: three, one of them twice, and some small ones.
func sources(t *testing.T, many int) []*os.File {
	all := []*os.File{file(t, nil), file(t, []byte("small")), file(t, bytes.Repeat([]byte("large "), 50_000))}
	for i := range many {
		all = append(all, file(t, fmt.Append(nil, "small ", i)))
	}
	return append(all, all[1])
}

// requireFilled checks that all of fill's content is stored.
func requireFilled(t testing.TB, s store.Store, many int) {
	t.Helper()
	require.Len(t, storetest.All(t, s), 3+many+2)
	requireWhole(t, s)
}

// fills is how many files fill adds, and whether packed: few to sync and many.
var fills = []struct {
	many   int
	packed bool
}{{0, false}, {20, false}, {20, true}}

func TestFiles_anyCallFails(t *testing.T) {
	for _, c := range fills {
		from := sources(t, c.many)
		for n := 1; ; n++ {
			whole := newFiles(t)
			storetest.Put(t, whole, []byte("stored before"))
			faulty := disk.NewFaulty(disk.OS(whole.Root()), n, errInjected)
			err := fill(t.Context(), store.NewFiles(disk.NewRoot(faulty, whole.Root().Dir()), "cache/objects"), from, c.packed)
			requireWhole(t, whole)
			if n > faulty.Calls() {
				require.NoError(t, err)
				requireFilled(t, whole, c.many)
				break
			}
			if err != nil {
				require.ErrorIs(t, err, errInjected, "call %d", n)
				require.ErrorContains(t, err, whole.Root().Dir(), "call %d", n)
			}
			require.Empty(t, left(t, whole), "call %d", n)
			if c.many == 0 || c.packed { // a second time all is well
				require.NoError(t, fill(t.Context(), whole, from, c.packed), "call %d", n)
				requireFilled(t, whole, c.many)
			}
		}
	}
}

func TestFiles_powerLoss(t *testing.T) {
	for _, c := range fills {
		from := sources(t, c.many)
		for n := 1; ; n++ {
			whole := disk.NewCrashing()
			files := store.NewFiles(disk.NewRoot(whole, "/"), "cache/objects")
			storetest.Put(t, files, []byte("stored before"))
			before := whole.Calls()
			whole.StopAt(before + n)
			err := fill(t.Context(), files, from, c.packed)
			stopped := whole.Calls() >= before+n
			for seed := range uint64(5) {
				after := store.NewFiles(disk.NewRoot(whole.Crash(seed), "/"), "cache/objects")
				requireWhole(t, after)
				has, err := after.Has(t.Context(), digest.Sum([]byte("stored before")))
				require.NoError(t, err)
				require.True(t, has, "what was durable is lost")
				if !stopped {
					requireFilled(t, after, c.many)
				}
			}
			if !stopped {
				require.NoError(t, err)
				break
			}
			require.ErrorIs(t, err, disk.ErrPowerLoss)
		}
	}
}

// What another process has just stored, but not made durable, is so after a Commit
// that relies on it.
func TestBatch_whatIsStoredBecomesDurable(t *testing.T) {
	whole := disk.NewCrashing()
	root := disk.NewRoot(whole, "/")
	files := store.NewFiles(root, "cache/objects")
	content := []byte("content")
	id := digest.Sum(content)
	require.NoError(t, root.MkdirAll(path.Dir(files.Name(id)), 0o755))
	temp, err := root.Create("cache/objects")
	require.NoError(t, err)
	_, err = temp.Write(content)
	require.NoError(t, err)
	require.NoError(t, temp.Sync())
	require.NoError(t, temp.Rename(files.Name(id)))

	batch := files.Begin()
	_, err = batch.AddBytes(content)
	require.NoError(t, err)
	require.NoError(t, batch.Commit(t.Context()))
	require.NoError(t, root.SyncDir("."))
	after := store.NewFiles(disk.NewRoot(whole.Crash(0), "/"), "cache/objects")
	require.Equal(t, content, storetest.Get(t, after, id))
}

func TestFiles_symlinkedFolderLeadsNowhere(t *testing.T) {
	files := newFiles(t)
	outside := t.TempDir()
	content := []byte("content")
	id := digest.Sum(content)
	require.NoError(t, files.Root().MkdirAll("cache/objects", 0o755))
	require.NoError(t, os.Symlink(outside, files.Root().Path(path.Dir(files.Name(id)))))
	require.ErrorIs(t, files.Put(t.Context(), id, bytes.NewReader(content)), disk.ErrEscapes)
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// locked is an FS with one file that may not be read, in a folder that can be changed
// or not.
type locked struct {
	disk.FS
	name   string
	folder bool
}

func (l locked) Open(name string, flag int, perm fs.FileMode) (disk.File, error) {
	if name == l.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.FS.Open(name, flag, perm)
}

func (l locked) Rename(old, to string) error {
	if l.folder && to == l.name {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrPermission}
	}
	return l.FS.Rename(old, to)
}

func (l locked) Sub(name string) (disk.FS, error) {
	below, err := l.FS.Sub(name)
	return locked{below, l.name, l.folder}, err
}

// What is stored but can't be read is replaced; where that can't be, the error says what
// it is about.
func TestBatch_objectThatMayNotBeRead(t *testing.T) {
	ctx := context.Background()
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
	for _, content := range [][]byte{[]byte("content"), large} {
		id := digest.Sum(content)
		name := id.Hex()[:2] + "/" + id.Hex()[2:]
		for _, folder := range []bool{false, true} {
			files := newFiles(t)
			require.NoError(t, files.Put(ctx, id, bytes.NewReader(content)))
			before, err := files.Root().Lstat(files.Name(id))
			require.NoError(t, err)
			root := disk.NewRoot(locked{disk.OS(files.Root()), name, folder}, files.Root().Dir())
			batch := store.NewFiles(root, "cache/objects").Begin()
			_, _, err = batch.Add(ctx, file(t, content))
			require.NoError(t, err)
			err = batch.Commit(ctx)
			after, looking := files.Root().Lstat(files.Name(id))
			require.NoError(t, looking)
			require.Equal(t, folder, disk.SameFile(before, after))
			require.Empty(t, left(t, files))
			if folder {
				require.ErrorIs(t, err, fs.ErrPermission)
				require.ErrorContains(t, err, id.String())
				continue
			}
			require.NoError(t, err)
		}
	}
}
