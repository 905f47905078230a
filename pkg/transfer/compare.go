package transfer

import (
	"context"
	"errors"
	"slices"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/store"
)

// Where is where an object is, of the cache and a remote.
type Where string

// The places of an object that is not in both.
const (
	New     Where = "new"     // in the cache only: push moves it
	Deleted Where = "deleted" // on the remote only: fetch moves it
	Missing Where = "missing" // in neither
)

// Difference is what a path holds that is not both in the cache and on the remote.
type Difference struct {
	Path    string      `json:"path"`
	Where   Where       `json:"state"`
	Objects int         `json:"objects"`
	Bytes   int64       `json:"bytes"`
	Remote  string      `json:"remote"`
	IDs     []digest.ID `json:"-"`
}

// Compare says what of some items is not both in the cache and on the remote, by path.
func (t *Transfer) Compare(ctx context.Context, items []Item) ([]Difference, error) {
	load := newCargo()
	owner := map[digest.ID]string{} // the item that an object is told with
	for _, item := range items {
		had := len(load.files)
		if item.Content.Mode != digest.Dir {
			load.addItem(item)
		} else {
			tree, err := t.Cache.ReadTree(ctx, item.Content.ID)
			if err != nil && !unreadable(err) {
				return nil, err
			}
			load.addTree(item, tree)
		}
		for _, o := range load.files[had:] {
			owner[o.id] = item.Path
		}
	}
	absent, err := t.Remote.Missing(ctx, load.ids())
	if err != nil {
		return nil, err
	}
	there := map[digest.ID]bool{}
	for _, id := range load.ids() {
		there[id] = true
	}
	for _, id := range absent {
		there[id] = false
	}
	var found differences
	for _, o := range slices.Concat(load.files, load.trees) {
		here, err := t.Cache.Objects().Has(ctx, o.id)
		if err != nil && !errors.Is(err, store.ErrAbsent) {
			return nil, err
		}
		if load.optional[o.id] && !here && !there[o.id] {
			continue
		}
		if path, of := owner[o.id]; of {
			o.path = path
		}
		found.add(o, here, there[o.id], t.Remote.Name)
	}
	slices.SortFunc(found, func(a, b Difference) int {
		return strings.Compare(a.Path+"\x00"+string(a.Where), b.Path+"\x00"+string(b.Where))
	})
	return found, nil
}

type differences []Difference

// add counts an object with its path, unless it is in both places.
func (d *differences) add(o object, here, there bool, remote string) {
	where := Missing
	switch {
	case here && there:
		return
	case here:
		where = New
	case there:
		where = Deleted
	}
	for i := range *d {
		if one := &(*d)[i]; one.Path == o.path && one.Where == where {
			one.Objects++
			one.Bytes += o.size
			one.IDs = append(one.IDs, o.id)
			return
		}
	}
	*d = append(*d, Difference{Path: o.path, Where: where, Objects: 1, Bytes: o.size, Remote: remote, IDs: []digest.ID{o.id}})
}
