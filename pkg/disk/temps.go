package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// SetTemps names a folder, which need not be there yet, for what is unfinished: what a
// kill leaves then lies there and not among a person's files. It is used for all
// targets that a file can be renamed to from there; what is unfinished is beside the
// others. To be called before anything is written. A Sub knows nothing of it.
func (r *Root) SetTemps(dir string) { r.temps = path.Clean(dir) }

// TempName returns a new name for an unfinished file or folder that is to be renamed to
// a name in dir.
func (r *Root) TempName(dir string) string {
	if !strings.HasPrefix(dir, r.temps+"/") && r.near(dir) { // what is below it is out of everybody's way
		return tempIn(r.temps)
	}
	return tempIn(dir)
}

// near reports whether a folder can be reached by a rename from the folder for temps.
func (r *Root) near(dir string) bool {
	if r.temps == "" {
		return false
	}
	known, found := r.nearby.Load(dir)
	if found && known == false {
		return false
	}
	temps, err := r.statFolder(r.temps)
	if err != nil || found {
		return err == nil
	}
	target, err := r.statFolder(dir)
	if err != nil {
		return false
	}
	// Mounts are compared before names are looked up: that there is no such name means
	// that it is the same mount, which the device's number alone doesn't tell.
	err = r.fsys.Rename(tempIn(r.temps), tempIn(dir))
	near := sameDevice(temps, target) && errors.Is(err, fs.ErrNotExist)
	r.nearby.Store(dir, near)
	return near
}

// statFolder follows symlinks.
func (r *Root) statFolder(name string) (fs.FileInfo, error) {
	info, err := r.fsys.Lstat(name)
	if err != nil || info.IsDir() {
		return info, err
	}
	file, err := r.fsys.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err == nil && !info.IsDir() {
		err = errNotDir
	}
	return info, err
}

// Retry does something that ends with the rename of a temp. It does so once more, with
// the temp beside its target, when only the rename itself shows that it can't be done.
func (r *Root) Retry(do func() error) error {
	err := do()
	if r.temps != "" && errors.Is(err, syscall.EXDEV) {
		err = do()
	}
	return err
}

// Away moves what is at name to a temporary name, which it returns: to be removed, or
// to be brought back when what shall take its place can't.
func (r *Root) Away(name string) (string, error) {
	away := r.TempName(path.Dir(name))
	err := r.fsys.Rename(name, away)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && path.Dir(away) == r.temps {
		away = tempIn(path.Dir(name)) // a folder that is read-only can't leave its parent
		err = r.fsys.Rename(name, away)
	}
	if err != nil {
		return "", r.failBoth("rename", name, away, err)
	}
	return away, nil
}
