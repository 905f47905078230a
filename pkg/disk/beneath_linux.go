package disk

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// beneath is real, where the system walks down to a name in one call, and holds it below
// the folder (openat2, since Linux 5.6). os.Root opens and closes every folder on the
// way. What doesn't succeed here, but for a name that is not there or there already, is
// os.Root's to do again, and to explain.
type beneath struct {
	real
	fd int // of all
}

var _ machine = beneath{}

// newBeneath is false where the system has no such call.
func newBeneath(r real) (beneath, bool) {
	b := beneath{real: r, fd: int(r.all.Fd())}
	fd, err := b.openat2(".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return b, false
	}
	_ = unix.Close(fd)
	return b, true
}

func (b beneath) openat2(name string, flags int, perm fs.FileMode) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(perm.Perm())
	}
	for {
		fd, err := unix.Openat2(b.fd, name, &how)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// place is a folder and a name in it.
type place struct {
	fd   int
	base string
	own  bool // the folder is to be closed
}

func (p place) close() {
	if p.own {
		_ = unix.Close(p.fd)
	}
}

// parent finds the folder that a name is in.
func (b beneath) parent(name string) (place, error) {
	if !plainName(name) {
		return place{}, unix.EINVAL
	}
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return place{fd: b.fd, base: name}, nil
	}
	fd, err := b.openat2(name[:slash], unix.O_PATH|unix.O_DIRECTORY, 0)
	return place{fd: fd, base: name[slash+1:], own: true}, err
}

// plainName knows names that lead down part by part.
func plainName(name string) bool { return name != "." && fs.ValidPath(name) }

// settled reports whether an answer is one that os.Root would give as well.
func settled(err error) bool { return err == nil || err == unix.ENOENT || err == unix.EEXIST }

// in does a call on a name; false when os.Root has to.
func (b beneath) in(op, name string, do func(at place) error) (error, bool) {
	at, err := b.parent(name)
	if err == nil {
		err = do(at)
		at.close()
	}
	switch {
	case err == nil:
		return nil, true
	case settled(err):
		return &fs.PathError{Op: op, Path: name, Err: err}, true
	}
	return nil, false
}

func (b beneath) Open(name string, flag int, perm fs.FileMode) (File, error) {
	if !fs.ValidPath(name) {
		return b.real.Open(name, flag, perm)
	}
	fd, err := b.openat2(name, flag|nonBlock, perm)
	switch {
	case err == nil:
		return os.NewFile(uintptr(fd), b.root.Name()+"/"+name), nil
	case settled(err):
		return nil, &fs.PathError{Op: "openat", Path: name, Err: err}
	}
	return b.real.Open(name, flag, perm)
}

func (b beneath) Lstat(name string) (fs.FileInfo, error) {
	info := &statInfo{name: path.Base(name)}
	switch err := b.stat(name, &info.stat); {
	case err == nil:
		return info, nil
	case settled(err):
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	return b.real.Lstat(name)
}

// stat costs one call for a name that is not there.
func (b beneath) stat(name string, into *unix.Stat_t) error {
	if !plainName(name) {
		return unix.EINVAL
	}
	if !strings.Contains(name, "/") {
		return unix.Fstatat(b.fd, name, into, unix.AT_SYMLINK_NOFOLLOW)
	}
	fd, err := b.openat2(name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	err = unix.Fstat(fd, into)
	_ = unix.Close(fd)
	return err
}

// folder opens a folder to read.
func (b beneath) folder(name string) (int, bool) {
	if !fs.ValidPath(name) {
		return -1, false
	}
	fd, err := b.openat2(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	return fd, err == nil
}

func (b beneath) Mkdir(name string, perm fs.FileMode) error {
	if err, done := b.in("mkdirat", name, func(at place) error { return unix.Mkdirat(at.fd, at.base, uint32(perm.Perm())) }); done {
		return err
	}
	return b.real.Mkdir(name, perm)
}

func (b beneath) Remove(name string) error {
	if err, done := b.in("unlinkat", name, func(at place) error {
		err := unix.Unlinkat(at.fd, at.base, 0)
		if err == unix.EISDIR {
			err = unix.Unlinkat(at.fd, at.base, unix.AT_REMOVEDIR)
		}
		return err
	}); done {
		return err
	}
	return b.real.Remove(name)
}

func (b beneath) Rename(old, to string) error {
	if b.pair(old, to, func(from, at place) error {
		var there unix.Stat_t
		if err := unix.Fstatat(at.fd, at.base, &there, unix.AT_SYMLINK_NOFOLLOW); err == nil && there.Mode&unix.S_IFMT == unix.S_IFDIR {
			return unix.EEXIST // the system would put a folder in the place of an empty one
		}
		return unix.Renameat(from.fd, from.base, at.fd, at.base)
	}) {
		return nil
	}
	return b.real.Rename(old, to)
}

func (b beneath) Link(old, to string) error {
	if b.pair(old, to, func(from, at place) error { return unix.Linkat(from.fd, from.base, at.fd, at.base, 0) }) {
		return nil
	}
	return b.real.Link(old, to)
}

// pair does a call on two names; false when it failed.
func (b beneath) pair(old, to string, do func(from, at place) error) bool {
	from, err := b.parent(old)
	if err != nil {
		return false
	}
	defer from.close()
	at := place{fd: from.fd, base: path.Base(to)}
	if path.Dir(old) != path.Dir(to) || !plainName(to) {
		if at, err = b.parent(to); err != nil {
			return false
		}
		defer at.close()
	}
	return do(from, at) == nil
}

func (b beneath) Sub(name string) (FS, error) { return b.real.Sub(name) }

// statInfo is what a stat tells.
type statInfo struct {
	name string
	stat unix.Stat_t
}

func (i *statInfo) Name() string       { return i.name }
func (i *statInfo) Size() int64        { return i.stat.Size }
func (i *statInfo) ModTime() time.Time { return time.Unix(i.stat.Mtim.Unix()) }
func (i *statInfo) IsDir() bool        { return i.Mode().IsDir() }

// Sys returns a *syscall.Stat_t, as of what os returns.
func (i *statInfo) Sys() any {
	return &syscall.Stat_t{
		Dev: i.stat.Dev, Ino: i.stat.Ino, Nlink: i.stat.Nlink, Mode: i.stat.Mode, Uid: i.stat.Uid, Gid: i.stat.Gid, Rdev: i.stat.Rdev,
		Size: i.stat.Size, Blksize: i.stat.Blksize, Blocks: i.stat.Blocks,
		Atim: syscall.Timespec(i.stat.Atim), Mtim: syscall.Timespec(i.stat.Mtim), Ctim: syscall.Timespec(i.stat.Ctim),
	}
}

func (i *statInfo) Mode() fs.FileMode {
	mode := fs.FileMode(i.stat.Mode).Perm()
	switch i.stat.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
	case syscall.S_IFDIR:
		mode |= fs.ModeDir
	case syscall.S_IFLNK:
		mode |= fs.ModeSymlink
	case syscall.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case syscall.S_IFSOCK:
		mode |= fs.ModeSocket
	case syscall.S_IFBLK:
		mode |= fs.ModeDevice
	case syscall.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	default:
		mode |= fs.ModeIrregular
	}
	if i.stat.Mode&syscall.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if i.stat.Mode&syscall.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if i.stat.Mode&syscall.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}
