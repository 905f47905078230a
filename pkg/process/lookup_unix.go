//go:build unix

package process

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lookup finds a program as execvp(3) does after chdir(2) to dir: in the PATH
// that the command will have.
func lookup(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name, dir)
	}
	path := "/usr/local/bin:/usr/bin:/bin"
	for _, entry := range env {
		if value, found := strings.CutPrefix(entry, "PATH="); found {
			path = value
		}
	}
	var found error = unix.ENOENT
	for _, folder := range filepath.SplitList(path) {
		if folder == "" {
			folder = "."
		}
		candidate := folder + "/" + name
		err := executable(candidate, dir)
		if err == nil {
			return candidate, nil
		}
		if err == unix.EACCES {
			found = err
		}
	}
	return "", found
}

// executable returns nil for a file that may be executed. A name that isn't
// absolute is below dir.
func executable(name, dir string) error {
	if !filepath.IsAbs(name) && dir != "" {
		name = dir + "/" + name
	}
	var stat unix.Stat_t
	if err := unix.Stat(name, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EACCES
	}
	return unix.Access(name, unix.X_OK)
}
