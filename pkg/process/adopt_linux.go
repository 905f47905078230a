package process

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxRSSUnit is what getrusage(2) counts memory in.
const maxRSSUnit = 1024

// blockBytes returns what getrusage(2) counts of disks, in blocks of 512 bytes.
func blockBytes(usage *syscall.Rusage) (read, written int64) {
	return int64(usage.Inblock) * 512, int64(usage.Oublock) * 512
}

// adoptOrphans makes this process the parent of each descendant whose own
// parent ends, so that no daemon escapes it.
func adoptOrphans() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// ownGroup has the command lead a group of its own, and end with this process. fd gets what
// becomes readable at its end; -1 where the kernel has no such thing.
func ownGroup(fd *int) *syscall.SysProcAttr {
	if os.Getenv(bySignal) != "" {
		fd = nil
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: fd}
}

// adopted returns this process's children.
func adopted() []int {
	return children(relatives(), os.Getpid())
}

// descendants returns this process's children, theirs, and so on, sorted.
func descendants() []int {
	all := relatives()
	found := children(all, os.Getpid())
	for i := 0; i < len(found); i++ {
		found = append(found, children(all, found[i])...)
	}
	slices.Sort(found)
	return found
}

func children(all []relative, parent int) []int {
	var found []int
	for _, one := range all {
		if one.parent == parent {
			found = append(found, one.pid)
		}
	}
	return found
}

// killSession kills all processes of a session, as a supervisor's is when that
// one can't do it.
func killSession(session int) {
	for range 100 { // what it finds may start others before it dies
		found := false
		for _, one := range relatives() {
			if one.session == session {
				found = true
				_ = syscall.Kill(one.pid, syscall.SIGKILL)
			}
		}
		if !found {
			return
		}
	}
}

// relative is a living process.
type relative struct{ pid, parent, session int }

// relatives reads all of /proc: a kernel may lack the list of a process's children.
func relatives() []relative {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var found []relative
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it ended
		}
		// "42 (any name) S parent group session …"; Z is a zombie
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 4 || fields[0] == "Z" {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		session, _ := strconv.Atoi(fields[3])
		found = append(found, relative{pid: pid, parent: parent, session: session})
	}
	return found
}
