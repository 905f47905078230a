package dvc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
)

// ErrAbsent says that DVC's cache does not hold what was asked for.
var ErrAbsent = errors.New("not in DVC's cache")

// CorruptError says that an object of DVC's cache is not what its name says.
type CorruptError struct {
	Hash Hash
	File string
	Got  string
}

// Error names the file.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is corrupt: its content has the md5 digest %s", e.File, e.Got)
}

// Cache is DVC's cache, which is only read.
type Cache struct{ root *disk.Root }

// OpenCache opens the cache in a folder. One that is not there holds nothing.
func OpenCache(dir string) (*Cache, error) {
	root, err := disk.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Cache{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open DVC's cache: %w", err)
	}
	return &Cache{root: root}, nil
}

// Dir returns the cache's folder, free of symlinks; "" when it is not there.
func (c *Cache) Dir() string {
	if c.root == nil {
		return ""
	}
	return c.root.Dir()
}

// Close lets go of the folder.
func (c *Cache) Close() error {
	if c.root == nil {
		return nil
	}
	return c.root.Close()
}

// Object is a file of the cache.
type Object struct {
	Name string // below the cache's folder
	Size int64
}

// Find returns the file that has a digest. DVC 1 and 2 kept theirs elsewhere. The error
// wraps ErrAbsent when there is none.
func (c *Cache) Find(hash Hash) (Object, error) {
	if c.root == nil {
		return Object{}, fmt.Errorf("object %s: %w", hash, ErrAbsent)
	}
	places := []string{"files/md5", "."}
	if hash.Legacy {
		slices.Reverse(places)
	}
	for _, place := range places {
		text := hash.String()
		name := path.Join(place, text[:2], text[2:])
		info, err := c.root.Lstat(name)
		if err == nil && info.Mode().IsRegular() {
			return Object{Name: name, Size: info.Size()}, nil
		}
	}
	return Object{}, fmt.Errorf("object %s: %w", hash, ErrAbsent)
}

// Path returns the absolute path of an object.
func (c *Cache) Path(object Object) string { return c.root.Path(object.Name) }

// Behind returns the digest of the object that an absolute path leads to.
func (c *Cache) Behind(file string) (Hash, bool) {
	folder, err := filepath.EvalSymlinks(filepath.Dir(file))
	if c.root == nil || err != nil {
		return Hash{}, false
	}
	below, err := filepath.Rel(c.root.Dir(), folder)
	if err != nil || !filepath.IsLocal(below) {
		return Hash{}, false
	}
	hash, err := parseHash(filepath.Base(folder)+filepath.Base(file), !strings.HasPrefix(filepath.ToSlash(below), "files/md5/"))
	return hash, err == nil && !hash.Dir
}

// Open opens an object for reading.
func (c *Cache) Open(object Object) (*os.File, error) {
	opened, err := c.root.Open(object.Name)
	if err != nil {
		return nil, err
	}
	file, real := disk.OSFile(opened)
	if !real {
		opened.Close()
		return nil, fmt.Errorf("open %s: %w", object.Name, disk.ErrNotRegular)
	}
	return file, nil
}

// maxManifest bounds what is read into memory as one manifest: some millions of files.
const maxManifest = 1 << 30

// Manifest returns the files of a directory, sorted by path. It is checked against its
// digest, and every path in it that it stays in the directory.
func (c *Cache) Manifest(ctx context.Context, hash Hash) ([]FileHash, error) {
	object, err := c.Find(hash)
	if err != nil {
		return nil, err
	}
	if object.Size > maxManifest {
		return nil, fmt.Errorf("%s has %d bytes, which is too much for a list of files", c.Path(object), object.Size)
	}
	text, err := c.root.Read(object.Name)
	if err != nil {
		return nil, err
	}
	got, err := Sum(ctx, strings.NewReader(string(text)), false)
	if err != nil {
		return nil, err
	}
	if got != hash.MD5 {
		return nil, &CorruptError{Hash: hash, File: c.Path(object), Got: got}
	}
	return parseManifest(c.Path(object), text)
}

func parseManifest(file string, text []byte) ([]FileHash, error) {
	var listed []struct{ MD5, Relpath string }
	if err := json.Unmarshal(text, &listed); err != nil {
		return nil, fmt.Errorf("%s is no list of files: %w", file, err)
	}
	files := make([]FileHash, len(listed))
	for i, entry := range listed {
		hash, err := parseHash(entry.MD5, false)
		if err == nil && hash.Dir {
			err = fmt.Errorf("%q is a directory's", entry.MD5)
		}
		if err == nil {
			err = disk.CheckName(entry.Relpath)
		}
		if err != nil {
			return nil, fmt.Errorf("%s lists what can't be in a directory: %w", file, err)
		}
		files[i] = FileHash{Path: entry.Relpath, MD5: hash.MD5}
	}
	slices.SortFunc(files, func(a, b FileHash) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// Run is one entry of the run cache.
type Run struct {
	File  string // for people
	Time  time.Time
	Entry *Entry
}

// Runs calls each for every entry of the run cache, the oldest first. What can't be read
// or is not under its own key is left out, and counted.
func (c *Cache) Runs(ctx context.Context, each func(Run) error) (unreadable int, err error) {
	if c.root == nil {
		return 0, nil
	}
	var runs []Run
	err = c.below("runs", 3, func(name string) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		run, err := c.run(name)
		if err != nil {
			unreadable++
			return nil
		}
		runs = append(runs, run)
		return nil
	})
	if err != nil {
		return unreadable, err
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return a.Time.Compare(b.Time) })
	for _, run := range runs {
		if err := each(run); err != nil {
			return unreadable, err
		}
	}
	return unreadable, nil
}

func (c *Cache) run(name string) (Run, error) {
	info, err := c.root.Lstat(name)
	if err != nil {
		return Run{}, err
	}
	text, err := c.root.Read(name)
	if err != nil {
		return Run{}, err
	}
	doc, err := document.Parse(c.root.Path(name), text)
	if err != nil {
		return Run{}, err
	}
	if doc.Root == nil || doc.Root.Kind != document.Map || runKey(doc.Root) != path.Base(path.Dir(name)) {
		return Run{}, diag.At(diag.Pos{File: c.root.Path(name)}, "it is not what its name says")
	}
	entry, err := decodeEntry(doc.Root)
	return Run{File: c.root.Path(name), Time: info.ModTime(), Entry: entry}, err
}

// below calls each for the files that are some folders deep.
func (c *Cache) below(dir string, depth int, each func(name string) error) error {
	entries, err := c.root.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case entry.IsDir() && depth > 1:
			err = c.below(name, depth-1, each)
		case entry.Type().IsRegular() && depth == 1:
			err = each(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var _ io.Closer = (*Cache)(nil)
