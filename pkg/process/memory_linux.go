package process

import (
	"bytes"
	"os"
	"strconv"
)

// OOMKills returns how many processes the kernel of this machine has killed since its
// start because memory ran out; -1 where it doesn't tell.
func OOMKills() int {
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return -1
	}
	return oomKills(text)
}

func oomKills(vmstat []byte) int {
	for line := range bytes.Lines(vmstat) {
		if count, found := bytes.CutPrefix(line, []byte("oom_kill ")); found {
			if n, err := strconv.Atoi(string(bytes.TrimSpace(count))); err == nil {
				return n
			}
		}
	}
	return -1
}
