package workspace

import (
	"io"
	"io/fs"
	"path"

	"flow/pkg/disk"
)

// A folder is an open directory. Names are those of its entries; open, openFile and
// sub don't follow a symlink there, and never wait for the other end of a pipe.
type folder interface {
	list(buffer []byte, names []string) ([]string, error) // appends to names
	stat(name string) (stat, error)
	readlink(name string) (string, error)
	open(name string) (source, error)
	openFile(name string) (disk.File, error)
	sub(name string) (folder, error)
	close()
}

// source is an open file that is read from start to end.
type source interface {
	io.ReadCloser
	stat() (stat, error)
}

// byName is a folder that is reached by its name each time: where there is no quicker
// way, and over a disk.FS that isn't the real one.
type byName struct {
	root *disk.Root
	name string
}

func (f byName) join(name string) string { return path.Join(f.name, name) }

func (f byName) list(_ []byte, names []string) ([]string, error) {
	entries, err := f.root.ReadDir(f.name)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
}

func (f byName) stat(name string) (stat, error) {
	info, err := f.root.Lstat(f.join(name))
	if err != nil {
		return stat{}, err
	}
	s := statOf(info)
	if !s.regular() {
		return s, nil
	}
	file, err := f.root.Open(f.join(name))
	if err != nil {
		return s, nil // what can't be opened can't be hashed either: that will tell
	}
	defer file.Close()
	return identify(file, s), nil
}

func (f byName) readlink(name string) (string, error) { return f.root.Readlink(f.join(name)) }

func (f byName) open(name string) (source, error) {
	file, err := f.openFile(name)
	if err != nil {
		return nil, err
	}
	return fileSource{file}, nil
}

func (f byName) openFile(name string) (disk.File, error) {
	info, err := f.root.Lstat(f.join(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: f.root.Path(f.join(name)), Err: disk.ErrNotRegular}
	}
	return f.root.Open(f.join(name))
}

func (f byName) sub(name string) (folder, error) { return byName{f.root, f.join(name)}, nil }
func (f byName) close()                          {}

type fileSource struct{ disk.File }

func (s fileSource) stat() (stat, error) {
	info, err := s.File.Stat()
	if err != nil {
		return stat{}, err
	}
	return identify(s.File, statOf(info)), nil
}

// nowhere is the folder of a name whose folder isn't there.
type nowhere struct{}

func (nowhere) list([]byte, []string) ([]string, error) { return nil, fs.ErrNotExist }
func (nowhere) stat(string) (stat, error)               { return stat{}, fs.ErrNotExist }
func (nowhere) readlink(string) (string, error)         { return "", fs.ErrNotExist }
func (nowhere) open(string) (source, error)             { return nil, fs.ErrNotExist }
func (nowhere) openFile(string) (disk.File, error)      { return nil, fs.ErrNotExist }
func (nowhere) sub(string) (folder, error)              { return nil, fs.ErrNotExist }
func (nowhere) close()                                  {}
