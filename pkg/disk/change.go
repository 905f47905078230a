package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// Replace makes name hold content: the whole old or the whole new content is there
// at any moment, also after a power loss. A regular file's permissions are kept;
// perm, less the umask, is for a new one. A symlink at name is itself replaced.
func (r *Root) Replace(name string, content []byte, perm fs.FileMode) error {
	return r.Retry(func() error { return r.replace(name, content, perm) })
}

func (r *Root) replace(name string, content []byte, perm fs.FileMode) error {
	info, err := r.fsys.Lstat(name)
	kept := err == nil && info.Mode().IsRegular()
	temp, err := r.CreateMode(path.Dir(name), perm)
	if err != nil {
		return err
	}
	defer temp.Discard()
	if kept {
		if err := temp.Chmod(info.Mode().Perm()); err != nil {
			return err
		}
	}
	if _, err := temp.Write(content); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Rename(name); err != nil {
		return err
	}
	return r.SyncDir(path.Dir(name))
}

// ReplaceSoon is Replace that waits for no disk. For every process name holds the whole
// old or the whole new content; after a power loss it may hold neither.
func (r *Root) ReplaceSoon(name string, content []byte, perm fs.FileMode) error {
	temp, err := r.CreateMode(path.Dir(name), perm)
	if err != nil {
		return err
	}
	defer temp.Discard()
	if _, err := temp.Write(content); err != nil {
		return err
	}
	return temp.Rename(name)
}

// Rewrite opens a file to be written from its beginning, in place of what is there. It
// is for what may be torn: the log of something that runs.
func (r *Root) Rewrite(name string, perm fs.FileMode) (File, error) {
	file, err := r.fsys.Open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return nil, r.fail("open", name, err)
	}
	return file, nil
}

// Overwrite puts content in the place of what a file holds, in the file: nobody else may know
// of it yet. A file of a system that is not this machine's can't be.
func (r *Root) Overwrite(name string, content []byte) error {
	opened, err := r.fsys.Open(name, os.O_WRONLY, 0)
	if err != nil {
		return r.fail("open", name, err)
	}
	defer opened.Close()
	file, ok := OSFile(opened)
	if !ok {
		return r.fail("overwrite", name, errors.ErrUnsupported)
	}
	if _, err := file.WriteAt(content, 0); err != nil {
		return r.fail("write", name, err)
	}
	if err := file.Truncate(int64(len(content))); err != nil {
		return r.fail("write", name, err)
	}
	return nil
}

// Append adds a line to the end of a file, which is made when it isn't there. After
// a crash the last line may be cut; it is the reader who must see to that.
func (r *Root) Append(name string, line []byte, perm fs.FileMode) error {
	created := !r.Exists(name)
	file, err := r.fsys.Open(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return r.fail("open", name, err)
	}
	_, err = writeAll(file, line)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return r.fail("append to", name, err)
	}
	if created {
		return r.SyncDir(path.Dir(name))
	}
	return nil
}

// Extend opens a file to write at its end; it is made when it isn't there. Nothing is
// durable before a Sync of the file and of the folder.
func (r *Root) Extend(name string, perm fs.FileMode) (File, error) {
	file, err := r.fsys.Open(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return nil, r.fail("open", name, err)
	}
	return file, nil
}

// writeAll writes, and takes a short write for an error even if the file doesn't.
func writeAll(w io.Writer, content []byte) (int, error) {
	n, err := w.Write(content)
	if err == nil && n < len(content) {
		err = io.ErrShortWrite
	}
	return n, err
}

// Mkdir makes one folder.
func (r *Root) Mkdir(name string, perm fs.FileMode) error {
	if err := r.fsys.Mkdir(name, perm); err != nil {
		return r.fail("make folder", name, err)
	}
	return nil
}

// MkdirAll makes a folder and those above it that are not there.
func (r *Root) MkdirAll(name string, perm fs.FileMode) error {
	if info, err := r.fsys.Lstat(name); err == nil && info.IsDir() { // cheaper than to be told so
		return nil
	}
	_, err := r.mkdirAll(name, perm)
	return err
}

// MkdirDurable is MkdirAll, and the folder is there after a power loss, even when
// another process has made it just now.
func (r *Root) MkdirDurable(name string, perm fs.FileMode) error {
	if was, found := r.durable.Load(name); found {
		if is, err := r.fsys.Lstat(name); err == nil && SameFile(was.(fs.FileInfo), is) {
			return nil
		}
	}
	folders, err := r.mkdirAll(name, perm)
	if err != nil {
		return err
	}
	var parents []string
	for _, folder := range folders {
		parents = append(parents, path.Dir(folder))
	}
	if err := r.Barrier(nil, parents); err != nil {
		return err
	}
	if is, err := r.fsys.Lstat(name); err == nil && is.IsDir() {
		r.durable.Store(name, is)
	}
	return nil
}

// mkdirAll returns the folders that were not there and the one above them that was,
// the deepest first.
func (r *Root) mkdirAll(name string, perm fs.FileMode) ([]string, error) {
	var folders []string
	for at := name; at != "." && at != ""; at = path.Dir(at) {
		folders = append(folders, at)
		err := r.mkdirUnlessThere(at, perm)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for i := len(folders) - 2; i >= 0; i-- {
		if err := r.mkdirUnlessThere(folders[i], perm); err != nil {
			return nil, err
		}
	}
	return folders, nil
}

// mkdirUnlessThere makes one folder; somebody else may be faster.
func (r *Root) mkdirUnlessThere(name string, perm fs.FileMode) error {
	err := r.fsys.Mkdir(name, perm)
	if err == nil || errors.Is(err, fs.ErrExist) && r.isFolder(name) {
		return nil
	}
	return r.fail("make folder", name, err)
}

// isFolder reports whether name is a folder, or a symlink to one below the root.
func (r *Root) isFolder(name string) bool {
	info, err := r.fsys.Lstat(name)
	if err != nil {
		return false
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return info.IsDir()
	}
	file, err := r.fsys.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	info, err = file.Stat()
	return err == nil && info.IsDir()
}

// Remove removes a file, a symlink or an empty folder.
func (r *Root) Remove(name string) error {
	if err := r.fsys.Remove(name); err != nil {
		return r.fail("remove", name, err)
	}
	return nil
}

// Rename moves a file or folder, over what is there unless that is a folder.
func (r *Root) Rename(old, to string) error {
	if err := r.fsys.Rename(old, to); err != nil {
		if errors.Is(err, syscall.EXDEV) && path.Dir(old) == r.temps {
			r.nearby.Store(path.Dir(to), false)
		}
		return r.failBoth("rename", old, to, err)
	}
	return nil
}

// Link gives a file a second name.
func (r *Root) Link(old, to string) error {
	if err := r.fsys.Link(old, to); err != nil {
		return r.failBoth("link", old, to, err)
	}
	return nil
}

// Symlink makes a symlink; where its target leads is the caller's business.
func (r *Root) Symlink(target, name string) error {
	if err := r.fsys.Symlink(target, name); err != nil {
		return r.fail("make link", name, err)
	}
	return nil
}

// Chmod sets the permissions of what name is, or leads to.
func (r *Root) Chmod(name string, mode fs.FileMode) error {
	if err := r.fsys.Chmod(name, mode); err != nil {
		return r.fail("change mode of", name, err)
	}
	return nil
}

// SyncDir makes the names in a folder durable.
func (r *Root) SyncDir(name string) error {
	if err := r.fsys.SyncDir(name); err != nil {
		return r.fail("sync folder", name, err)
	}
	return nil
}

// few is up to how many files and folders Barrier syncs one by one.
const few = 16

// Barrier returns when the content of the files and the names in the folders are
// durable. For many, Linux has one call that syncs the whole file system.
func (r *Root) Barrier(files []string, dirs []string) error {
	if whole, ok := r.fsys.(interface{ SyncAll() error }); ok && len(files)+len(dirs) > few {
		err := whole.SyncAll()
		if !errors.Is(err, errors.ErrUnsupported) {
			if err != nil {
				return r.fail("sync", ".", err)
			}
			return nil
		}
	}
	if err := r.syncFiles(files); err != nil {
		return err
	}
	synced := map[string]bool{}
	for _, name := range dirs {
		if synced[name] {
			continue
		}
		synced[name] = true
		if err := r.SyncDir(name); err != nil {
			return err
		}
	}
	return nil
}

// syncFiles has all files begin to be written before it waits for the first: the file
// system then writes down its own record of them once, not for each.
func (r *Root) syncFiles(names []string) error {
	files := make([]File, 0, len(names))
	defer func() {
		for _, file := range files {
			_ = file.Close()
		}
	}()
	for _, name := range names {
		file, err := r.fsys.Open(name, syncFlag, 0)
		if err != nil {
			return r.fail("sync", name, err)
		}
		files = append(files, file)
		if real, ok := OSFile(file); ok && len(names) > 1 {
			startSync(real)
		}
	}
	for i, file := range files {
		if err := file.Sync(); err != nil {
			return r.fail("sync", names[i], err)
		}
	}
	return nil
}
