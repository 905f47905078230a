package lock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

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
// void. Each line behind it starts with a checksum of its own.
type Ledger struct {
	root    *disk.Root
	file    string
	journal string
	guard   string // flock that writers hold

	mu   sync.Mutex
	seen seen
}

// seen is what was read last, so that a question costs two stats while nothing has
// changed, and the new lines of the journal when it has grown.
type seen struct {
	lock, journal fs.FileInfo      // nil: not there
	base          func() digest.ID // of the lock file's text; most commands do without
	read          int64            // how many bytes of the journal are in file
	whole         bool             // the journal continues the lock file, and all of it is in file
	file          *File            // nil: nothing was read yet
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
	Is     *digest.Content `json:"is,omitempty"`     // nil: the entry goes
	Commit string          `json:"commit,omitempty"` // that an imported source was taken from
}

// apply makes the change. A source keeps the commit that it was taken from as long as it
// holds the same.
func (r Record) apply(file *File) {
	switch {
	case r.Stage != "" && r.Entry == nil:
		delete(file.Stages, r.Stage)
	case r.Stage != "":
		file.Stages[r.Stage] = r.Entry
	case r.Is == nil:
		delete(file.Data, r.Source)
		delete(file.Commits, r.Source)
	default:
		if was := file.Data[r.Source]; r.Commit != "" {
			file.Commits[r.Source] = r.Commit
		} else if !was.Same(*r.Is) {
			delete(file.Commits, r.Source)
		}
		file.Data[r.Source] = *r.Is
	}
}

// Read returns what was recorded, the journal included. It takes no lock.
func (l *Ledger) Read() (*File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(); err != nil {
		return nil, err
	}
	return l.seen.file.Clone(), nil
}

// Stage returns what is recorded of one stage, by whatever process; nil when there is
// nothing.
func (l *Ledger) Stage(name string) (*Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(); err != nil {
		return nil, err
	}
	return l.seen.file.Stages[name], nil
}

// refresh makes seen what is on disk.
func (l *Ledger) refresh() error {
	lock, err := l.stat(l.file)
	if err != nil {
		return err
	}
	journal, err := l.stat(l.journal)
	if err != nil {
		return err
	}
	if l.seen.file == nil || !sameFile(lock, l.seen.lock) || !sameStart(journal, l.seen.journal) {
		return l.readAll(lock, journal)
	}
	switch {
	case journal == nil || journal.Size() == l.seen.journal.Size():
		return nil
	case l.seen.whole:
		return l.readMore(journal)
	}
	return l.readAll(lock, journal)
}

func (l *Ledger) stat(name string) (fs.FileInfo, error) {
	info, err := l.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return info, nil
}

// sameFile reports whether two stats are of one file that was not written between
// them.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return disk.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// sameStart reports whether two stats are of one file that at most has grown.
func sameStart(now, before fs.FileInfo) bool {
	if now == nil || before == nil {
		return now == nil && before == nil
	}
	return disk.SameFile(now, before) && now.Size() >= before.Size()
}

func (l *Ledger) readAll(lock, journal fs.FileInfo) error {
	text, err := l.root.Read(l.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", l.file, err)
	}
	file := New()
	if err == nil {
		if file, err = Decode(l.file, text); err != nil {
			return err
		}
	}
	l.seen = seen{lock: lock, journal: journal, base: sync.OnceValue(func() digest.ID { return digest.Sum(text) }), file: file}
	records, err := l.root.Read(l.journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the journal of %s: %w", l.file, err)
	}
	base, rest, _ := strings.Cut(string(records), "\n")
	if base != l.seen.base().String() {
		return nil
	}
	l.seen.read = int64(len(records) - len(rest))
	l.apply(rest)
	return nil
}

// apply takes in whole records, and stops at what a crash cut: the stage it told of
// runs again.
func (l *Ledger) apply(records string) {
	for records != "" {
		line, after, whole := strings.Cut(records, "\n")
		record, sound := decodeRecord(line)
		if !whole || !sound {
			break
		}
		record.apply(l.seen.file)
		l.seen.read += int64(len(line) + 1)
		records = after
	}
	l.seen.whole = records == ""
}

// readMore takes in what the journal has grown by.
func (l *Ledger) readMore(journal fs.FileInfo) error {
	file, err := l.root.Open(l.journal)
	if err != nil {
		return fmt.Errorf("read the journal of %s: %w", l.file, err)
	}
	defer file.Close()
	more, err := io.ReadAll(io.NewSectionReader(file, l.seen.read, journal.Size()-l.seen.read))
	if err != nil {
		return fmt.Errorf("read the journal of %s: %w", l.file, err)
	}
	l.seen.journal = journal
	l.apply(string(more))
	return nil
}

// Add records changes: they are durable on return.
func (l *Ledger) Add(ctx context.Context, records ...Record) error {
	guard, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(); err != nil {
		return err
	}
	if l.seen.whole {
		lines, err := encodeRecords(records)
		if err != nil {
			return err
		}
		return l.root.Append(l.journal, lines, 0o644)
	}
	return l.restart(records)
}

// restart writes the journal anew: the first one, one in place of another lock file's,
// or one without the torn or damaged line that nothing behind would be read past.
func (l *Ledger) restart(records []Record) error {
	kept, err := l.readable()
	if err != nil {
		return err
	}
	lines, err := encodeRecords(records)
	if err != nil {
		return err
	}
	text := append([]byte(l.seen.base().String()+"\n"), kept...)
	return l.root.Replace(l.journal, append(text, lines...), 0o644)
}

// readable returns the records of the journal that are in seen.
func (l *Ledger) readable() ([]byte, error) {
	if l.seen.read == 0 {
		return nil, nil
	}
	text, err := l.root.Read(l.journal)
	if err != nil {
		return nil, fmt.Errorf("read the journal of %s: %w", l.file, err)
	}
	text = text[:min(int64(len(text)), l.seen.read)]
	_, kept, _ := bytes.Cut(text, []byte("\n"))
	return kept, nil
}

// encodeRecords writes a line for each record: the start of its digest, a space, JSON.
func encodeRecords(records []Record) ([]byte, error) {
	var lines bytes.Buffer
	for _, record := range records {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(record); err != nil {
			return nil, fmt.Errorf("record %s%s: %w", record.Stage, record.Source, err)
		}
		lines.WriteString(lineSum(bytes.TrimSuffix(text.Bytes(), []byte("\n"))) + " ")
		lines.Write(text.Bytes())
	}
	return lines.Bytes(), nil
}

// decodeRecord reads a line without its end, and says whether it is what was written.
func decodeRecord(line string) (record Record, sound bool) {
	sum, text, found := strings.Cut(line, " ")
	if !found || sum != lineSum([]byte(text)) {
		return record, false
	}
	return record, json.Unmarshal([]byte(text), &record) == nil
}

func lineSum(text []byte) string { return digest.Sum(text).Hex()[:16] }

// Settle writes the lock file from what is recorded, leaving out the stages and
// data sources that keep refuses, and returns whether the file changed. keep may
// be nil.
func (l *Ledger) Settle(ctx context.Context, keep func(stage, source string) bool) (bool, error) {
	guard, err := l.lock(ctx)
	if err != nil {
		return false, err
	}
	defer guard.Unlock()
	file, err := l.Read()
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

// Replace puts another file in the place of the lock file, whatever stands there.
func (l *Ledger) Replace(ctx context.Context, text []byte) error {
	guard, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	if err := l.root.Replace(l.file, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", l.file, err)
	}
	return nil
}

// Restore makes the lock file hold a text as it once was, whole, and forgets what was
// recorded since; no text is no lock file.
func (l *Ledger) Restore(ctx context.Context, text []byte) error {
	guard, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	if len(text) > 0 {
		err = l.root.Replace(l.file, text, 0o644)
	} else if err = l.root.Remove(l.file); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", l.file, err)
	}
	if err := l.root.Remove(l.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the journal of %s: %w", l.file, err)
	}
	return nil
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
			delete(f.Commits, path)
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
