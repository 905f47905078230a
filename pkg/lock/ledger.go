package lock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// Ledger is the lock file with its journal. Rewriting the whole file after every
// stage would cost the square of the number of stages; so what is recorded goes
// to the journal, a line each, synced, and Settle writes the file from it: when a
// run ends, or when the next one finds a journal that a crash left.
//
// The journal's first line is the digest of the lock file that it continues. A
// journal that continues another file (git has put a different one in place) is
// void.
type Ledger struct {
	root    *disk.Root
	file    string
	journal string
	guard   string // flock that writers hold
}

// NewLedger returns the ledger of a project; state is its folder for state.
func NewLedger(root *disk.Root, file, state string) *Ledger {
	return &Ledger{root: root, file: file, journal: state + "/journal", guard: state + "/tmp/lock.guard"}
}

// Record is a change of one entry of the lock.
type Record struct {
	Stage  string          `json:"stage,omitempty"`
	Entry  *Entry          `json:"entry,omitempty"` // nil: the entry goes
	Source string          `json:"source,omitempty"`
	Is     *digest.Content `json:"is,omitempty"` // nil: the entry goes
}

func (r Record) apply(file *File) {
	switch {
	case r.Stage != "" && r.Entry == nil:
		delete(file.Stages, r.Stage)
	case r.Stage != "":
		file.Stages[r.Stage] = r.Entry
	case r.Is == nil:
		delete(file.Data, r.Source)
	default:
		file.Data[r.Source] = *r.Is
	}
}

// Read returns what was recorded, the journal included. It takes no lock.
func (l *Ledger) Read() (*File, error) {
	file, _, err := l.read()
	return file, err
}

// read also returns how many records the journal added.
func (l *Ledger) read() (*File, int, error) {
	text, err := l.root.Read(l.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("read %s: %w", l.file, err)
	}
	file := New()
	if err == nil {
		if file, err = Decode(l.file, text); err != nil {
			return nil, 0, err
		}
	}
	records, err := l.pending(text)
	for _, record := range records {
		record.apply(file)
	}
	return file, len(records), err
}

// pending returns the journal's records, as far as it is whole and continues this
// text.
func (l *Ledger) pending(text []byte) ([]Record, error) {
	journal, err := l.root.Read(l.journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal of %s: %w", l.file, err)
	}
	base, rest, _ := strings.Cut(string(journal), "\n")
	if base != digest.Sum(text).String() {
		return nil, nil
	}
	var records []Record
	for rest != "" {
		line, after, whole := strings.Cut(rest, "\n")
		var record Record
		if !whole || json.Unmarshal([]byte(line), &record) != nil {
			break // cut by a crash: the stage it told of runs again
		}
		records = append(records, record)
		rest = after
	}
	return records, nil
}

// Add records changes: they are durable on return.
func (l *Ledger) Add(ctx context.Context, records ...Record) error {
	guard, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	text, err := l.root.Read(l.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", l.file, err)
	}
	var lines bytes.Buffer
	base := digest.Sum(text).String() + "\n"
	journal, err := l.root.Read(l.journal)
	fresh := err != nil || !strings.HasPrefix(string(journal), base) || !bytes.HasSuffix(journal, []byte("\n"))
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	if fresh {
		lines.WriteString(base)
		kept, _ := l.pending(text) // of a journal with a torn tail
		records = append(kept, records...)
	}
	for _, record := range records {
		if err := encoder.Encode(record); err != nil {
			return fmt.Errorf("record %s%s: %w", record.Stage, record.Source, err)
		}
	}
	if fresh {
		return l.root.Replace(l.journal, lines.Bytes(), 0o644)
	}
	return l.root.Append(l.journal, lines.Bytes(), 0o644)
}

// Settle writes the lock file from what is recorded, leaving out the stages and
// data sources that keep refuses, and returns whether the file changed. keep may
// be nil.
func (l *Ledger) Settle(ctx context.Context, keep func(stage, source string) bool) (bool, error) {
	guard, err := l.lock(ctx)
	if err != nil {
		return false, err
	}
	defer guard.Unlock()
	file, _, err := l.read()
	if err != nil {
		return false, err
	}
	if keep != nil {
		file.drop(keep)
	}
	changed, err := l.write(file)
	if err != nil {
		return changed, err
	}
	if err := l.root.Remove(l.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return changed, fmt.Errorf("remove the journal of %s: %w", l.file, err)
	}
	return changed, nil
}

// Unsettled reports whether a journal is there that continues the lock file.
func (l *Ledger) Unsettled() bool { return l.root.Exists(l.journal) }

func (l *Ledger) write(file *File) (bool, error) {
	was, err := l.root.Read(l.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read %s: %w", l.file, err)
	}
	missing := err != nil
	if missing && len(file.Stages)+len(file.Data) == 0 {
		return false, nil
	}
	text := file.Encode()
	if !missing && bytes.Equal(was, text) {
		return false, nil
	}
	if err := l.root.Replace(l.file, text, 0o644); err != nil {
		return false, fmt.Errorf("write %s: %w", l.file, err)
	}
	return true, nil
}

func (f *File) drop(keep func(stage, source string) bool) {
	for name := range f.Stages {
		if !keep(name, "") {
			delete(f.Stages, name)
		}
	}
	for path := range f.Data {
		if !keep("", path) {
			delete(f.Data, path)
		}
	}
}

func (l *Ledger) lock(ctx context.Context) (*disk.Lock, error) {
	if err := l.root.MkdirAll(dirOf(l.guard), 0o755); err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.file, err)
	}
	guard, err := l.root.Lock(ctx, l.guard, disk.Exclusive, "writing "+l.file, nil)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.file, err)
	}
	return guard, nil
}

func dirOf(name string) string {
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		return name[:slash]
	}
	return "."
}
