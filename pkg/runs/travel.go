package runs

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// From is where a run came from.
type From struct {
	Remote string    `json:"remote"`
	At     time.Time `json:"at"` // when it came
	Logs   []LogFile `json:"logs,omitempty"`
}

// LogFile is a file of what a run's stages printed.
type LogFile struct {
	Name string    `json:"name"` // below logs/
	Hash digest.ID `json:"hash"`
	Size int64     `json:"size"`
}

const (
	// MaxRecord is the largest record or list of logs that is taken from elsewhere.
	MaxRecord = 64 << 20
	// MaxLabel is the largest label that is.
	MaxLabel = 4 << 20
	// maxLog is the largest file of a log that is: a part, and a line that goes beyond.
	maxLog = 2 * headLimit
)

// errRefused is behind all that is refused.
var errRefused = errors.New("it is refused")

// Record returns the text of an ended run's record: it never changes any more.
func (h *History) Record(id string) ([]byte, error) {
	text, err := h.root.Read(h.Dir(id) + "/run.json")
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	return text, nil
}

var goodName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]+-[a-z]+(-[0-9]{1,9})?$`) })

// ReadRecord reads a record that comes from elsewhere, and refuses one that no run of
// that id could have left: one that has not ended, or that has names which lead out of
// the project.
func ReadRecord(id string, text []byte) (*Run, error) {
	run := &Run{}
	if err := json.Unmarshal(text, run); err != nil {
		return nil, fmt.Errorf("the record of run %s: %w", id, err)
	}
	refuse := func(format string, args ...any) (*Run, error) {
		return nil, fmt.Errorf("the record of run %s: %s: %w", id, fmt.Sprintf(format, args...), errRefused)
	}
	switch {
	case !IsID(id) || run.ID != id:
		return refuse("it is that of %.40q", run.ID)
	case !goodName().MatchString(run.Name):
		return refuse("%.40q is no name of a run", run.Name)
	case run.State != OK && run.State != Failed && run.State != Interrupted || run.Ended.IsZero():
		return refuse("it has the state %.40q", run.State)
	}
	paths := slices.Clone(run.Held)
	for i := range run.Stages {
		stage := &run.Stages[i]
		paths = append(paths, stage.Outs...)
		if stage.Log != nil && stage.Log.Key != logKey(stage.Name) {
			return refuse("stage %.40q has the log %.40q", stage.Name, stage.Log.Key)
		}
	}
	for _, out := range paths {
		if err := disk.CheckName(out.Path); err != nil {
			return refuse("%v", err)
		}
	}
	return run, nil
}

// Has reports whether a run is here, with its record.
func (h *History) Has(id string) bool { return IsID(id) && h.root.Exists(h.Dir(id)+"/run.json") }

// Adopt adds a run that was made elsewhere, by the text of its record. It does not wait
// for the disk: what a power loss takes comes from there again.
func (h *History) Adopt(id string, text []byte, from From) error {
	if _, err := ReadRecord(id, text); err != nil {
		return err
	}
	told, err := json.Marshal(from)
	if err != nil {
		return err
	}
	if err := h.root.MkdirAll(h.Dir(id), 0o755); err != nil {
		return fmt.Errorf("keep run %s: %w", id, err)
	}
	if err := h.root.ReplaceSoon(h.Dir(id)+"/from.json", append(told, '\n'), 0o644); err != nil {
		return fmt.Errorf("keep run %s: %w", id, err)
	}
	if err := h.root.ReplaceSoon(h.Dir(id)+"/run.json", text, 0o644); err != nil {
		return fmt.Errorf("keep run %s: %w", id, err)
	}
	return nil
}

// Forget drops a run that came from a remote where it is no more.
func (h *History) Forget(id string) error { return h.drop(id) }

func (h *History) isForeign(id string) bool { return h.root.Exists(h.Dir(id) + "/from.json") }

// readFrom returns where a run came from; nil when it was made here.
func (h *History) readFrom(id string) *From {
	text, err := h.root.Read(h.Dir(id) + "/from.json")
	if err != nil {
		return nil
	}
	from := &From{}
	_ = json.Unmarshal(text, from) // torn: from elsewhere all the same
	return from
}

// LogFiles returns the files that hold what a run's stages printed, sorted. A run that
// came from elsewhere may not have brought them.
func (h *History) LogFiles(id string) ([]string, error) {
	dir := h.Dir(id) + "/logs"
	if !h.root.Exists(dir) {
		return nil, nil
	}
	entries, err := h.root.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the logs of run %s: %w", id, err)
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() && !disk.IsTemp(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// OpenLog opens one of a run's LogFiles.
func (h *History) OpenLog(id, name string) (disk.File, error) {
	return h.root.Open(h.Dir(id) + "/logs/" + name)
}

// PutLog writes one of a run's LogFiles.
func (h *History) PutLog(id, name string, text []byte) error {
	dir := h.Dir(id) + "/logs"
	if err := h.root.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep logs: %w", err)
	}
	if err := h.root.ReplaceSoon(path.Join(dir, name), text, 0o644); err != nil {
		return fmt.Errorf("keep logs: %w", err)
	}
	return nil
}

// ReadLogList reads which files hold what a run's stages printed, as it comes from
// elsewhere. What no stage of the run could have printed is refused.
func ReadLogList(run *Run, text []byte) ([]LogFile, error) {
	var files []LogFile
	if err := json.Unmarshal(text, &files); err != nil {
		return nil, fmt.Errorf("the logs of run %s: %w", run.ID, err)
	}
	keys := map[string]bool{}
	for i := range run.Stages {
		keys[logKey(run.Stages[i].Name)] = true
	}
	for _, file := range files {
		key, part, numbered := strings.Cut(file.Name, ".")
		if !keys[key] || numbered && !allDigits(part) || file.Size < 0 || file.Size > maxLog {
			return nil, fmt.Errorf("the logs of run %s: %.60q, %d bytes: %w", run.ID, file.Name, file.Size, errRefused)
		}
	}
	return files, nil
}

func allDigits(text string) bool {
	return text != "" && len(text) < 10 && strings.Trim(text, "0123456789") == ""
}
