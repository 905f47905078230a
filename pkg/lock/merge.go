package lock

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Contest is a stage or a data source that two sides changed differently. A side that
// has no entry any more is a Record without one.
type Contest struct {
	Base, Ours, Theirs Record
}

// Name returns the name of the stage, or the path of the data source.
func (c Contest) Name() string { return c.Ours.name() }

// Source reports whether it is a data source.
func (c Contest) Source() bool { return c.Ours.Source != "" }

func (r Record) name() string { return cmp.Or(r.Source, r.Stage) }

// Merge returns what two files that came from one base are together: of each stage and
// data source, what only one side changed, and what both changed alike. What they changed
// differently is a Contest, and has no entry: an entry made of both sides would tell of a
// run that never was. A stage without an entry is stale. Nothing is changed.
func Merge(base, ours, theirs *File) (*File, []Contest) {
	merged := New()
	var contests []Contest
	for _, sides := range together(base, ours, theirs) {
		b, o, t := sides.Base.text(), sides.Ours.text(), sides.Theirs.text()
		switch {
		case o == t, t == b:
			sides.Ours.apply(merged)
		case o == b:
			sides.Theirs.apply(merged)
		default:
			contests = append(contests, sides)
		}
	}
	return merged, contests
}

// Take gives a contested entry that of one side.
func (f *File) Take(side Record) { side.apply(f) }

// together returns what three files have of each name, data sources first, sorted.
func together(base, ours, theirs *File) []Contest {
	var all []Contest
	for _, path := range union(base.Data, ours.Data, theirs.Data) {
		all = append(all, Contest{base.source(path), ours.source(path), theirs.source(path)})
	}
	for _, name := range union(base.Stages, ours.Stages, theirs.Stages) {
		all = append(all, Contest{base.stage(name), ours.stage(name), theirs.stage(name)})
	}
	return all
}

func union[V any](of ...map[string]V) []string {
	keys := map[string]bool{}
	for _, one := range of {
		for key := range one {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func (f *File) source(path string) Record {
	record := Record{Source: path, Commit: f.Commits[path]}
	if content, found := f.Data[path]; found {
		record.Is = &content
	}
	return record
}

func (f *File) stage(name string) Record { return Record{Stage: name, Entry: f.Stages[name]} }

// text returns the entry as it stands in the file: equal texts are equal entries.
func (r Record) text() string {
	w := &writer{}
	switch {
	case r.Entry != nil:
		w.entry(r.Entry)
	case r.Is != nil:
		w.source(*r.Is, r.Commit)
	}
	return w.String()
}

// The lines around a contested data source in what EncodeContested writes. They tell it
// from what git itself leaves.
const (
	oursLine   = "<<<<<<< ours, for `flow lock resolve`\n"
	baseLine   = "||||||| base\n"
	middleLine = "=======\n"
	theirsLine = ">>>>>>> theirs, for `flow lock resolve`\n"
)

// EncodeContested is Encode with the data sources of contests between git's markers, for
// a person to choose. Contested stages are left out.
func (f *File) EncodeContested(contests []Contest) []byte {
	open := map[string]Contest{}
	marked := f.Clone()
	for _, contest := range contests {
		if contest.Source() {
			open[contest.Name()] = contest
			oneOf(contest).apply(marked)
		}
	}
	text := string(marked.Encode())
	for path, contest := range open {
		key := "  " + quote(path) + ":\n"
		placed := key + marked.source(path).text()
		text = strings.Replace(text, "\n"+placed, "\n"+contest.marked(key), 1)
	}
	return []byte(text)
}

// oneOf returns a side that has an entry.
func oneOf(c Contest) Record {
	if c.Ours.Is != nil {
		return c.Ours
	}
	return c.Theirs
}

// marked writes a contest as git marks one, in the manner of diff3.
func (c Contest) marked(key string) string {
	side := func(r Record) string {
		if r.Is == nil {
			return ""
		}
		return key + r.text()
	}
	return oursLine + side(c.Ours) + baseLine + side(c.Base) + middleLine + side(c.Theirs) + theirsLine
}
