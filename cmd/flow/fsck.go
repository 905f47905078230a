package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/store"
	"flow/pkg/transfer"
	"flow/pkg/ui"
)

// fsckOptions is the words of `flow fsck`.
type fsckOptions struct {
	repair bool
	project.MoveOptions
}

// newFsckCmd returns `flow fsck`.
func newFsckCmd(a *app) *cobra.Command {
	o := &fsckOptions{}
	cmd := &cobra.Command{
		Use: "fsck",
		Long: `Read every object of the cache and compare it with its digest, and look for objects
that the lock tells of and the cache lacks. Damaged objects are moved to corrupt/ in
the cache, so that no one gets them; repro makes them again. With --repair, what is
damaged or missing comes from files of the workspace that still hold it, else from a
remote.`,
		Example: "  flow fsck\n  flow fsck --repair",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runFsck(cmd.Context(), a, o) },
	}
	cmd.Flags().BoolVar(&o.repair, "repair", false, "get what is damaged or missing from the workspace or a remote")
	cmd.Flags().StringVarP(&o.Remote, "remote", "r", "", "with --repair: the `name` of the remote")
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	a.jsonFlag(cmd)
	return cmd
}

// fsckTold is what `flow fsck --json` prints.
type fsckTold struct {
	Objects int         `json:"objects"`
	Bytes   int64       `json:"bytes"`
	Faults  []fsckFault `json:"faults"`
	// Healed is the objects that came from the workspace, Repaired those from a remote.
	Healed   int `json:"healed,omitempty"`
	Repaired int `json:"repaired,omitempty"`
}

// fsckFault is one object that is not as it should be.
type fsckFault struct {
	Kind   string   `json:"kind"` // damaged, missing
	ID     string   `json:"hash,omitempty"`
	Paths  []string `json:"paths"`          // what the lock needs it for
	Runs   []string `json:"runs,omitempty"` // the runs of the history that need it, where the lock does not
	Detail string   `json:"detail"`
}

func runFsck(ctx context.Context, a *app, o *fsckOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	if o.repair {
		stored, err := a.storing(ctx, p, "flow fsck")
		if err != nil {
			return err
		}
		defer stored()
	}
	told, err := checkCache(ctx, p)
	healed := 0
	if err == nil && o.repair && len(told.Faults) > 0 {
		if healed, err = heal(ctx, p, told); err == nil && healed > 0 {
			told, err = checkCache(ctx, p)
		}
	}
	for repaired := 0; err == nil && o.repair; {
		var more int
		if more, err = a.repair(ctx, p, told, o.MoveOptions); err != nil || more == 0 {
			break
		}
		repaired += more // a tree that came may name objects that are missing, too
		told, err = checkCache(ctx, p)
		told.Repaired = repaired
	}
	told.Healed = healed
	return errors.Join(err, a.tellFsck(told))
}

// heal puts the objects with a fault into the cache again that files of the workspace
// hold, and returns how many there were.
func heal(ctx context.Context, p *project.Project, told fsckTold) (int, error) {
	e, err := p.Engine()
	if err != nil {
		return 0, nil // what the workspace holds is not known without a pipeline
	}
	lacking := map[digest.ID]bool{}
	for _, fault := range told.Faults {
		if id, err := digest.Parse(fault.ID); err == nil {
			lacking[id] = true
		}
	}
	return p.Heal(ctx, e, lacking)
}

// repair gets the objects with a fault from a remote, and returns how many came. What
// doesn't come stays a fault.
func (a *app) repair(ctx context.Context, p *project.Project, told fsckTold, options project.MoveOptions) (int, error) {
	data, err := importsOf(p, told.Faults)
	if err != nil {
		return 0, err
	}
	for _, fault := range told.Faults {
		if id, err := digest.Parse(fault.ID); err == nil && !holdsAny(data, fault.Paths) {
			item := transfer.Item{Path: strings.Join(append(fault.Paths, fault.ID)[:1], ""), Content: digest.Content{ID: id, Mode: digest.File}}
			data = append(data, project.Data{Item: item, Push: true})
		}
	}
	if len(data) == 0 {
		return 0, nil
	}
	options.NoRuns, options.Sink = true, a.transferSink()
	results, err := p.Fetch(ctx, data, options)
	came := 0
	for _, result := range results {
		came += result.Objects
	}
	var corrupt *store.CorruptError
	if errors.Is(err, store.ErrAbsent) || errors.As(err, &corrupt) {
		err = nil // it stays a fault
	}
	return came, err
}

// importsOf returns the imported data that has faults: the repository that it came from has
// all of it.
func importsOf(p *project.Project, faults []fsckFault) ([]project.Data, error) {
	pipeline, err := p.Pipeline()
	if err != nil {
		return nil, nil // where data came from is not known without a pipeline
	}
	all, err := p.ImportedData(pipeline)
	return slices.DeleteFunc(all, func(d project.Data) bool {
		return !slices.ContainsFunc(faults, func(fault fsckFault) bool { return holdsAny([]project.Data{d}, fault.Paths) })
	}), err
}

// holdsAny reports whether a path is one of some data, or is inside of one.
func holdsAny(data []project.Data, paths []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		return slices.ContainsFunc(data, func(d project.Data) bool { return path == d.Path || strings.HasPrefix(path, d.Path+"/") })
	})
}

// checkCache looks at all of the cache.
func checkCache(ctx context.Context, p *project.Project) (fsckTold, error) {
	told := fsckTold{Faults: []fsckFault{}}
	locked, err := p.Ledger.Read()
	if err != nil {
		return told, err
	}
	needs := needed(p, locked)
	contents := make([]digest.Content, len(needs))
	for i, need := range needs {
		contents[i] = need.content
	}
	faults := map[digest.ID]fsckFault{}
	var records []fsckFault // damaged records of the run cache have no digest
	verified, err := p.Cache.Verify(ctx, contents, func(id digest.ID, wrong error) {
		fault := fsckFault{Kind: "damaged", ID: id.String(), Paths: []string{}, Detail: wrong.Error()}
		if errors.Is(wrong, store.ErrAbsent) {
			fault.Kind = "missing"
		}
		if id.IsZero() {
			records = append(records, fault)
		} else if _, known := faults[id]; !known {
			faults[id] = fault
		}
	})
	if err != nil {
		return told, fmt.Errorf("check the cache: %w", err)
	}
	told.Objects, told.Bytes = verified.Objects, verified.Bytes
	users := usersOf(ctx, p, needs, faults)
	for _, id := range slices.SortedFunc(maps.Keys(faults), digest.ID.Compare) {
		fault := faults[id]
		fault.Paths = append(fault.Paths, users[id]...)
		if len(fault.Paths) == 0 {
			fault.Runs = runsThatNeed(ctx, p, id)
		}
		told.Faults = append(told.Faults, fault)
	}
	told.Faults = append(told.Faults, records...)
	return told, nil
}

func (a *app) tellFsck(told fsckTold) error {
	if a.json {
		if err := ui.WriteJSON(a.out, told); err != nil {
			return err
		}
	}
	damaged := 0
	for _, fault := range told.Faults {
		if fault.Kind == "damaged" {
			damaged++
		}
	}
	if !a.json {
		printFaults(a, told.Faults)
		a.print("%s (%s) checked: %d damaged, %d missing", ui.Count(told.Objects, "object"), ui.Bytes(told.Bytes),
			damaged, len(told.Faults)-damaged)
		if told.Healed > 0 {
			a.print("%s came from the workspace", ui.Count(told.Healed, "object"))
		}
		if told.Repaired > 0 {
			a.print("%s came from the remote", ui.Count(told.Repaired, "object"))
		}
	}
	if len(told.Faults) == 0 {
		return nil
	}
	return engine.Missing(diag.At(diag.Pos{}, "the cache is not whole").
		WithHint("`flow fsck --repair` looks in the workspace and asks a remote; `flow repro` makes outs again; put data sources back, then `flow add` them"))
}

func printFaults(a *app, faults []fsckFault) {
	style := ui.StyleFor(a.out)
	for _, fault := range faults {
		what := fault.ID
		if what == "" {
			what = fault.Detail
		}
		a.print("%s  %s", style.Red(fault.Kind), what)
		switch {
		case fault.ID == "":
		case len(fault.Runs) > 0:
			a.print("         the lock does not need it, but to have back these runs does: %s", strings.Join(fault.Runs, ", "))
		case len(fault.Paths) == 0:
			a.print("         the lock does not need it")
		default:
			a.print("         is what the lock tells of %s", strings.Join(fault.Paths, ", "))
		}
	}
}

// need is a content that the cache should have, and the path that needs it.
type need struct {
	path    string
	content digest.Content
}

// needed returns what the lock tells of and the cache should have, sorted by path:
// not the outs that are declared cache: false.
func needed(p *project.Project, locked *lock.File) []need {
	uncached := map[string]bool{}
	if pipeline, err := p.Pipeline(); err == nil {
		for _, stage := range pipeline.Stages {
			for _, out := range stage.Outs {
				uncached[out.Path] = !out.Cache
			}
		}
	}
	var needs []need
	for _, entry := range locked.Stages {
		for _, out := range entry.Outs {
			if !uncached[out.Path] {
				needs = append(needs, need{out.Path, out.Content})
			}
		}
	}
	for path, content := range locked.Data {
		needs = append(needs, need{path, content})
	}
	slices.SortFunc(needs, func(a, b need) int { return strings.Compare(a.path, b.path) })
	return needs
}

// runsThatNeed returns the runs of the history that can't be had back without an object.
func runsThatNeed(ctx context.Context, p *project.Project, id digest.ID) []string {
	all, err := p.Runs.List()
	if err != nil {
		return nil
	}
	var ids []string
	for _, run := range all {
		contents, _ := p.RunContents(ctx, run) // without its lock, what the record names
		if slices.ContainsFunc(contents, func(content digest.Content) bool {
			if content.ID == id || content.Mode != digest.Dir {
				return content.ID == id
			}
			tree, err := p.Cache.ReadTree(ctx, content.ID)
			return err == nil && slices.Contains(tree.IDs(), id)
		}) {
			ids = append(ids, run.ID)
		}
	}
	return ids
}

// usersOf returns, for objects with a fault, the paths that they are needed for.
func usersOf(ctx context.Context, p *project.Project, needs []need, faults map[digest.ID]fsckFault) map[digest.ID][]string {
	users := map[digest.ID][]string{}
	if len(faults) == 0 {
		return users
	}
	for _, n := range needs {
		users[n.content.ID] = append(users[n.content.ID], n.path)
		if n.content.Mode != digest.Dir {
			continue
		}
		tree, err := p.Cache.ReadTree(ctx, n.content.ID)
		if err != nil {
			continue // the tree is a fault itself
		}
		for _, entry := range tree {
			users[entry.ID] = append(users[entry.ID], n.path+"/"+entry.Path)
		}
	}
	return users
}
