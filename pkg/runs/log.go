package runs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// A log is lines: the number of the stream, 1 or 2, a space, and what was printed.
//
//	1 epoch 3: loss 0.41
//	2 warning: no GPU
//
// The first file holds the start. What is beyond goes on in numbered files, of which
// only the last two are kept: so a log keeps its start and its end, 64 MiB in all, and
// what is missing is the files between.
const (
	headLimit = 32 << 20
	keptParts = 2
)

// logKey is the name of a stage's log: the stage's, as far as a file can have it.
func logKey(stage string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r == '@':
			return r
		}
		return '_'
	}, stage)
	if safe == stage && len(stage) <= 100 {
		return stage
	}
	return safe[:min(len(safe), 100)] + "~" + digest.Sum([]byte(stage)).Hex()[:8]
}

// logWriter writes one stage's log.
type logWriter struct {
	root *disk.Root
	name string // of the first file
	head int64  // how large the first file may become; the others are half of that
	part int
	file disk.File
	size int64 // of the file
	told Log
}

func newLogWriter(root *disk.Root, dir, stage string) *logWriter {
	key := logKey(stage)
	return &logWriter{root: root, name: dir + "/" + key, head: headLimit, told: Log{Key: key}}
}

func (l *logWriter) partName(part int) string {
	if part == 0 {
		return l.name
	}
	return l.name + "." + strconv.Itoa(part)
}

// write adds whole lines, which end in a newline.
func (l *logWriter) write(lines []byte, count int) error {
	l.told.Lines += int64(count)
	l.told.Bytes += int64(len(lines))
	for len(lines) > 0 {
		fits := l.fitting(lines)
		if fits == 0 {
			if err := l.next(); err != nil {
				return err
			}
			continue
		}
		if l.file == nil {
			file, err := l.root.Extend(l.partName(l.part), 0o644)
			if err != nil {
				return fmt.Errorf("keep a log: %w", err)
			}
			l.file = file
		}
		if _, err := l.file.Write(lines[:fits]); err != nil {
			return fmt.Errorf("keep a log: %w", err)
		}
		l.size += int64(fits)
		lines = lines[fits:]
	}
	return nil
}

// fitting returns how many bytes of whole lines the file still takes. An empty file
// takes any line.
func (l *logWriter) fitting(lines []byte) int {
	limit := l.head
	if l.part > 0 {
		limit /= 2
	}
	room := limit - l.size
	if int64(len(lines)) <= room {
		return len(lines)
	}
	end := 0
	if room > 0 {
		end = strings.LastIndexByte(string(lines[:room]), '\n') + 1
	}
	if end == 0 && l.size == 0 {
		end = strings.IndexByte(string(lines), '\n') + 1
	}
	return end
}

// next begins the next file, and lets go of one that is neither start nor end.
func (l *logWriter) next() error {
	if err := l.close(); err != nil {
		return err
	}
	l.part++
	l.size = 0
	old := l.part - keptParts
	if old < 1 {
		return nil
	}
	info, err := l.root.Lstat(l.partName(old))
	if err == nil {
		l.told.Cut += info.Size()
		err = l.root.Remove(l.partName(old))
	}
	return err
}

func (l *logWriter) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// Line is one line of a log.
type Line struct {
	Stderr bool
	Text   string
	Cut    bool // not printed: it says that here something is left out
}

// LogReader reads a log line by line, also one that is still written.
type LogReader struct {
	h    *History
	dir  string
	key  string
	part int
	at   int64 // how much of the part is read
}

// Log returns a reader of a stage's log.
func (h *History) Log(id, stage string) *LogReader {
	return &LogReader{h: h, dir: h.Dir(id) + "/logs", key: logKey(stage)}
}

// Exists reports whether the stage has printed anything.
func (r *LogReader) Exists() bool { return r.h.root.Exists(r.dir + "/" + r.key) }

// Read calls each for all whole lines that there are and have not been read. Called
// again, it goes on with those that were written meanwhile.
func (r *LogReader) Read(each func(Line) error) error {
	for {
		parts, err := r.parts()
		if err != nil || len(parts) == 0 {
			return err
		}
		if i, found := slices.BinarySearch(parts, r.part); !found {
			if i == len(parts) {
				return nil
			}
			r.part, r.at = parts[i], 0 // those between are gone
			if err := each(Line{Cut: true, Text: "the log is left out here, to keep its start and its end"}); err != nil {
				return err
			}
		}
		if err := r.readPart(each); err != nil {
			return err
		}
		if r.part == parts[len(parts)-1] {
			return nil
		}
		r.part, r.at = r.part+1, 0
	}
}

// parts returns the numbers of the files that are there, sorted.
func (r *LogReader) parts() ([]int, error) {
	if !r.Exists() {
		return nil, nil
	}
	entries, err := r.h.root.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	parts := []int{0}
	for _, entry := range entries {
		if rest, found := strings.CutPrefix(entry.Name(), r.key+"."); found {
			if n, err := strconv.Atoi(rest); err == nil && n > 0 {
				parts = append(parts, n)
			}
		}
	}
	slices.Sort(parts)
	return parts, nil
}

func (r *LogReader) readPart(each func(Line) error) error {
	name := r.dir + "/" + r.key
	if r.part > 0 {
		name += "." + strconv.Itoa(r.part)
	}
	file, err := r.h.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a part that was let go of just now
	}
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	defer file.Close()
	lines := bufio.NewReaderSize(io.NewSectionReader(file, r.at, 1<<62), 64<<10)
	for {
		text, err := lines.ReadString('\n')
		if err == io.EOF {
			return nil // a line that has no end yet is read when it has
		}
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		r.at += int64(len(text))
		text = strings.TrimSuffix(text, "\n")
		stream, rest, _ := strings.Cut(text, " ")
		if err := each(Line{Stderr: stream == "2", Text: rest, Cut: stream == "#"}); err != nil {
			return err
		}
	}
}
