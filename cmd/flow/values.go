package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"flow/pkg/project"
	"flow/pkg/ui"
	"flow/pkg/values"
)

func trimEnd(text string) string { return strings.TrimRight(text, "\n") }

// showJSON has the shape of DVC's: revision → data → file → data → values.
func showJSON(all []shown) object {
	var told object
	for _, one := range all {
		var files object
		for _, file := range one.files {
			if file.Err != nil {
				files = append(files, member{file.Path, object{{"error", errorJSON(file.Err)}}})
				continue
			}
			files = append(files, member{file.Path, object{{"data", leavesJSON(file.Leaves)}}})
		}
		told = append(told, member{one.name, object{{"data", files}}})
	}
	return told
}

func errorJSON(err error) any { return ui.Problems(err) }

// leavesJSON nests leaves again by their dotted keys.
func leavesJSON(leaves []values.Leaf) object {
	var root object
	for _, leaf := range leaves {
		root = root.put(keyParts(leaf.Key), leaf.Value)
	}
	return root
}

// keyParts takes a dotted key apart; a part in quotes keeps its dots.
func keyParts(key string) []string {
	if !strings.HasPrefix(key, `"`) {
		return strings.Split(key, ".")
	}
	var parts []string
	for key != "" {
		decoder := json.NewDecoder(strings.NewReader(key))
		var part string
		if decoder.Decode(&part) != nil {
			return append(parts, key)
		}
		parts = append(parts, part)
		key = strings.TrimPrefix(key[decoder.InputOffset():], ".")
	}
	return parts
}

// object is a JSON object that keeps its order.
type object []member

type member struct {
	key   string
	value any
}

func (o object) put(path []string, value any) object {
	i := slices.IndexFunc(o, func(m member) bool { return m.key == path[0] })
	if len(path) == 1 {
		return append(o, member{path[0], value})
	}
	if i < 0 {
		return append(o, member{path[0], object{}.put(path[1:], value)})
	}
	if below, isObject := o[i].value.(object); isObject {
		o[i].value = below.put(path[1:], value)
	}
	return o
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{m.key, m.value} {
			text, err := marshal(part)
			if err != nil {
				return nil, err
			}
			b.Write(text)
			if j == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// fileChange is what changed in one file.
type fileChange struct {
	path    string
	changes []values.Change
	file    project.ValueFile // as the newer revision has it, for directions
}

func runValuesDiff(ctx context.Context, a *app, o *valuesOptions, from, to string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	for i, target := range o.Targets {
		if o.Targets[i], err = a.local(p, target); err != nil {
			return err
		}
	}
	old, err := a.valuesAt(ctx, p, o, from)
	if err != nil {
		return err
	}
	now, err := a.valuesAt(ctx, p, o, to)
	if err != nil {
		return err
	}
	changes := diffFiles(old, now, o.all)
	if a.json {
		return ui.WriteJSON(a.out, diffJSON(changes))
	}
	switch {
	case len(old)+len(now) == 0:
		a.say("no %s", noun(o.Params))
	case len(changes) == 0 && allRead(old) && allRead(now):
		a.say("no %s differ between %s and %s", noun(o.Params), from, to)
	}
	a.printTable(diffTable(changes, o, from, to), o.md)
	return nil
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

// verdict says whether a change is for the better, where the metric's direction is
// declared: "better", "worse" or "".
func verdict(file fileChange, change values.Change) string {
	direction := file.file.Direction(change.Key)
	if direction == "" || change.Delta == nil {
		return ""
	}
	delta, isNumber := change.Delta.Float()
	switch {
	case !isNumber || delta == 0:
		return ""
	case delta > 0 == (direction == "higher"):
		return "better"
	}
	return "worse"
}

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
