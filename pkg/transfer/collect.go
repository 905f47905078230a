package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/pack"
	"flow/pkg/remote"
	"flow/pkg/store"
)

// CollectOptions says how Collect works.
type CollectOptions struct {
	Grace   time.Duration // what is younger stays, and what pushes relied on that ended lately
	Dry     bool
	Waiting func(string)                        // is told, once, for whom it waits; may be nil
	Doomed  func(id digest.ID, size int64)      // is told of each object that goes; may be nil
	Damaged func(pack digest.ID, remote string) // is told of packs that stay as they are damaged; may be nil
}

// Collected is what Collect removed.
type Collected struct {
	Objects int   // that are nowhere on the remote now
	Bytes   int64 // by which the remote has become smaller
	Packs   int   // that were removed whole
	Sifted  int   // that gave way to smaller ones
	Runs    int   // remembered runs
}

// Collect removes from the remote what nobody needs: all objects but those of the contents
// that keep returns, of claims, and of what is younger than the grace period. keep is asked
// when nobody pushes any more, and nobody does until all is done (see the holds of package
// remote), so that what a push found there stays there.
//
// A remembered run goes when a content of its is not needed. A pack goes when nothing in it
// is needed; when most of it isn't, what is needed goes into a new one first. What names
// objects goes before them, so that a collection that is cut short leaves nothing that can't
// be had.
func (t *Transfer) Collect(ctx context.Context, keep func(context.Context) ([]digest.Content, error), options CollectOptions) (Collected, error) {
	c := &collecting{t: t, o: options, now: time.Now(), still: func() error { return ctx.Err() }}
	if !options.Dry {
		hold, err := t.Remote.Collecting(ctx, options.Waiting)
		if err != nil {
			return c.done, err
		}
		defer hold.Release(context.WithoutCancel(ctx))
		c.now = hold.Now()
		c.still = func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if hold.Lost() {
				return fmt.Errorf("remote %s was out of reach for so long that others may push by now; collect again", t.Remote.Name)
			}
			return nil
		}
	}
	var err error
	if c.stock, err = t.Remote.Stock(ctx); err != nil {
		return c.done, err
	}
	contents, err := keep(ctx)
	if err != nil {
		return c.done, err
	}
	if err := c.need(ctx, contents); err != nil {
		return c.done, err
	}
	c.sort()
	if options.Dry {
		return c.done, nil
	}
	return c.done, c.remove(ctx)
}

// collecting is one Collect at work.
type collecting struct {
	t     *Transfer
	o     CollectOptions
	now   time.Time
	still func() error // an error when it must stop
	stock *remote.Stock
	done  Collected

	needed map[digest.ID]bool
	runs   map[digest.ID]*cache.Runs // by blob

	alone  []remote.Stored // that go
	whole  []remote.Stored // packs that go
	sifted []remote.Stored // packs of which most goes
}

// young reports whether the grace period keeps a blob. One whose age is not told stays.
func (c *collecting) young(one remote.Stored) bool {
	return one.Modified.IsZero() || c.now.Sub(one.Modified) < c.o.Grace
}

// need finds all objects that must stay.
func (c *collecting) need(ctx context.Context, contents []digest.Content) error {
	contents = slices.Clone(contents)
	if c.o.Grace > 0 {
		claims, err := c.t.Remote.Claims(ctx, c.now, c.o.Grace)
		if err != nil {
			return err
		}
		contents = append(contents, claims...)
	}
	c.runs = map[digest.ID]*cache.Runs{}
	for _, blob := range c.stock.Actions {
		text, err := c.t.Remote.ReadActions(ctx, blob.ID)
		if err != nil {
			return fmt.Errorf("it can't be known which remembered runs to keep: %w", err)
		}
		some := cache.NewRuns()
		if err := some.Add(text); err != nil {
			return fmt.Errorf("it can't be known which remembered runs to keep: actions/%s: %w", blob.ID.Hex(), err)
		}
		c.runs[blob.ID] = some
		if c.young(blob) {
			for _, item := range itemsOf(some) {
				contents = append(contents, item.Content)
			}
		}
	}
	return c.expand(ctx, contents)
}

// expand adds what contents need: of directories, what their lists name. Those that are not
// here come from the remote. One that is in neither place names nothing that anybody could
// have; one that is damaged on the remote could be mended, so that nothing goes.
func (c *collecting) expand(ctx context.Context, contents []digest.Content) error {
	c.needed = map[digest.ID]bool{}
	var lists []Item
	seen := map[digest.ID]bool{}
	for _, content := range contents {
		c.needed[content.ID] = true
		if content.Mode == digest.Dir && !seen[content.ID] {
			seen[content.ID] = true
			lists = append(lists, Item{Path: "a list of files", Content: content, Within: func(string) bool { return false }})
		}
	}
	if _, err := c.t.Fetch(ctx, lists); err != nil {
		var corrupt *store.CorruptError
		if !errors.Is(err, store.ErrAbsent) || errors.As(err, &corrupt) {
			return fmt.Errorf("it can't be known what to keep: %w", err)
		}
	}
	for _, list := range lists {
		tree, err := c.t.Cache.ReadTree(ctx, list.Content.ID)
		switch {
		case errors.Is(err, store.ErrAbsent):
			continue
		case err != nil:
			return fmt.Errorf("it can't be known what to keep: %w", err)
		}
		for _, id := range tree.IDs() {
			c.needed[id] = true
		}
	}
	return nil
}

// sort finds what goes.
func (c *collecting) sort() {
	left := map[digest.ID]bool{} // objects that are there afterwards
	for _, one := range c.stock.Objects {
		if c.needed[one.ID] || c.young(one) {
			left[one.ID] = true
		} else {
			c.alone = append(c.alone, one)
			c.done.Bytes += one.Size
		}
	}
	for _, one := range c.stock.Packs {
		var total, useful int64
		for i := range one.Pack.Len() {
			e := one.Pack.At(i)
			total += int64(e.Size) + 1
			if c.needed[e.ID] {
				useful += int64(e.Size) + 1
			}
		}
		switch {
		case c.young(one) || useful*2 >= total:
			for i := range one.Pack.Len() {
				left[one.Pack.At(i).ID] = true
			}
			continue
		case useful == 0:
			c.whole = append(c.whole, one)
			c.done.Bytes += one.Size
		default:
			c.sifted = append(c.sifted, one)
			c.done.Bytes += one.Size - useful
			for i := range one.Pack.Len() {
				if id := one.Pack.At(i).ID; c.needed[id] {
					left[id] = true
				}
			}
		}
	}
	for _, one := range c.stock.Halves {
		if !c.young(one) {
			c.whole = append(c.whole, one)
			c.done.Bytes += one.Size
		}
	}
	c.done.Packs, c.done.Sifted = len(c.whole), len(c.sifted)
	for id, size := range c.stock.Sizes() {
		if !left[id] {
			c.done.Objects++
			if c.o.Doomed != nil {
				c.o.Doomed(id, size)
			}
		}
	}
	for _, blob := range c.stock.Actions {
		if !c.young(blob) {
			c.done.Runs += c.unwanted(c.runs[blob.ID])
		}
	}
}

// unwanted counts the remembered runs that need what may go.
func (c *collecting) unwanted(runs *cache.Runs) int {
	n := 0
	for _, result := range runs.Results() {
		if !c.wanted(result) {
			n++
		}
	}
	return n
}

func (c *collecting) wanted(result cache.Result) bool {
	return !slices.ContainsFunc(itemsOfOne(result), func(item Item) bool { return !c.needed[item.Content.ID] })
}

// remove removes what goes: first the remembered runs, then packs, then objects.
func (c *collecting) remove(ctx context.Context) error {
	if err := c.removeRuns(ctx); err != nil {
		return err
	}
	var mostly []*pack.Pack
	for _, one := range c.sifted {
		mostly = append(mostly, one.Pack)
	}
	added, damaged, err := c.t.Remote.Sift(ctx, mostly, func(id digest.ID) bool { return c.needed[id] }, c.still)
	if err != nil {
		return err
	}
	going := slices.Clone(c.whole)
	for _, one := range c.sifted {
		if slices.Contains(damaged, one.ID) {
			c.done.Sifted--
			if c.o.Damaged != nil {
				c.o.Damaged(one.ID, c.t.Remote.Name)
			}
			continue
		}
		going = append(going, one)
	}
	bytes := -added
	err = remote.Each(ctx, c.t.jobs(), going, func(ctx context.Context, one remote.Stored) error {
		if err := c.still(); err != nil {
			return err
		}
		return c.t.Remote.DeletePack(ctx, one.ID)
	})
	if err != nil {
		return err
	}
	for _, one := range going {
		bytes += one.Size
	}
	err = remote.Each(ctx, c.t.jobs(), c.alone, func(ctx context.Context, one remote.Stored) error {
		if err := c.still(); err != nil {
			return err
		}
		return c.t.Remote.DeleteAlone(ctx, one.ID)
	})
	if err != nil {
		return err
	}
	for _, one := range c.alone {
		bytes += one.Size
	}
	c.done.Bytes = bytes
	return c.t.Remote.Sweep(ctx)
}

// removeRuns removes remembered runs, and leaves the others of their blobs in a new one.
func (c *collecting) removeRuns(ctx context.Context) error {
	kept := cache.NewRuns()
	var going []digest.ID
	for _, blob := range c.stock.Actions {
		runs := c.runs[blob.ID]
		if c.young(blob) || c.unwanted(runs) == 0 {
			continue
		}
		runs.Keep(c.wanted)
		if err := kept.Add(runs.Encode()); err != nil {
			return err
		}
		going = append(going, blob.ID)
	}
	if len(going) == 0 {
		return nil
	}
	if err := c.still(); err != nil {
		return err
	}
	if kept.Len() > 0 {
		if err := c.t.Remote.PutActions(ctx, kept.Encode()); err != nil {
			return err
		}
	}
	mine := digest.Sum(kept.Encode())
	for _, id := range going {
		if id == mine {
			continue
		}
		if err := c.still(); err != nil {
			return err
		}
		if err := c.t.Remote.DeleteActions(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
