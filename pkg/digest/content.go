package digest

import "fmt"

// Mode says what sort of thing a path holds.
type Mode byte

// The modes. Other permission bits than the owner's execute bit are not kept.
const (
	None Mode = 0   // nothing is there
	File Mode = 'f' // a regular file
	Exec Mode = 'x' // a regular file that its owner may execute
	Link Mode = 'l' // a symbolic link; the digest is that of its target's text
	Dir  Mode = 'd' // a directory; the digest is that of its tree
)

var modeNames = map[Mode]string{None: "none", File: "file", Exec: "exec", Link: "link", Dir: "dir"}

// String returns the mode's name: file, exec, link, dir or none.
func (m Mode) String() string {
	if name, found := modeNames[m]; found {
		return name
	}
	return fmt.Sprintf("mode(%d)", byte(m))
}

// ParseMode reads what String writes.
func ParseMode(text string) (Mode, error) {
	for mode, name := range modeNames {
		if name == text {
			return mode, nil
		}
	}
	return None, fmt.Errorf("%q is not a mode; the modes are file, exec, link and dir", text)
}

// Content is what a path holds, as far as flow compares it. The zero Content is
// nothing: the path does not exist.
type Content struct {
	ID    ID
	Mode  Mode
	Size  int64 // bytes; of a directory, the sum over its files
	Files int   // how many files and links a directory holds, at any depth; 0 for all else
}

// Exists reports whether there is anything.
func (c Content) Exists() bool { return c.Mode != None }

// Same reports whether two contents are equal: the same bytes in the same mode.
func (c Content) Same(other Content) bool { return c.ID == other.ID && c.Mode == other.Mode }

// String is for people: "file 1f2e3d4c, 120 bytes" or "missing".
func (c Content) String() string {
	switch c.Mode {
	case None:
		return "missing"
	case Dir:
		return fmt.Sprintf("dir %s, %d files", c.ID.Short(), c.Files)
	}
	return fmt.Sprintf("%s %s, %d bytes", c.Mode, c.ID.Short(), c.Size)
}
