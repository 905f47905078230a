package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/bucket"
	"flow/pkg/digest"
	"flow/pkg/project"
	"flow/pkg/transfer"
	"flow/pkg/ui"
)

// cloudOptions is the words of `flow gc --cloud`.
type cloudOptions struct {
	project.MoveOptions
	cloud    bool
	projects []string
}

// cloudGrace is the grace period of a remote, unless somebody says another.
const cloudGrace = 24 * time.Hour

func (a *app) addCloudFlags(cmd *cobra.Command, o *cloudOptions) {
	flags := cmd.Flags()
	flags.BoolVarP(&o.cloud, "cloud", "c", false, "remove from the remote, not from the cache")
	flags.StringVarP(&o.Remote, "remote", "r", "", "with --cloud: the `name` of the remote; default: the default one")
	flags.StringSliceVarP(&o.projects, "projects", "p", nil, "with --cloud: keep also what the projects in these `folders` need")
	flags.IntVarP(&o.Jobs, "jobs", "j", 0, "with --cloud: at most `N` transfers at a time")
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
}

// openStock opens the project, to look into one of its remotes.
func (a *app) openStock(name string) (*project.Project, bucket.Spec, error) {
	p, err := a.open()
	if err != nil {
		return nil, bucket.Spec{}, err
	}
	spec, err := p.RemoteSpec(name)
	if err != nil {
		return nil, spec, err
	}
	return p, spec, p.Prepare()
}

// runCollectRemote removes from a remote what nobody needs.
func runCollectRemote(ctx context.Context, a *app, o *collectOptions) error {
	p, spec, err := a.openStock(o.Remote)
	if err != nil {
		return err
	}
	var keepers []project.Keeper
	var how transfer.CollectOptions
	keep := func(ctx context.Context, t *transfer.Transfer) (_ []project.Keeper, err error) {
		if keepers, err = o.remoteKeepers(ctx, a, p, t); err == nil && !how.Dry {
			err = p.LockGone(ctx, o.scope)
		}
		return keepers, err
	}
	doomed := map[digest.ID]int64{}
	how = transfer.CollectOptions{Grace: o.grace, Dry: true,
		Waiting: func(text string) { a.say("waiting: %s", text) },
		Doomed:  func(id digest.ID, size int64) { doomed[id] = size },
		Damaged: func(pack digest.ID, remote string) {
			a.note("pack %s of remote %s stays: an object in it is damaged; flow push --again mends it", pack.Hex(), remote)
		}}
	done, err := p.CollectRemote(ctx, o.MoveOptions, keep, how)
	if err != nil {
		return err
	}
	if done != (transfer.Collected{}) {
		if err := p.LockGone(ctx, o.scope); err != nil {
			return err
		}
	}
	if !o.dry && done != (transfer.Collected{}) {
		question := fmt.Sprintf("remove %s from remote %s, which nobody gets back from there?", describeRemoved(done), spec.Name)
		if !o.force && !a.confirm(question) {
			return errors.New("nothing was removed: not confirmed; --force does not ask")
		}
		how.Dry = false
		if done, err = p.CollectRemote(ctx, o.MoveOptions, keep, how); err != nil {
			return err
		}
	}
	told := remoteCollected{collectTold: collectTold{Dry: o.dry, Objects: done.Objects, Bytes: done.Bytes, Runs: done.Runs},
		Remote: spec.Name, Packs: done.Packs, Sifted: done.Sifted}
	if o.dry {
		stock, err := p.RemoteStock(ctx, o.MoveOptions, keepers)
		if err != nil {
			return err
		}
		if err := told.accountFor(ctx, p, keepers, stock.Sizes(), doomed); err != nil {
			return err
		}
	}
	return a.tellRemoved(told, done)
}

// remoteCollected is what `flow gc --cloud --json` prints.
type remoteCollected struct {
	collectTold
	Remote string `json:"remote"`
	Packs  int    `json:"packs"`  // that went, or would
	Sifted int    `json:"sifted"` // that gave way to smaller ones
}

// remoteKeepers returns who needs objects of a remote: this project, the history of runs here
// and there, and the projects that are named.
func (o *collectOptions) remoteKeepers(ctx context.Context, a *app, p *project.Project, t *transfer.Transfer) ([]project.Keeper, error) {
	keepers, err := o.keepers(ctx, p)
	if err != nil {
		return nil, err
	}
	if !o.noRuns {
		runs, err := p.RemoteRunKeepers(ctx, t)
		if err != nil {
			return nil, err
		}
		keepers = append(keepers, runs...)
	}
	for _, folder := range o.projects {
		at := folder
		if !filepath.IsAbs(at) {
			at = filepath.Join(a.dir, at)
		}
		other, err := project.Open(at)
		if err != nil {
			return nil, err
		}
		theirs, err := o.keepers(ctx, other)
		if err == nil {
			err = other.LockGone(ctx, o.scope)
		}
		if err != nil {
			return nil, fmt.Errorf("project %s: %w", folder, err)
		}
		for i := range theirs {
			theirs[i].Revision = folder + ", " + theirs[i].Revision
		}
		keepers = append(keepers, theirs...)
	}
	return keepers, nil
}

func describeRemoved(c transfer.Collected) string {
	text := fmt.Sprintf("%s (%s)", ui.Count(c.Objects, "object"), ui.Bytes(max(0, c.Bytes)))
	if c.Packs+c.Sifted > 0 {
		text += fmt.Sprintf(", %s whole and %d in part", ui.Count(c.Packs, "pack"), c.Sifted)
	}
	return text + " and " + ui.Count(c.Runs, "remembered run")
}

func (a *app) tellRemoved(told remoteCollected, done transfer.Collected) error {
	if a.json {
		return ui.WriteJSON(a.out, told)
	}
	a.printShares("keeps", told.Keeps, told.Recent, "of late, or pushed of late by others")
	a.printShares("frees", told.Goes, told.Nobodys, "nobody's, as far as the history tells")
	switch {
	case done == (transfer.Collected{}):
		a.print("nothing to remove from %s", told.Remote)
	case told.Dry:
		a.print("would remove %s from %s", describeRemoved(done), told.Remote)
	default:
		a.print("removed %s from %s", describeRemoved(done), told.Remote)
	}
	return nil
}

// remoteUsage is what `flow du --remote --json` prints.
type remoteUsage struct {
	Remote  string          `json:"remote"`
	Bytes   int64           `json:"bytes"`
	Objects int             `json:"objects"` // alone, and in packs
	Alone   stockPart       `json:"alone"`
	Packs   stockPart       `json:"packs"`
	Runs    stockPart       `json:"runs"`             // blobs of remembered runs
	Other   int64           `json:"other"`            // bytes of indexes, histories and the like
	Owners  []project.Share `json:"owners,omitempty"` // who needs what, each object once
	Nobodys *project.Share  `json:"nobodys,omitempty"`
}

type stockPart struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

// runRemoteUsage says what a remote holds.
func runRemoteUsage(ctx context.Context, a *app, o project.MoveOptions) error {
	p, spec, err := a.openStock(o.Remote)
	if err != nil {
		return err
	}
	keepers, err := p.Keepers(ctx, project.DataScope{Commits: p.Git})
	if err != nil {
		// A history that can't be read whole tells less, and nothing wrong.
		if keepers, err = p.Keepers(ctx, project.DataScope{}); err != nil {
			return err
		}
	}
	stock, err := p.RemoteStock(ctx, o, keepers)
	if err != nil {
		return err
	}
	sizes := stock.Sizes()
	told := remoteUsage{Remote: spec.Name, Bytes: stock.Bytes(), Objects: len(sizes), Other: stock.Other}
	for _, one := range stock.Objects {
		told.Alone.add(one.Size)
	}
	for _, one := range slices.Concat(stock.Packs, stock.Halves) {
		told.Packs.add(one.Size)
	}
	for _, one := range stock.Actions {
		told.Runs.add(one.Size)
	}
	shares, rest, err := p.Shares(ctx, keepers, sizes)
	if err != nil {
		return err
	}
	told.Owners, told.Nobodys = shares, &rest
	if a.json {
		return ui.WriteJSON(a.out, told)
	}
	a.printShares("holds", shares, &rest, "nobody's, as far as the history tells")
	a.print("%s: %s, %s in %s and %s (%s), %s of runs (%s)", spec.Name, ui.Bytes(told.Bytes), ui.Count(told.Objects, "object"),
		ui.Count(told.Packs.Count, "pack"), ui.Count(told.Alone.Count, "blob"), ui.Bytes(told.Alone.Bytes),
		ui.Count(told.Runs.Count, "blob"), ui.Bytes(told.Runs.Bytes))
	return nil
}

func (s *stockPart) add(size int64) {
	s.Count++
	s.Bytes += max(0, size)
}
