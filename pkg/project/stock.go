package project

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"flow/pkg/digest"
	"flow/pkg/remote"
	"flow/pkg/runs"
	"flow/pkg/store"
	"flow/pkg/transfer"
)

// CollectRemote removes from a remote what no keeper needs. keep is asked when nobody pushes
// any more.
func (p *Project) CollectRemote(ctx context.Context, options MoveOptions, keep func(context.Context, *transfer.Transfer) ([]Keeper, error), how transfer.CollectOptions) (transfer.Collected, error) {
	var done transfer.Collected
	_, err := p.withRemote(p.remoteName(options.Remote), options, func(t *transfer.Transfer) (result transfer.Result, err error) {
		done, err = t.Collect(ctx, func(ctx context.Context) ([]digest.Content, error) {
			keepers, err := keep(ctx, t)
			return Contents(keepers), err
		}, how)
		return result, err
	})
	return done, err
}

// RemoteStock lists what a remote holds, and brings the lists of the directories of keepers
// here, as far as somebody has them, so that Shares can tell whose it is.
func (p *Project) RemoteStock(ctx context.Context, options MoveOptions, keepers []Keeper) (*remote.Stock, error) {
	var stock *remote.Stock
	_, err := p.withRemote(p.remoteName(options.Remote), options, func(t *transfer.Transfer) (result transfer.Result, err error) {
		if stock, err = t.Remote.Stock(ctx); err != nil {
			return result, err
		}
		_, err = t.Fetch(ctx, listItems(Contents(keepers)))
		var corrupt *store.CorruptError
		if errors.Is(err, store.ErrAbsent) || errors.As(err, &corrupt) {
			err = nil // whose it is, is then not known
		}
		return result, err
	})
	return stock, err
}

// listItems returns the lists of those contents that are directories.
func listItems(contents []digest.Content) []transfer.Item {
	var items []transfer.Item
	seen := map[digest.ID]bool{}
	for _, content := range contents {
		if content.Mode == digest.Dir && !seen[content.ID] {
			seen[content.ID] = true
			items = append(items, transfer.Item{Path: "a list of files", Content: content, Within: func(string) bool { return false }})
		}
	}
	return items
}

// RemoteRunKeepers returns what the runs need that a remote has the history of, in whosever
// history they are.
func (p *Project) RemoteRunKeepers(ctx context.Context, t *transfer.Transfer) ([]Keeper, error) {
	notes, err := notesByRun(ctx, t.Remote)
	if err != nil {
		return nil, err
	}
	h := &receivingRuns{p: p, t: t, notes: notes}
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(notes)), func(id string) bool { return !has(notes[id], noteRecord) })
	var mu sync.Mutex
	all := map[string]receivedRun{}
	err = remote.Each(ctx, t.Remote.Jobs, ids, func(ctx context.Context, id string) error {
		one, err := h.readOne(ctx, id)
		if err != nil {
			return fmt.Errorf("it can't be known what run %s of remote %s needs: %w", id, t.Remote.Name, err)
		}
		mu.Lock()
		defer mu.Unlock()
		all[id] = one
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := p.bringLocks(ctx, t, all); err != nil {
		return nil, err
	}
	var keepers []Keeper
	for _, id := range ids {
		contents, err := p.RunContents(ctx, all[id].run)
		if err != nil && !errors.Is(err, store.ErrAbsent) { // one without its lock can't be had back anyway
			return nil, fmt.Errorf("it can't be known what run %s of remote %s needs: %w", id, t.Remote.Name, err)
		}
		for _, file := range all[id].logs {
			contents = append(contents, logContent(file))
		}
		keepers = append(keepers, Keeper{Revision: "run " + id, Owner: all[id].run.Name, Contents: contents})
	}
	return keepers, nil
}

// bringLocks brings the locks of some runs here, as far as the remote has them.
func (p *Project) bringLocks(ctx context.Context, t *transfer.Transfer, all map[string]receivedRun) error {
	var items []transfer.Item
	for id, one := range all {
		if !one.run.Lock.IsZero() {
			items = append(items, transfer.Item{Path: "the lock of run " + id, Content: digest.Content{ID: one.run.Lock, Mode: digest.File}, Optional: true})
		}
	}
	_, err := t.Fetch(ctx, items)
	return err
}

func logContent(file runs.LogFile) digest.Content {
	return digest.Content{ID: file.Hash, Mode: digest.File, Size: file.Size}
}
