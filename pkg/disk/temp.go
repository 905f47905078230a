package disk

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// TempPrefix starts the name of every unfinished file; IsTemp knows them by it.
const TempPrefix = ".flow-tmp-"

// IsTemp reports whether a name's last part is that of an unfinished file or folder
// of flow's, which Sweep would remove.
func IsTemp(name string) bool { return strings.HasPrefix(path.Base(name), TempPrefix) }

// tempIn returns a new name for an unfinished file or folder in dir. It tells when it
// was made: a further name for an old file is no old temp.
func tempIn(dir string) string {
	now := strconv.FormatInt(time.Now().Unix(), 36)
	return path.Join(dir, TempPrefix+now+"-"+strconv.FormatUint(rand.Uint64()|1<<63, 36))
}

// tempTime returns when a temporary name was made; the zero time when it doesn't tell.
func tempTime(name string) time.Time {
	text, _, found := strings.Cut(strings.TrimPrefix(path.Base(name), TempPrefix), "-")
	seconds, err := strconv.ParseInt(text, 36, 64)
	if !found || err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

var errUsed = errors.New("the file was renamed or discarded before")

// Temp is a file that is being written, under a name that nothing else uses. Rename
// finishes it; Discard, which may always be deferred, removes one not renamed.
type Temp struct {
	root *Root
	name string
	file File
	open bool // the file is not closed
	done bool // renamed, kept or discarded
}

// Create makes a Temp that is to be renamed to a name in dir, with the permissions of
// any new file.
func (r *Root) Create(dir string) (*Temp, error) { return r.CreateMode(dir, 0o666) }

// CreateMode is Create with permissions, less the umask. Writing to the Temp works
// whatever they are.
func (r *Root) CreateMode(dir string, perm fs.FileMode) (*Temp, error) {
	for {
		name := r.TempName(dir)
		file, err := r.fsys.Open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil && path.Dir(name) == r.temps && dir != r.temps {
			r.nearby.Store(dir, false) // it may be another user's
			continue
		}
		if err != nil {
			return nil, r.fail("create a file in", dir, err)
		}
		return &Temp{root: r, name: name, file: file, open: true}, nil
	}
}

// CreateAs makes a Temp that has its final name from the start, which nothing may have yet:
// for a folder that nobody else knows of. Keep finishes it.
func (r *Root) CreateAs(name string, perm fs.FileMode) (*Temp, error) {
	file, err := r.fsys.Open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, r.fail("create", name, err)
	}
	return &Temp{root: r, name: name, file: file, open: true}, nil
}

// OpenPartial opens an unfinished file by its name, for reading and to write at its end.
// It is made when it isn't there, and nobody sees to it that two don't write at once.
func (r *Root) OpenPartial(name string) (File, error) {
	file, err := r.fsys.Open(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, r.fail("open", name, err)
	}
	return file, nil
}

// Name returns the local name that it has now.
func (t *Temp) Name() string { return t.name }

// File returns the open file.
func (t *Temp) File() File { return t.file }

// Write adds to the end.
func (t *Temp) Write(p []byte) (int, error) {
	n, err := writeAll(t.file, p)
	if err != nil {
		return n, t.root.fail("write", t.name, err)
	}
	return n, nil
}

// Sync makes the content durable.
func (t *Temp) Sync() error {
	if err := t.file.Sync(); err != nil {
		return t.root.fail("sync", t.name, err)
	}
	return nil
}

// Chmod sets the permissions, whatever the umask.
func (t *Temp) Chmod(mode fs.FileMode) error {
	var err error
	if file, ok := OSFile(t.file); ok && t.open {
		err = file.Chmod(mode)
	} else {
		err = t.root.fsys.Chmod(t.name, mode)
	}
	if err != nil {
		return t.root.fail("change mode of", t.name, err)
	}
	return nil
}

// Close closes the file and leaves the Temp to be renamed or discarded.
func (t *Temp) Close() error {
	if !t.open {
		return nil
	}
	t.open = false
	if err := t.file.Close(); err != nil {
		return t.root.fail("close", t.name, err)
	}
	return nil
}

// Rename closes the file and gives it its final name. It syncs nothing.
func (t *Temp) Rename(to string) error {
	if t.done {
		return t.root.failBoth("rename", t.name, to, errUsed)
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := t.root.Rename(t.name, to); err != nil {
		return err
	}
	t.name, t.done = to, true
	return nil
}

// Keep closes the file and leaves it under its temporary name, which from now on is
// the caller's to rename or remove.
func (t *Temp) Keep() error {
	t.done = true
	return t.Close()
}

// Discard removes the file unless it was renamed or kept.
func (t *Temp) Discard() {
	if t.done {
		return
	}
	t.done = true
	t.Close()
	t.root.fsys.Remove(t.name) // what can't be removed now, Sweep removes later
}

// Unfinished returns the names of the unfinished files and folders directly in dir that
// were begun and last written longer ago than older. Another process may be at work on
// younger ones.
func (r *Root) Unfinished(dir string, older time.Duration) ([]string, error) {
	entries, err := r.fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, r.fail("read folder", dir, err)
	}
	var names []string
	for _, entry := range entries {
		if name := path.Join(dir, entry.Name()); IsTemp(name) && r.OlderThan(name, older) {
			names = append(names, name)
		}
	}
	return names, nil
}

// OlderThan reports whether an unfinished file or folder was begun and last written longer
// ago than that.
func (r *Root) OlderThan(name string, age time.Duration) bool {
	info, err := r.fsys.Lstat(name)
	return err == nil && time.Since(info.ModTime()) >= age && time.Since(tempTime(name)) >= age
}

// Sweep removes what is Unfinished, and says how many.
func (r *Root) Sweep(dir string, older time.Duration) (int, error) {
	names, err := r.Unfinished(dir, older)
	if err != nil {
		return 0, err
	}
	removed := 0
	var problems []error
	for _, name := range names {
		if err := r.RemoveAll(name); err != nil {
			problems = append(problems, err)
			continue
		}
		removed++
	}
	return removed, errors.Join(problems...)
}

// Size adds up the bytes of all regular files at name, at any depth. What goes
// meanwhile counts nothing.
func (r *Root) Size(name string) (int64, error) {
	info, err := r.fsys.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, r.fail("stat", name, err)
	case info.Mode().IsRegular():
		return info.Size(), nil
	case !info.IsDir():
		return 0, nil
	}
	entries, err := r.fsys.ReadDir(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, r.fail("read folder", name, err)
	}
	var sum int64
	for _, entry := range entries {
		size, err := r.Size(path.Join(name, entry.Name()))
		if err != nil {
			return sum, err
		}
		sum += size
	}
	return sum, nil
}
