package process

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxRSSUnit is what getrusage(2) counts memory in.
const maxRSSUnit = 1024

// adoptOrphans makes this process the parent of each descendant whose own
// parent ends, so that no daemon escapes it.
func adoptOrphans() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// adopted returns this process's children.
func adopted() []int {
	return parents().below(os.Getpid())
}

// descendants returns this process's children, theirs, and so on, sorted.
func descendants() []int {
	tree := parents()
	found := tree.below(os.Getpid())
	for i := 0; i < len(found); i++ {
		found = append(found, tree.below(found[i])...)
	}
	slices.Sort(found)
	return found
}

// family holds the parent of each living process.
type family map[int]int

func (f family) below(parent int) []int {
	var children []int
	for _, pid := range slices.Sorted(maps.Keys(f)) {
		if f[pid] == parent {
			children = append(children, pid)
		}
	}
	return children
}

// parents reads all of /proc: a kernel may lack the list of a process's children.
func parents() family {
	found := family{}
	dir, err := os.Open("/proc")
	if err != nil {
		return found
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it ended
		}
		// 42 (any name) S 1 …
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 2 || fields[0][0] == 'Z' {
			continue
		}
		if parent, err := strconv.Atoi(string(fields[1])); err == nil {
			found[pid] = parent
		}
	}
	return found
}
