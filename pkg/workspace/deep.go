package workspace

import (
	"context"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

// stride is how many folders deep names are reached from one open folder. Names that
// go deeper are reached from a folder on the way, or the cost of a tree would grow
// with the square of its depth.
const stride = 32

// ladder reaches deep names below a root.
type ladder struct {
	base *disk.Root
	at   string     // the folder that is open; "" is the base
	open *disk.Root // nil at the base
}

// reach returns a folder on the way to a path, and the path from there. The folder is
// good until the next call.
func (l *ladder) reach(path string) (*disk.Root, string, error) {
	anchor := anchorOf(path)
	if anchor != l.at {
		if err := l.move(anchor); err != nil {
			return nil, "", err
		}
	}
	if l.open == nil {
		return l.base, path, nil
	}
	return l.open, path[len(anchor)+1:], nil
}

func (l *ladder) move(anchor string) error {
	from, rest := l.base, anchor
	if l.open != nil && strings.HasPrefix(anchor, l.at+"/") {
		from, rest = l.open, anchor[len(l.at)+1:]
	}
	var next *disk.Root
	if anchor != "" {
		var err error
		if next, err = from.Sub(rest); err != nil {
			return err
		}
	}
	l.close()
	l.at, l.open = anchor, next
	return nil
}

func (l *ladder) close() {
	if l.open != nil {
		l.open.Close()
	}
	l.at, l.open = "", nil
}

// anchorOf returns the folder from which a path is reached.
func anchorOf(path string) string {
	anchor, count := 0, 0
	for i := range len(path) {
		if path[i] == '/' {
			if count++; count%stride == 0 {
				anchor = i
			}
		}
	}
	return path[:anchor]
}

// makeFolders makes all folders of a tree below base. Paths that start alike are
// neighbours in a tree, so the folders of one are those of the one before it and some
// more.
func makeFolders(base *disk.Root, tree cache.Tree) error {
	l := &ladder{base: base}
	defer l.close()
	made := ""
	for i := range tree {
		dir := folderOf(&tree[i])
		for at := shared(made, dir); at < len(dir); {
			end := strings.IndexByte(dir[at+1:], '/')
			if end < 0 {
				end = len(dir)
			} else {
				end += at + 1
			}
			in, name, err := l.reach(dir[:end])
			if err != nil {
				return err
			}
			if err := in.Mkdir(name, 0o777); err != nil {
				return err
			}
			at = end
		}
		made = dir
	}
	return nil
}

// folderOf returns the folder that an entry needs; "" is the top.
func folderOf(e *cache.TreeEntry) string {
	if e.Mode == digest.Dir {
		return e.Path
	}
	if i := strings.LastIndexByte(e.Path, '/'); i >= 0 {
		return e.Path[:i]
	}
	return ""
}

// shared returns how much of dir is a folder that made is or is in.
func shared(made, dir string) int {
	end := 0
	for i := 0; i <= len(dir) && i <= len(made); i++ {
		if (i == len(dir) || dir[i] == '/') && (i == len(made) || made[i] == '/') {
			end = i
		}
		if i == len(dir) || i == len(made) || dir[i] != made[i] {
			break
		}
	}
	return end
}

// groupSize is how many entries one goroutine takes at once.
const groupSize = 128

// inGroups does something for every entry of a tree over the cores, with a folder that
// is near and the name from there.
func inGroups(ctx context.Context, base *disk.Root, tree cache.Tree, do func(in *disk.Root, name string, e *cache.TreeEntry) error) error {
	groups := (len(tree) + groupSize - 1) / groupSize
	return parallel(ctx, groups, func(group int) error {
		l := &ladder{base: base}
		defer l.close()
		for i := group * groupSize; i < min((group+1)*groupSize, len(tree)); i++ {
			in, name, err := l.reach(tree[i].Path)
			if err != nil {
				return err
			}
			if err := do(in, name, &tree[i]); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		return nil
	})
}

func comparePath(e cache.TreeEntry, path string) int { return strings.Compare(e.Path, path) }
