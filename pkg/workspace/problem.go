package workspace

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"flow/pkg/digest"
)

// SpecialError says that something is neither a file nor a folder nor a link, so that
// it has no content to hash.
type SpecialError struct{ Path, Kind string }

// Error names the file and what it is.
func (e *SpecialError) Error() string {
	return fmt.Sprintf("%s is a %s; only files, folders and links can be hashed", e.Path, e.Kind)
}

// EscapeError says that a symlink leads out of the project, or to where nothing may be
// written.
type EscapeError struct {
	Path    string // the link
	Target  string
	Written string // when set: what was to be written through the link
}

// Error names the link and its target.
func (e *EscapeError) Error() string {
	if e.Written != "" {
		return fmt.Sprintf("%s can't be changed through %s, which is a link to %.300q", e.Written, e.Path, e.Target)
	}
	return fmt.Sprintf("%s is a link to %.300q, which is outside the project", e.Path, e.Target)
}

// ChangingError says that a file changed each time that it was read.
type ChangingError struct{ Path string }

// Error names the file.
func (e *ChangingError) Error() string {
	return fmt.Sprintf("%s changes while it is read", e.Path)
}

// HiddenError says that a folder must go but holds what an ignore file hides.
type HiddenError struct{ Path string }

// Error names the folder.
func (e *HiddenError) Error() string {
	return fmt.Sprintf("%s would be replaced, but holds files that %s hides; move them away first", e.Path, IgnoreFile)
}

// The kinds that have no content, as bytes that are no digest.Mode.
const (
	fifo   digest.Mode = 'p'
	socket digest.Mode = 's'
	device digest.Mode = 'c'
	other  digest.Mode = '?'
)

// special returns what to call a kind that can't be hashed, or "".
func special(kind digest.Mode) string {
	switch kind {
	case fifo:
		return "fifo"
	case socket:
		return "socket"
	case device:
		return "device"
	case other:
		return "special file"
	}
	return ""
}

// Escapes reports whether a link at a local name leads out of the root, as far as the
// text of its target tells. It goes down and up part by part: "a/../.." at the top of
// the root does, and so does any absolute target.
func Escapes(name, target string) bool {
	if runtime.GOOS == "windows" {
		if filepath.VolumeName(target) != "" || strings.HasPrefix(target, `\`) {
			return true
		}
		target = filepath.ToSlash(target)
	}
	if strings.HasPrefix(target, "/") {
		return true
	}
	depth := parts(name) - 1
	for _, part := range strings.Split(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}
