package project

import (
	"context"
	"maps"
	"slices"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/tracking"
)

// Usage is how much room a data source or an out takes.
type Usage struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`   // bytes of its files
	Files  int    `json:"files"`  // and links
	Cached int64  `json:"cached"` // bytes of its objects in the cache, each once
	Shared int64  `json:"shared"` // bytes of those that other paths need, too
}

// Usage returns how much room each path takes, sorted by path, and all together, where
// what several share counts once in the cache. Paths inside a directory are told as parts
// of it.
func (p *Project) Usage(ctx context.Context, side tracking.Side, paths []string) ([]Usage, Usage, error) {
	objects, err := p.CachedObjects(ctx)
	if err != nil {
		return nil, Usage{}, err
	}
	var uses []use
	users := map[digest.ID]int{}
	within := side.Within(paths)
	for _, path := range slices.Sorted(maps.Keys(within.Contents)) {
		parts, err := p.uses(ctx, within, path, paths)
		if err != nil {
			return nil, Usage{}, err
		}
		for _, one := range parts {
			for id := range one.needs {
				users[id]++
			}
		}
		uses = append(uses, parts...)
	}
	total := Usage{}
	var all []Usage
	for _, one := range uses {
		for id := range one.needs {
			one.Cached += objects[id]
			if users[id] > 1 {
				one.Shared += objects[id]
			}
		}
		total.Size += one.Size
		total.Files += one.Files
		all = append(all, one.Usage)
	}
	for id, count := range users {
		total.Cached += objects[id]
		if count > 1 {
			total.Shared += objects[id]
		}
	}
	return all, total, nil
}

// use is a Usage with the objects that it is of.
type use struct {
	Usage
	needs map[digest.ID]bool
}

// uses returns what one path needs, or of a directory the parts that are asked for.
func (p *Project) uses(ctx context.Context, side tracking.Side, path string, asked []string) ([]use, error) {
	content := side.Contents[path]
	whole := use{Usage: Usage{Path: path, Size: content.Size, Files: max(1, content.Files)}, needs: map[digest.ID]bool{content.ID: true}}
	if content.Mode != digest.Dir {
		return []use{whole}, nil
	}
	whole.Files = content.Files
	tree, _, err := side.Tree(ctx, path, content)
	if err != nil {
		return nil, err
	}
	var parts []use
	for _, name := range asked {
		if rest, inside := strings.CutPrefix(name, path+"/"); inside {
			parts = append(parts, use{Usage: Usage{Path: path + "/" + rest}, needs: map[digest.ID]bool{}})
		}
	}
	for _, entry := range tree {
		full := path + "/" + entry.Path
		if entry.Mode == digest.File || entry.Mode == digest.Exec {
			whole.needs[entry.ID] = true
		}
		for i := range parts {
			if part := &parts[i]; full == part.Path || strings.HasPrefix(full, part.Path+"/") {
				part.Size += entry.Size
				if entry.Mode != digest.Dir {
					part.Files++
				}
				part.needs[entry.ID] = true
			}
		}
	}
	if len(parts) > 0 {
		return parts, nil
	}
	return []use{whole}, nil
}
