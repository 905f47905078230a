package project

import (
	"math"
	"strconv"
	"strings"
)

// The limits of the history of runs, where the config sets none.
const (
	defaultKeep    = 1000
	defaultMaxFile = 10_000_000
)

// KeepRuns returns how many runs without a tag are kept: runs.keep. With 0 there is no
// history.
func (c *Config) KeepRuns() int {
	setting, _ := c.Get("runs.keep")
	if keep, err := strconv.Atoi(setting.Value); err == nil && keep >= 0 {
		return keep
	}
	return defaultKeep
}

// RunsToPush returns which runs go along with a push that does not say: runs.push.
func (c *Config) RunsToPush() string {
	setting, _ := c.Get("runs.push")
	return setting.Value
}

// MaxFile returns how large a file that git does not track may be to be kept with a
// run: runs.max_file.
func (c *Config) MaxFile() int64 {
	setting, _ := c.Get("runs.max_file")
	if size, ok := parseSize(setting.Value); ok {
		return size
	}
	return defaultMaxFile
}

func notCount(value string) string {
	if n, err := strconv.Atoi(value); err != nil || n < 0 {
		return "it is a number; 0 keeps no history"
	}
	return ""
}

func notSize(value string) string {
	if _, ok := parseSize(value); !ok {
		return "it is a number of bytes, or one with kB, MB, GB or TB, or KiB, MiB, GiB or TiB"
	}
	return ""
}

// units is what a size may end in.
var units = []struct {
	name  string
	bytes float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}, {"b", 1}, {"", 1},
}

// parseSize reads a size such as 10MB, 1.5 GiB or 4096.
func parseSize(text string) (int64, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, unit := range units {
		number, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n >= 0) || n*unit.bytes > math.MaxInt64/2 {
			return 0, false
		}
		return int64(n * unit.bytes), true
	}
	return 0, false
}
