package runs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// removedFile names the runs that a person removed, each on a line: they don't come back
// from a remote by themselves.
const removedFile = "removed"

// Removed returns the ids of the runs that a person removed.
func (h *History) Removed() (map[string]bool, error) {
	text, err := h.root.Read(h.dir + "/" + removedFile)
	if err != nil && h.root.Exists(h.dir+"/"+removedFile) {
		return nil, fmt.Errorf("read which runs were removed: %w", err)
	}
	ids := map[string]bool{}
	for id := range strings.Lines(string(text)) {
		if id = strings.TrimSpace(id); IsID(id) {
			ids[id] = true
		}
	}
	return ids, nil
}

// Remove removes a run that nobody is at work on, for good. What it has in the cache is
// left to be collected.
func (h *History) Remove(ctx context.Context, id string) error {
	if err := h.drop(id); err != nil {
		return err
	}
	guard, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	if err := h.root.Append(h.dir+"/"+removedFile, []byte(id+"\n"), 0o644); err != nil {
		return fmt.Errorf("remove run %s: %w", id, err)
	}
	return nil
}

// Forgive forgets that a run was removed.
func (h *History) Forgive(ctx context.Context, id string) error {
	guard, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	ids, err := h.Removed()
	if err != nil || !ids[id] {
		return err
	}
	delete(ids, id)
	text := ""
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		text += id + "\n"
	}
	return h.root.Replace(h.dir+"/"+removedFile, []byte(text), 0o644)
}
