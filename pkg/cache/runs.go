package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Runs is remembered runs on their way between caches.
//
// Its encoding is the line "flow runs v1", then the records as they are in files (see
// record), each behind a line with its length in bytes, sorted by their names.
type Runs struct{ byFile map[string]*record }

const runsHeader = "flow runs v1\n"

// NewRuns returns none.
func NewRuns() *Runs { return &Runs{byFile: map[string]*record{}} }

// Len returns how many results there are.
func (r *Runs) Len() int {
	n := 0
	for _, record := range r.byFile {
		n += len(record.results)
	}
	return n
}

// Results returns all results, the oldest first.
func (r *Runs) Results() []Result {
	var all []Result
	for _, record := range r.byFile {
		all = append(all, record.results...)
	}
	slices.SortFunc(all, func(a, b Result) int { return a.Time.Compare(b.Time) })
	return all
}

// Encode writes the runs as bytes: the same runs, the same bytes.
func (r *Runs) Encode() []byte {
	text := []byte(runsHeader)
	for _, file := range slices.Sorted(maps.Keys(r.byFile)) {
		record := r.byFile[file].encode()
		text = append(strconv.AppendInt(text, int64(len(record)), 10), '\n')
		text = append(text, record...)
	}
	return text
}

// Add adds what Encode wrote. What is not of it is an error, and nothing is added.
func (r *Runs) Add(text []byte) error {
	rest, found := bytes.CutPrefix(text, []byte(runsHeader))
	if !found {
		return errors.New("these are no remembered runs")
	}
	var all []*record
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		size, ok := parseSize(string(line))
		if !ok || size > int64(len(after)) || size > maxRecord {
			return errors.New("the remembered runs are cut short")
		}
		record, err := decodeRecord(after[:size])
		if err != nil {
			return fmt.Errorf("a remembered run is damaged: %w", err)
		}
		all = append(all, record)
		rest = after[size:]
	}
	for _, record := range all {
		r.add(record)
	}
	return nil
}

func (r *Runs) add(more *record) {
	file := more.action.file()
	if r.byFile[file] == nil {
		r.byFile[file] = &record{action: more.action}
	}
	r.byFile[file].merge(more)
}

// merge adds the results of another record of the same action, and says how many of them
// were not known. The results stay in the order of their times.
func (r *record) merge(more *record) int {
	all := slices.Concat(r.results, more.results)
	slices.SortStableFunc(all, func(a, b Result) int { return a.Time.Compare(b.Time) })
	merged := &record{}
	for _, result := range all {
		merged.add(result)
	}
	added := 0
	for _, result := range merged.results {
		if !r.knows(result) {
			added++
		}
	}
	if added > 0 {
		r.results = merged.results
	}
	return added
}

// knows reports whether there is a result with the same outs.
func (r *record) knows(result Result) bool {
	return slices.ContainsFunc(r.results, func(known Result) bool { return known.sameOuts(result) })
}

// Keep drops the results that are not wanted, and returns how many that were.
func (r *Runs) Keep(wanted func(Result) bool) int {
	dropped := 0
	for file, record := range r.byFile {
		kept := slices.DeleteFunc(slices.Clone(record.results), func(result Result) bool { return !wanted(result) })
		dropped += len(record.results) - len(kept)
		if len(kept) == 0 {
			delete(r.byFile, file)
			continue
		}
		record.results = kept
	}
	return dropped
}

// RunsNotIn returns the remembered runs that are wanted, all of whose objects are here, and
// that others don't have.
func (c *Cache) RunsNotIn(ctx context.Context, known *Runs, wanted func(Result) bool) (*Runs, error) {
	fresh := NewRuns()
	err := c.eachRecord(ctx, func(file string, r *record, err error) error {
		if err != nil {
			return nil
		}
		some := &record{action: r.action}
		for _, result := range r.results {
			if had := known.byFile[file]; had != nil && had.knows(result) || !wanted(result) {
				continue
			}
			whole, err := c.whole(ctx, result)
			if err != nil {
				return err
			}
			if whole {
				some.results = append(some.results, result)
			}
		}
		if len(some.results) > 0 {
			fresh.add(some)
		}
		return nil
	})
	return fresh, err
}

// Learn remembers runs from elsewhere, and returns how many were not known. Their objects
// need not be here: until they are, the runs are of no use.
func (c *Cache) Learn(ctx context.Context, runs *Runs) (int, error) {
	if len(runs.byFile) == 0 {
		return 0, nil
	}
	release, err := c.lockActions(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	learnt := 0
	for _, file := range slices.Sorted(maps.Keys(runs.byFile)) {
		kept, err := c.readRecord(file)
		if err != nil && !isDamaged(err) {
			return learnt, err
		}
		if kept == nil {
			kept = &record{action: runs.byFile[file].action}
		}
		added := kept.merge(runs.byFile[file])
		if added == 0 {
			continue
		}
		if err := c.replaceRecord(file, kept); err != nil {
			return learnt, fmt.Errorf("remember runs from elsewhere: %w", err)
		}
		learnt += added
	}
	return learnt, nil
}
