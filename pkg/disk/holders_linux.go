package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Holders returns the ids of the processes of this user that hold a lock now, in
// order: also of those that outlived the one that took it. Nil where the system
// doesn't tell.
func (r *Root) Holders(name string) []int {
	lock := r.Path(name)
	opens, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	var holders []int
	for _, open := range opens {
		target, err := os.Readlink(open)
		if err != nil || target != lock {
			continue
		}
		process := filepath.Dir(filepath.Dir(open))
		info, err := os.ReadFile(filepath.Join(process, "fdinfo", filepath.Base(open)))
		if err != nil || !bytes.Contains(info, []byte("FLOCK")) {
			continue // it only has the file open, as one that waits does
		}
		if id, err := strconv.Atoi(filepath.Base(process)); err == nil && !slices.Contains(holders, id) {
			holders = append(holders, id)
		}
	}
	slices.Sort(holders)
	return holders
}
