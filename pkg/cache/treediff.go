package cache

import (
	"strings"

	"flow/pkg/digest"
)

// TreeChange is a path that two trees hold different things at.
type TreeChange struct {
	Path string
	Old  TreeEntry // its Mode is digest.None when the path is new
	New  TreeEntry // its Mode is digest.None when the path is gone
}

// Added reports whether the path is new.
func (c TreeChange) Added() bool { return c.Old.Mode == digest.None }

// Removed reports whether the path is gone.
func (c TreeChange) Removed() bool { return c.New.Mode == digest.None }

// DiffTrees returns what must change for old to become new, sorted by path.
func DiffTrees(old, new Tree) []TreeChange {
	var changes []TreeChange
	for len(old) > 0 || len(new) > 0 {
		var order int
		switch {
		case len(old) == 0:
			order = 1
		case len(new) == 0:
			order = -1
		default:
			order = strings.Compare(old[0].Path, new[0].Path)
		}
		switch {
		case order < 0:
			changes = append(changes, TreeChange{Path: old[0].Path, Old: old[0]})
			old = old[1:]
		case order > 0:
			changes = append(changes, TreeChange{Path: new[0].Path, New: new[0]})
			new = new[1:]
		default:
			if old[0] != new[0] {
				changes = append(changes, TreeChange{Path: old[0].Path, Old: old[0], New: new[0]})
			}
			old, new = old[1:], new[1:]
		}
	}
	return changes
}
