package disk

import (
	"io/fs"
	"os"
)

// ShareWithGroup has all that is made below the folder from now on be the group's as it is
// its owner's, whatever the umask: folders hand their group down. What is there stays as it
// is, and so does an FS that is not this machine's.
func (r *Root) ShareWithGroup() {
	if fsys, ok := r.fsys.(machine); ok {
		r.fsys = grouped{fsys}
	}
}

// machine is an FS on this machine.
type machine interface {
	FS
	SyncAll() error
	here() // only real has it, and what it is in
}

// grouped is an FS on this machine whose files and folders a group shares.
type grouped struct{ machine }

var _ FS = grouped{}

// forGroup gives the group the owner's permissions, and nobody else any.
func forGroup(mode fs.FileMode) fs.FileMode { return mode | mode&0o700>>3 }

func (g grouped) Open(name string, flag int, perm fs.FileMode) (File, error) {
	file, err := g.machine.Open(name, flag, perm)
	if err != nil || flag&os.O_CREATE == 0 {
		return file, err
	}
	info, err := file.Stat()
	if err == nil && info.Mode().Perm() != forGroup(info.Mode().Perm()) {
		// It may be there already, and another's: then it is as that one made it.
		if err := g.machine.Chmod(name, forGroup(info.Mode().Perm())); err != nil && flag&os.O_EXCL != 0 {
			file.Close()
			return nil, err
		}
	}
	return file, nil
}

func (g grouped) Mkdir(name string, perm fs.FileMode) error {
	if err := g.machine.Mkdir(name, perm); err != nil {
		return err
	}
	info, err := g.machine.Lstat(name)
	if err != nil {
		return err
	}
	return g.machine.Chmod(name, forGroup(info.Mode().Perm())|fs.ModeSetgid)
}

func (g grouped) Chmod(name string, mode fs.FileMode) error {
	return g.machine.Chmod(name, forGroup(mode))
}

func (g grouped) Sub(name string) (FS, error) {
	below, err := g.machine.Sub(name)
	if fsys, ok := below.(machine); ok {
		return grouped{fsys}, err
	}
	return below, err
}
