package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"flow/pkg/disk"
)

// dir is a Bucket in a folder of this machine, or one that is mounted. It is made when
// the first blob is put.
type dir struct {
	path string

	mu   sync.Mutex
	root *disk.Root // nil until the folder is there
}

var _ Bucket = (*dir)(nil)

// open returns the folder. The error is fs.ErrNotExist where it is not there.
func (d *dir) open() (*disk.Root, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.root != nil {
		return d.root, nil
	}
	root, err := disk.OpenRoot(d.path)
	if err == nil {
		d.root = root
	}
	return root, err
}

// make returns the folder, made if it wasn't there.
func (d *dir) make() (*disk.Root, error) {
	root, err := d.open()
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := os.MkdirAll(d.path, 0o777); err != nil {
		return nil, err
	}
	return d.open()
}

func isNowhere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (d *dir) Stat(ctx context.Context, name string) (int64, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	root, err := d.open()
	if err != nil {
		return 0, err
	}
	info, err := root.Lstat(name)
	if isNowhere(err) {
		return 0, absent(name)
	}
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s: %w", root.Path(name), disk.ErrNotRegular)
	}
	return info.Size(), nil
}

func (d *dir) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	file, err := root.Open(name)
	if isNowhere(err) {
		return nil, absent(name)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", root.Path(name), disk.ErrNotRegular)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	if size < 0 {
		size = max(0, info.Size()-from)
	}
	return exactly(part{io.NewSectionReader(file, from, size), file}, size), nil
}

// part is some of a file.
type part struct {
	io.Reader
	io.Closer
}

func (d *dir) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	root, err := d.make()
	if err != nil {
		return err
	}
	folder := path.Dir(name)
	if err := root.MkdirDurable(folder, 0o777); err != nil {
		return err
	}
	mode := fs.FileMode(0o444)
	if runtime.GOOS == "windows" {
		mode = 0o666
	}
	temp, err := root.CreateMode(folder, mode)
	if err != nil {
		return err
	}
	defer temp.Discard()
	if _, err := io.CopyBuffer(temp, underContext(ctx, content, size), make([]byte, 256<<10)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Rename(name); err != nil {
		return err
	}
	return root.SyncDir(folder)
}

// underContext reads a content once, as long as ctx lasts.
func underContext(ctx context.Context, content io.ReaderAt, size int64) io.Reader {
	return exactly(io.NopCloser(contextReader{ctx, io.NewSectionReader(content, 0, size)}), size)
}

type contextReader struct {
	ctx context.Context
	io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.Reader.Read(p)
}

func (d *dir) List(ctx context.Context, folder string, each func(Blob) error) error {
	if folder == "" {
		folder = "."
	}
	root, err := d.open()
	if isNowhere(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return listFolder(ctx, root, folder, each)
}

// listFolder goes through a folder, and removes what an interrupted Put has left there.
func listFolder(ctx context.Context, root *disk.Root, folder string, each func(Blob) error) error {
	entries, err := root.ReadDir(folder)
	if isNowhere(err) {
		return nil
	}
	if err != nil {
		return err
	}
	swept := false
	for _, entry := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := path.Join(folder, entry.Name())
		switch {
		case disk.IsTemp(name):
			if !swept {
				_, _ = root.Sweep(folder, leftover) // it may not be ours to remove
			}
			swept = true
		case entry.IsDir():
			if err := listFolder(ctx, root, name, each); err != nil {
				return err
			}
		case entry.Type().IsRegular():
			info, err := root.Lstat(name)
			if isNowhere(err) {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			if err := each(Blob{name, info.Size(), info.ModTime()}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dir) Delete(ctx context.Context, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	root, err := d.open()
	if isNowhere(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !isNowhere(err) {
		return err
	}
	return nil
}

// Close lets go of the folder.
func (d *dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.root == nil {
		return nil
	}
	root := d.root
	d.root = nil
	return root.Close()
}

// newDir returns the bucket of a path; one that is not absolute is below another folder.
func newDir(location, below string) *dir {
	location = filepath.FromSlash(location)
	if !filepath.IsAbs(location) {
		location = filepath.Join(below, location)
	}
	return &dir{path: filepath.Clean(location)}
}
