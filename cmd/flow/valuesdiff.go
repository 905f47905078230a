package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"flow/pkg/project"
	"flow/pkg/ui"
	"flow/pkg/values"
)

// fileChange is what changed in one file.
type fileChange struct {
	path    string
	changes []values.Change
	file    project.ValueFile // as the newer revision has it, for how it is judged
}

// runValuesDiff compares two revisions, or the first with the last of several.
func runValuesDiff(ctx context.Context, a *app, o *valuesOptions, revs []string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	for i, target := range o.Targets {
		if o.Targets[i], err = a.local(p, target); err != nil {
			return err
		}
	}
	d := &valuesDiff{o: o, revs: revs}
	for _, rev := range revs {
		files, err := a.valuesAt(ctx, p, o, rev)
		if err != nil {
			return err
		}
		d.sides = append(d.sides, files)
	}
	d.compare()
	if o.gate {
		return d.guard(a)
	}
	return d.show(a)
}

// valuesDiff is the values of several revisions side by side.
type valuesDiff struct {
	o       *valuesOptions
	revs    []string
	sides   [][]project.ValueFile
	changes []fileChange // between the first and the last; of several also what only differs between
}

func (d *valuesDiff) compare() {
	last := len(d.sides) - 1
	if last == 1 || d.o.all {
		d.changes = diffFiles(d.sides[0], d.sides[last], d.o.all)
		return
	}
	differs := map[string]bool{}
	for i := range last {
		for _, file := range diffFiles(d.sides[i], d.sides[i+1], false) {
			for _, change := range file.changes {
				differs[file.path+"\x00"+change.Key] = true
			}
		}
	}
	for _, file := range diffFiles(d.sides[0], d.sides[last], true) {
		file.changes = slices.DeleteFunc(file.changes, func(c values.Change) bool { return !differs[file.path+"\x00"+c.Key] })
		if len(file.changes) > 0 {
			d.changes = append(d.changes, file)
		}
	}
}

// show prints the comparison.
func (d *valuesDiff) show(a *app) error {
	if a.json {
		return ui.WriteJSON(a.out, d.json())
	}
	from, to := d.revs[0], d.revs[len(d.revs)-1]
	known, read := 0, true
	for _, side := range d.sides {
		known += len(side)
		read = read && allRead(side)
	}
	switch {
	case known == 0:
		a.say("no %s", noun(d.o.Params))
	case len(d.changes) == 0 && read:
		a.say("no %s differ between %s and %s", noun(d.o.Params), from, to)
	}
	a.printTable(d.table(), d.o.md)
	return nil
}

// guard prints what got worse, and fails when something did.
func (d *valuesDiff) guard(a *app) error {
	judged := false
	for i := range d.changes {
		file := &d.changes[i]
		judged = judged || len(file.file.Directions) > 0
		file.changes = slices.DeleteFunc(file.changes, func(c values.Change) bool { return !isRegression(verdict(*file, c)) })
	}
	for _, file := range d.sides[len(d.sides)-1] {
		judged = judged || len(file.Directions) > 0
	}
	d.changes = slices.DeleteFunc(d.changes, func(file fileChange) bool { return len(file.changes) == 0 })
	if a.json {
		if err := ui.WriteJSON(a.out, d.json()); err != nil {
			return err
		}
	} else {
		a.printTable(d.table(), d.o.md)
	}
	switch {
	case len(d.changes) > 0:
		a.say("%s worse than in %s", ui.StyleFor(a.err).Red("error:"), d.revs[0])
		return errSilent
	case !judged:
		a.say("%s no metric declares its direction, so none can get worse", ui.StyleFor(a.err).Yellow("note:"))
	default:
		a.say("nothing got worse")
	}
	return nil
}

// table has a column for each revision.
func (d *valuesDiff) table() ui.Table {
	from, to := d.revs[0], d.revs[len(d.revs)-1]
	table := diffTable(d.changes, d.o, from, to)
	if len(d.revs) == 2 {
		return table
	}
	column := slices.Index(table.Header, from) + 1
	for i, rev := range d.revs[1 : len(d.revs)-1] {
		table.Header = slices.Insert(table.Header, column+i, rev)
		row := 0
		for _, file := range d.changes {
			for _, change := range file.changes {
				table.Rows[row] = slices.Insert(table.Rows[row], column+i, d.cell(i+1, file.path, change.Key))
				row++
			}
		}
	}
	return table
}

// cell is a value of one of the sides.
func (d *valuesDiff) cell(side int, path, key string) string {
	if value := d.value(side, path, key); value != nil {
		return values.Format(*value, d.o.precision)
	}
	return values.Missing
}

func (d *valuesDiff) value(side int, path, key string) *values.Value {
	for _, file := range d.sides[side] {
		if file.Path != path {
			continue
		}
		for _, leaf := range file.Leaves {
			if leaf.Key == key {
				return &leaf.Value
			}
		}
	}
	return nil
}

// json is that of two; with more, each key has also the values by revision.
func (d *valuesDiff) json() object {
	told := diffJSON(d.changes)
	if len(d.revs) == 2 {
		return told
	}
	for i, file := range told {
		keys := file.value.(object)
		for j, key := range keys {
			byRev := object{}
			for side, rev := range d.revs {
				byRev = append(byRev, member{rev, d.value(side, file.key, key.key)})
			}
			keys[j].value = append(key.value.(object), member{"values", byRev})
		}
		told[i].value = keys
	}
	return told
}

func allRead(files []project.ValueFile) bool {
	return !slices.ContainsFunc(files, func(file project.ValueFile) bool { return file.Err != nil })
}

// valuesAt reads a revision's values. Where there is no git to ask, that is said,
// and the other side is shown all the same.
func (a *app) valuesAt(ctx context.Context, p *project.Project, o *valuesOptions, name string) ([]project.ValueFile, error) {
	revision, err := p.Revision(ctx, name)
	if errors.Is(err, project.ErrNoGit) {
		a.say("%s %s to compare with", ui.StyleFor(a.err).Yellow("note:"), err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files, err := revision.Values(ctx, o.Query)
	if err == nil {
		a.tellUnreadable(files, noun(o.Params), revision.Name)
	}
	return files, err
}

func diffFiles(old, now []project.ValueFile, all bool) []fileChange {
	byPath := map[string][2]project.ValueFile{}
	for i, files := range [][]project.ValueFile{old, now} {
		for _, file := range files {
			pair := byPath[file.Path]
			pair[i] = file
			byPath[file.Path] = pair
		}
	}
	var changes []fileChange
	for path, pair := range byPath {
		if found := values.Diff(pair[0].Leaves, pair[1].Leaves, all); len(found) > 0 {
			file := pair[1]
			if len(file.Directions) == 0 {
				file.Directions = pair[0].Directions
			}
			changes = append(changes, fileChange{path: path, changes: found, file: file})
		}
	}
	slices.SortFunc(changes, func(a, b fileChange) int { return strings.Compare(a.path, b.path) })
	return changes
}

// diffJSON has the shape of DVC's: file → key → old, new, diff.
func diffJSON(changes []fileChange) object {
	told := object{}
	for _, file := range changes {
		var keys object
		for _, change := range file.changes {
			told := object{{"old", change.Old}, {"new", change.New}}
			if change.Delta != nil {
				told = append(told, member{"diff", change.Delta})
			}
			if better := verdict(file, change); better != "" {
				told = append(told, member{"verdict", better})
			}
			keys = append(keys, member{change.Key, told})
		}
		told = append(told, member{file.path, keys})
	}
	return told
}

// verdict says how a change is to be judged, where the metric's direction is declared:
// better, worse, allowed (worse within the tolerance), gone (there is no number any
// more) or "".
func verdict(file fileChange, change values.Change) string {
	direction := file.file.Direction(change.Key)
	if direction == "" || change.Old == nil {
		return ""
	}
	old, wasNumber := change.Old.Float()
	if !wasNumber || math.IsNaN(old) {
		return ""
	}
	if change.New == nil {
		return "gone"
	}
	if now, isNumber := change.New.Float(); !isNumber || math.IsNaN(now) {
		return "gone"
	}
	delta, isNumber := change.Delta.Float()
	switch {
	case !isNumber || delta == 0:
		return ""
	case delta > 0 == (direction == "higher"):
		return "better"
	case file.file.Tolerance(change.Key).Allows(old, delta):
		return "allowed"
	}
	return "worse"
}

func isRegression(verdict string) bool { return verdict == "worse" || verdict == "gone" }

func diffTable(changes []fileChange, o *valuesOptions, from, to string) ui.Table {
	label := "Metric"
	if o.Params {
		label = "Param"
	}
	table := ui.Table{Header: []string{"Path", label, from, to}}
	judged := false
	for _, file := range changes {
		for _, change := range file.changes {
			old, now, delta := values.FormatChange(change, o.precision)
			row := []string{file.path, change.Key, old, now}
			if !o.Params {
				better := verdict(file, change)
				judged = judged || better != ""
				row = append(row, delta, better)
			}
			table.Rows = append(table.Rows, row)
		}
	}
	if !o.Params {
		table.Header = append(table.Header, "Change", "Verdict")
	}
	if !o.Params && !judged {
		table = table.Without(len(table.Header) - 1)
	}
	if o.noPath {
		table = table.Without(0)
	}
	return table
}
