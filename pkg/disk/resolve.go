package disk

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// Resolve returns the name of the same place with no symlink among its folders: two
// names lead to one file if they resolve to the same. The last part may itself be a
// symlink, and it and folders on the way need not be there. ErrEscapes when the way
// leads out of the root.
func (r *Root) Resolve(name string) (string, error) {
	done := "."
	parts := splitName(name)
	for links := 0; len(parts) > 1; {
		next := path.Join(done, parts[0])
		if next == ".." || strings.HasPrefix(next, "../") || path.IsAbs(name) {
			return "", r.fail("resolve", name, ErrEscapes)
		}
		info, err := r.fsys.Lstat(next)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", r.fail("resolve", name, err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done, parts = next, parts[1:]
			continue
		}
		target, err := r.fsys.Readlink(next)
		if err != nil {
			return "", r.fail("resolve", name, err)
		}
		if links++; links > 255 {
			return "", r.fail("resolve", name, syscall.ELOOP)
		}
		if path.IsAbs(target) {
			return "", r.fail("resolve", name, ErrEscapes)
		}
		parts = append(splitName(target), parts[1:]...)
	}
	resolved := path.Join(append([]string{done}, parts...)...)
	if resolved == ".." || strings.HasPrefix(resolved, "../") || path.IsAbs(name) {
		return "", r.fail("resolve", name, ErrEscapes)
	}
	return resolved, nil
}

// splitName returns the parts of a name, at least one. It keeps "..", which after a
// symlink leads elsewhere than the text says.
func splitName(name string) []string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	if parts == nil {
		return []string{"."}
	}
	return parts
}
