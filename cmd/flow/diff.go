package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/digest"
	"flow/pkg/project"
	"flow/pkg/tracking"
	"flow/pkg/ui"
)

// diffOptions is the words of `flow diff`.
type diffOptions struct {
	targets                   []string
	md, showHash, hideMissing bool
}

// newDiffCmd returns `flow diff`.
func newDiffCmd(a *app) *cobra.Command {
	o := &diffOptions{}
	cmd := &cobra.Command{
		Use: "diff [A] [B]",
		Long: `Compare the data sources and outs of two revisions: what was added, modified, renamed
(the same content is at another path) and deleted, by file inside directories. A is HEAD
and B the workspace unless they are named.

What a directory held at a revision is read from the cache. Where it isn't there, the
directory is told as a whole.`,
		Example: `  flow diff
  flow diff v1.0 v2.0 --targets data/images
  flow diff HEAD~1 --md`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeRevisionsAndRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			revs := append(slices.Clone(args), []string{"HEAD", project.WorkspaceRevision}[len(args):]...)
			return runDiff(cmd.Context(), a, o, revs)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.targets, "targets", nil, "only these `paths`, and what is in them")
	flags.BoolVar(&o.md, "md", false, "print a Markdown table")
	flags.BoolVar(&o.showHash, "show-hash", false, "print digests, too")
	flags.BoolVar(&o.hideMissing, "hide-missing", false, "say nothing of what the cache lacks")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("md", "json")
	return cmd
}

// diffTold is what two revisions' data differs in.
type diffTold struct {
	tracking.Result
	missing []string // what the cache lacks of the second
}

func runDiff(ctx context.Context, a *app, o *diffOptions, revs []string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	var paths []string
	for _, target := range o.targets {
		name, err := a.local(p, target)
		if err != nil {
			return err
		}
		paths = append(paths, name)
	}
	var sides [2]tracking.Side
	for i, rev := range revs {
		side, err := a.side(ctx, p, rev)
		if err != nil {
			return err
		}
		sides[i] = side.Within(paths)
	}
	defer p.Remember()
	result, err := tracking.Compare(ctx, sides[0], sides[1], true)
	if err != nil {
		return err
	}
	result.Only(paths)
	told := diffTold{Result: result}
	if revs[1] != project.WorkspaceRevision && !o.hideMissing {
		if told.missing, err = p.NotCached(ctx, sides[1]); err != nil {
			return err
		}
	}
	if o.hideMissing {
		told.Unknown = nil
	}
	return a.tellDiff(told, o)
}

// side returns the data of a revision, or of the files on disk.
func (a *app) side(ctx context.Context, p *project.Project, name string) (tracking.Side, error) {
	if name != project.WorkspaceRevision {
		return p.Recorded(ctx, name)
	}
	e, err := p.Engine()
	if err != nil {
		return tracking.Side{}, err
	}
	return p.Present(ctx, e)
}

func (a *app) tellDiff(told diffTold, o *diffOptions) error {
	switch {
	case a.json:
		return ui.WriteJSON(a.out, told.json())
	case o.md:
		fmt.Fprint(a.out, changeTable(told.Changes, o.showHash).Markdown())
		return nil
	}
	a.printChanges(told.Changes, o.showHash, "")
	style := ui.StyleFor(a.out)
	for _, path := range told.missing {
		a.print("%s %s", style.Red("not in the cache"), path)
	}
	for _, path := range told.Unknown {
		a.note("what %s held is not in the cache, so its files are not told: flow fetch", path)
	}
	a.print("%s", countChanges(told.Changes))
	return nil
}

// printChanges prints a line for each change.
func (a *app) printChanges(changes []tracking.Change, showHash bool, indent string) {
	style := ui.StyleFor(a.out)
	paint := map[tracking.Kind]func(string) string{tracking.Added: style.Green, tracking.Modified: style.Yellow,
		tracking.Renamed: style.Cyan, tracking.Deleted: style.Red}
	for _, c := range changes {
		hash := ""
		if showHash {
			hash = "  " + hashes(c)
		}
		a.print("%s%s %s%s", indent, paint[c.Kind](fmt.Sprintf("%-8s", c.Kind)), changedPath(c), hash)
	}
}

func changedPath(c tracking.Change) string {
	if c.Kind == tracking.Renamed {
		return shownPath(c.From, c.Was) + " → " + shownPath(c.Path, c.Is)
	}
	if !c.Is.Exists() {
		return shownPath(c.Path, c.Was)
	}
	return shownPath(c.Path, c.Is)
}

// shownPath marks what is a directory.
func shownPath(path string, content digest.Content) string {
	if content.Mode == digest.Dir {
		return path + "/"
	}
	return path
}

func hashes(c tracking.Change) string {
	switch c.Kind {
	case tracking.Modified:
		return c.Was.ID.Short() + " → " + c.Is.ID.Short()
	case tracking.Deleted:
		return c.Was.ID.Short()
	}
	return c.Is.ID.Short()
}

// countChanges is the last line: 2 added, 1 modified.
func countChanges(changes []tracking.Change) string {
	counts := map[tracking.Kind]int{}
	for _, c := range changes {
		counts[c.Kind]++
	}
	var parts []string
	for _, kind := range tracking.Kinds() {
		if counts[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[kind], kind))
		}
	}
	if len(parts) == 0 {
		return "no changes"
	}
	return strings.Join(parts, ", ")
}

func changeTable(changes []tracking.Change, showHash bool) ui.Table {
	table := ui.Table{Header: []string{"Status", "Hash", "Path"}}
	for _, c := range changes {
		table.Rows = append(table.Rows, []string{string(c.Kind), hashes(c), changedPath(c)})
	}
	if !showHash {
		return table.Without(1)
	}
	return table
}

// changeTold is one change as JSON tells it.
type changeTold struct {
	Path string `json:"path"`
	From string `json:"from,omitempty"`
	Dir  bool   `json:"dir,omitempty"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
}

func changesJSON(changes []tracking.Change) map[tracking.Kind][]changeTold {
	told := map[tracking.Kind][]changeTold{}
	for _, kind := range tracking.Kinds() {
		told[kind] = []changeTold{}
	}
	for _, c := range changes {
		told[c.Kind] = append(told[c.Kind], changeTold{Path: c.Path, From: c.From,
			Dir: c.Is.Mode == digest.Dir || c.Was.Mode == digest.Dir, Was: hashText(c.Was), Is: hashText(c.Is)})
	}
	return told
}

func hashText(content digest.Content) string {
	if content.ID.IsZero() {
		return ""
	}
	return content.ID.String()
}

func (told diffTold) json() map[string]any {
	object := map[string]any{"not_in_cache": some(told.missing), "unknown": some(told.Unknown)}
	for kind, changes := range changesJSON(told.Changes) {
		object[string(kind)] = changes
	}
	return object
}

// some is a list that JSON writes as one also when it is empty.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
