//go:build unix

package workspace

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

const (
	openFlags   = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	folderFlags = openFlags | unix.O_DIRECTORY
)

// fdFolder is a folder by its descriptor: however deep it is, its entries are near.
type fdFolder struct{ fd int }

func openFolder(root *disk.Root, name string) (folder, error) {
	if fd, opened := root.Folder(name); opened {
		return fdFolder{fd}, nil
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	opened, real := disk.OSFile(file)
	if !real {
		return byName{root, name}, nil
	}
	fd, err := openat(int(opened.Fd()), ".", folderFlags)
	if err != nil {
		return nil, &fs.PathError{Op: "open folder", Path: root.Path(name), Err: err}
	}
	return fdFolder{fd}, nil
}

func openat(fd int, name string, flags int) (int, error) {
	for {
		opened, err := unix.Openat(fd, name, flags, 0)
		if err != unix.EINTR {
			return opened, err
		}
	}
}

func (f fdFolder) list(buffer []byte, names []string) ([]string, error) {
	for {
		n, err := unix.ReadDirent(f.fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
	}
}

func (f fdFolder) stat(name string) (stat, error) {
	var s unix.Stat_t
	for {
		err := unix.Fstatat(f.fd, name, &s, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			return statFrom(&s), nil
		}
		if err != unix.EINTR {
			return stat{}, err
		}
	}
}

func statFrom(s *unix.Stat_t) stat {
	return stat{
		kind: kindOf(uint32(s.Mode)), size: s.Size, mtime: s.Mtim.Nano(), ctime: s.Ctim.Nano(), inode: uint64(s.Ino),
		dev: uint64(s.Dev), nlink: uint64(s.Nlink), perm: fs.FileMode(s.Mode) & fs.ModePerm,
	}
}

func kindOf(mode uint32) digest.Mode {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		if mode&unix.S_IXUSR != 0 {
			return digest.Exec
		}
		return digest.File
	case unix.S_IFDIR:
		return digest.Dir
	case unix.S_IFLNK:
		return digest.Link
	case unix.S_IFIFO:
		return fifo
	case unix.S_IFSOCK:
		return socket
	case unix.S_IFCHR, unix.S_IFBLK:
		return device
	}
	return other
}

func (f fdFolder) readlink(name string) (string, error) {
	for size := 256; ; size *= 4 {
		buffer := make([]byte, size)
		n, err := unix.Readlinkat(f.fd, name, buffer)
		if err != nil && err != unix.EINTR {
			return "", err
		}
		if err == nil && n < size {
			return string(buffer[:n]), nil
		}
	}
}

func (f fdFolder) open(name string) (source, error) {
	fd, err := openat(f.fd, name, openFlags)
	if err != nil {
		return nil, err
	}
	return fdSource(fd), nil
}

func (f fdFolder) openFile(name string) (disk.File, error) {
	fd, err := openat(f.fd, name, openFlags)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (f fdFolder) sub(name string) (folder, error) {
	fd, err := openat(f.fd, name, folderFlags)
	if err != nil {
		return nil, err
	}
	return fdFolder{fd}, nil
}

func (f fdFolder) close() { unix.Close(f.fd) }

// fdSource reads without what os.File adds, which small files would feel.
type fdSource int

// ReadAt reads all of p unless the file ends.
func (s fdSource) ReadAt(p []byte, at int64) (int, error) {
	got := 0
	for got < len(p) {
		n, err := unix.Pread(int(s), p[got:], at+int64(got))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return got, err
		case n == 0:
			return got, io.EOF
		}
		got += n
	}
	return got, nil
}

func (s fdSource) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), p)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (s fdSource) Close() error { return unix.Close(int(s)) }

func (s fdSource) stat() (stat, error) {
	var got unix.Stat_t
	for {
		err := unix.Fstat(int(s), &got)
		if err == nil {
			return statFrom(&got), nil
		}
		if err != unix.EINTR {
			return stat{}, err
		}
	}
}

// identify adds to a stat what only an open file of this system tells.
func identify(file disk.File, s stat) stat {
	opened, real := disk.OSFile(file)
	if !real {
		return s
	}
	got, err := fdSource(opened.Fd()).stat()
	if err != nil {
		return s
	}
	return got
}

// becameOther reports whether opening went wrong because what was a file or a folder
// is no longer one.
func becameOther(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENXIO) || errors.Is(err, disk.ErrNotRegular)
}
