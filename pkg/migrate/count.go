package migrate

import (
	"context"
	"maps"
	"slices"

	"flow/pkg/dvc"
)

// needs is the contents that are needed, each once, with the paths that hold them.
type needs map[string]dvc.Item

// needed lists what the project holds now: data and outs.
func (p *Plan) needed() needs {
	n := needs{}
	for _, source := range p.project.Sources {
		n[source.Path] = source.Item
	}
	for _, stage := range p.pipeline.Commands() {
		entry := p.entries[stage.Name]
		if entry == nil {
			continue
		}
		for _, item := range entry.Outs {
			n[placeOf(stage, item)] = item
		}
	}
	return n
}

// count looks for the objects that are needed. It reads lists of files, nothing else.
func (p *Plan) count(ctx context.Context) error {
	cache, err := dvc.OpenCache(p.project.Config.CacheDir(p.project.Root))
	if err != nil {
		return err
	}
	defer cache.Close()
	p.Objects.Dir = cache.Dir()
	c := &counting{cache: cache, seen: map[dvc.Hash]bool{}, objects: &p.Objects}
	needed := p.needed()
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		before := c.objects.Missing
		if err := c.item(ctx, needed[name]); err != nil {
			return err
		}
		if c.objects.Missing > before && !p.project.Root.Exists(name) {
			c.objects.Lacking = append(c.objects.Lacking, name)
		}
	}
	return nil
}

type counting struct {
	cache   *dvc.Cache
	seen    map[dvc.Hash]bool
	objects *Objects
}

func (c *counting) item(ctx context.Context, item dvc.Item) error {
	files := item.Below
	switch {
	case item.Hash.Dir:
		var err error
		if files, err = c.cache.Manifest(ctx, item.Hash); err != nil {
			c.objects.Missing++ // or Apply will say what is wrong with it
			return ctx.Err()
		}
	case item.Hash.MD5 != "":
		c.object(item.Hash)
	}
	for _, file := range files {
		c.object(dvc.Hash{MD5: file.MD5, Legacy: item.Hash.Legacy})
	}
	return nil
}

func (c *counting) object(hash dvc.Hash) {
	if c.seen[hash] {
		return
	}
	c.seen[hash] = true
	object, err := c.cache.Find(hash)
	if err != nil {
		c.objects.Missing++
		return
	}
	c.objects.Present++
	c.objects.Bytes += object.Size
}
