package project

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/engine"
)

// SharesCache reports whether the cache is outside the project, so that others may use it.
func (p *Project) SharesCache() bool {
	rel, err := filepath.Rel(p.Root.Dir(), p.Cache.Root().Dir())
	return err != nil || !filepath.IsLocal(rel)
}

// claim is the project as a cache that several share knows it.
func (p *Project) claim() cache.Claim {
	host, _ := os.Hostname()
	return cache.Claim{Host: host, Path: p.Root.Dir()}
}

// Publish adds what the lock tells of, and what the runs of the history need, to what the
// project needs of a cache that several share. Where the cache is the project's own, there
// is nothing to do.
func (p *Project) Publish(ctx context.Context) error {
	if !p.SharesCache() {
		return nil
	}
	locked, err := p.Ledger.Read()
	if err != nil {
		return err
	}
	runs, err := p.RunKeepers(ctx)
	if err != nil {
		return err
	}
	claim := p.claim()
	if claim.Needs = append(engine.Contents(locked), Contents(runs)...); len(claim.Needs) == 0 {
		return nil
	}
	if err := p.Cache.Claim(claim, true); err != nil {
		return fmt.Errorf("tell the shared cache what this project needs: %w", err)
	}
	return nil
}

// Reclaim makes what keepers need all that the project needs of a shared cache.
func (p *Project) Reclaim(keepers []Keeper) error {
	if !p.SharesCache() {
		return nil
	}
	claim := p.claim()
	claim.Needs = Contents(keepers)
	return p.Cache.Claim(claim, false)
}

// Others returns what the other projects need that share the cache. A project on this
// machine whose folder is gone is returned apart: it needs nothing.
func (p *Project) Others() (keepers []Keeper, gone []cache.Claim, err error) {
	claims, err := p.Cache.Claims()
	if err != nil {
		return nil, nil, err
	}
	mine := p.claim()
	for _, claim := range claims {
		switch {
		case claim.Host == mine.Host && claim.Path == mine.Path && p.SharesCache():
		case claim.Host == mine.Host && left(claim.Path):
			gone = append(gone, claim)
		default:
			keepers = append(keepers, Keeper{Revision: strings.TrimPrefix(claim.Host+":", mine.Host+":") + claim.Path,
				Owner: "what that project needs", Contents: slices.Clone(claim.Needs)})
		}
	}
	return keepers, gone, nil
}

// left reports whether a project's folder is no more, while the folder above it, which may
// be on a disk that is not there now, is.
func left(path string) bool {
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		return false
	}
	_, err := os.Lstat(filepath.Dir(path))
	return err == nil
}
