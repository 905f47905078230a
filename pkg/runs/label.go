package runs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Label is what people say of a run.
type Label struct {
	Tags []string `json:"tags,omitempty"`
	Note string   `json:"note,omitempty"`
}

// mark is the last change of one tag of a run, or of its note. Two sets of marks are
// merged one by one, the later change first; so that whoever merges which first, the same
// comes of it.
type mark struct {
	Tag  string    `json:"tag,omitempty"` // "": the note
	Note string    `json:"note,omitempty"`
	Gone bool      `json:"gone,omitempty"` // the tag was taken away
	At   time.Time `json:"at,omitzero"`
	By   string    `json:"by,omitempty"`
}

// marks is the changes of a run's label, sorted by tag, each tag once.
type marks []mark

// label returns what the marks come to.
func (m marks) label() Label {
	var l Label
	for _, one := range m {
		switch {
		case one.Tag == "":
			l.Note = one.Note
		case !one.Gone:
			l.Tags = append(l.Tags, one.Tag)
		}
	}
	return l
}

// merge returns the marks of both. It keeps the order of its arguments for nothing.
func (m marks) merge(other marks) marks {
	all := slices.Concat(m, other)
	slices.SortFunc(all, func(a, b mark) int {
		return cmp.Or(strings.Compare(a.Tag, b.Tag), b.At.Compare(a.At), boolCompare(a.Gone, b.Gone),
			strings.Compare(b.Note, a.Note), strings.Compare(b.By, a.By))
	})
	return slices.CompactFunc(all, func(a, b mark) bool { return a.Tag == b.Tag })
}

// boolCompare puts false before true.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// set returns the marks with those added that make them come to a label.
func (m marks) set(want Label, at time.Time, by string) marks {
	is := m.label()
	var fresh marks
	add := func(one mark) {
		one.At, one.By = at, by
		if i := slices.IndexFunc(m, func(old mark) bool { return old.Tag == one.Tag }); i >= 0 && !one.At.After(m[i].At) {
			one.At = m[i].At.Add(1) // who changed it before has a clock that is ahead
		}
		fresh = append(fresh, one)
	}
	for _, tag := range want.Tags {
		if !slices.Contains(is.Tags, tag) {
			add(mark{Tag: tag})
		}
	}
	for _, tag := range is.Tags {
		if !slices.Contains(want.Tags, tag) {
			add(mark{Tag: tag, Gone: true})
		}
	}
	if want.Note != is.Note {
		add(mark{Note: want.Note})
	}
	return m.merge(fresh)
}

// encode is the marks as a text, the same for the same marks.
func (m marks) encode() ([]byte, error) {
	text, err := json.Marshal(m)
	return append(text, '\n'), err
}

// decodeMarks reads what encode wrote.
func decodeMarks(text []byte) (marks, error) {
	var all marks
	if err := json.Unmarshal(text, &all); err != nil {
		var old Label // as an earlier flow wrote it
		if json.Unmarshal(text, &old) != nil {
			return nil, err
		}
		return marks(nil).set(old, time.Time{}, ""), nil
	}
	return marks(nil).merge(all), nil
}

const (
	maxTag   = 200
	maxNote  = 64 << 10
	maxMarks = 1000
	// ahead is how far into the future a change from elsewhere may be: a later one would
	// outlast every other for ever.
	ahead = 24 * time.Hour
)

// sound returns the marks that may come from elsewhere.
func (m marks) sound(now time.Time) marks {
	m = slices.DeleteFunc(m, func(one mark) bool {
		return one.At.After(now.Add(ahead)) || one.Tag != "" && CheckTag(one.Tag) != nil || len(one.Note) > maxNote
	})
	return m[:min(len(m), maxMarks)]
}

// CheckTag says why a tag can't be one: it could not be told from other ways to name a
// run, or would do a terminal harm.
func CheckTag(tag string) error {
	switch {
	case tag == "" || len(tag) > maxTag, strings.ContainsAny(tag, "~^:"), strings.HasPrefix(tag, "-"), tag == Latest, tag == "workspace",
		strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }):
		return fmt.Errorf("%q can't be a tag", tag)
	}
	return nil
}

func (h *History) readMarks(id string) marks {
	text, err := h.root.Read(h.Dir(id) + "/label.json")
	if err != nil {
		return nil
	}
	all, _ := decodeMarks(text) // a torn label is none
	return all
}

// SetLabel changes tags and note of a run.
func (h *History) SetLabel(ctx context.Context, id string, edit func(*Label)) error {
	return h.relabel(ctx, id, func(was marks) marks {
		label := was.label()
		edit(&label)
		me := ThisOrigin(nil)
		return was.set(label, time.Now().UTC(), me.Who())
	})
}

func (h *History) relabel(ctx context.Context, id string, edit func(marks) marks) error {
	guard, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	if !h.root.Exists(h.Dir(id) + "/run.json") {
		return fmt.Errorf("label run %s: %w", id, ErrNoRun)
	}
	text, err := edit(h.readMarks(id)).encode()
	if err != nil {
		return err
	}
	if err := h.root.Replace(h.Dir(id)+"/label.json", text, 0o644); err != nil {
		return fmt.Errorf("label run %s: %w", id, err)
	}
	return nil
}

// LabelText returns a run's label as it travels; nil when nobody ever gave it one.
func (h *History) LabelText(id string) ([]byte, error) {
	all := h.readMarks(id)
	if len(all) == 0 {
		return nil, nil
	}
	return all.encode()
}

// TagsIn returns the tags of a run of which others said something, as LabelText gave it.
func TagsIn(texts [][]byte) []string {
	var all marks
	for _, text := range texts {
		if others, err := decodeMarks(text); err == nil {
			all = all.merge(others.sound(time.Now()))
		}
	}
	return all.label().Tags
}

// MergeLabels takes what others said of a run into its label, as LabelText gave it. What
// can't be read is left out. It reports whether the label is another one now.
func (h *History) MergeLabels(ctx context.Context, id string, texts [][]byte) (bool, error) {
	var all marks
	for _, text := range texts {
		if others, err := decodeMarks(text); err == nil {
			all = all.merge(others.sound(time.Now()))
		}
	}
	was := h.readMarks(id)
	if slices.Equal(was, was.merge(all)) {
		return false, nil
	}
	return true, h.relabel(ctx, id, func(was marks) marks { return was.merge(all) })
}
