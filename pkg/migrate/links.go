package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"flow/pkg/digest"
	"flow/pkg/dvc"
)

// links puts what flow's own cache has in the place of symbolic links into DVC's, which
// DVC makes when its cache.type says so: for flow they would lead out of the project. The
// content stays the same. It returns how many there were.
func (p *Plan) links(ctx context.Context, target Target, in *intake) (int, error) {
	replaced := 0
	for _, name := range slices.Sorted(maps.Keys(p.needed())) {
		names, err := linksBelow(target, name)
		if err != nil {
			return replaced, err
		}
		for _, name := range names {
			done, err := in.replace(ctx, target, name)
			if err != nil {
				return replaced, fmt.Errorf("%s, a link into DVC's cache: %w", name, err)
			}
			if done {
				replaced++
			}
		}
	}
	return replaced, nil
}

// linksBelow returns the symbolic links at a path and below it.
func linksBelow(target Target, name string) ([]string, error) {
	info, err := target.Root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return []string{name}, nil
	case !info.IsDir():
		return nil, nil
	}
	entries, err := target.Root.ReadDir(name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			continue
		}
		below, err := linksBelow(target, path.Join(name, entry.Name()))
		if err != nil {
			return nil, err
		}
		names = append(names, below...)
	}
	return names, nil
}

// replace replaces one link, if it leads to an object of DVC's that is whole.
func (in *intake) replace(ctx context.Context, target Target, name string) (bool, error) {
	text, err := target.Root.Readlink(name)
	if err != nil {
		return false, err
	}
	absolute := filepath.FromSlash(text)
	if !filepath.IsAbs(absolute) {
		absolute = filepath.Join(filepath.Dir(target.Root.Path(name)), absolute)
	}
	hash, found := in.from.Behind(absolute)
	if !found {
		return false, nil
	}
	if err := in.take(ctx, []dvc.Item{{Hash: hash}}); err != nil {
		return false, err
	}
	object, whole := in.have[hash]
	if !whole {
		return false, nil
	}
	return true, target.Cache.Link(ctx, object.id, digest.File, target.Root, name)
}
