package project

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// SharesCache reports whether the cache is another folder than the project's own, so that
// others may use it.
func (p *Project) SharesCache() bool {
	dir := p.Cache.Root().Dir()
	return dir != ownCache(p.Root.Dir()) && dir != p.Root.Dir() // which stands for a cache that can't be made
}

// ownCache is where a project has its cache that chooses no other place.
func ownCache(root string) string { return filepath.Join(root, State, "cache") }

// CacheOwner returns the root of the other project that has its own cache where this one
// has it; "" where there is none. That one has no claim: its cache is not known to be shared.
func (p *Project) CacheOwner() string {
	dir := p.Cache.Root().Dir()
	root := filepath.Dir(filepath.Dir(dir))
	if dir != ownCache(root) || root == p.Root.Dir() {
		return ""
	}
	for _, name := range []string{stages.File, lock.Name, State + "/.gitignore"} {
		if exists(filepath.Join(root, name)) {
			return root
		}
	}
	return ""
}

// Storing keeps what is put into the cache from being collected until release is called:
// by then the lock names it, and release tells a cache that several share of it.
func (p *Project) Storing(ctx context.Context, at string, waiting func(holder string)) (release func() error, err error) {
	guard, err := p.Cache.LockShared(ctx, fmt.Sprintf("process %d, at %s", os.Getpid(), at), waiting)
	if err != nil {
		return nil, fmt.Errorf("use the cache: %w", err)
	}
	return func() error {
		defer guard.Unlock()
		return p.Publish(context.WithoutCancel(ctx))
	}, nil
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

// Others returns what the other projects need that share the cache, but for those whose
// claims are to be forgotten. Another one on this machine that is not where it was is an
// error: whether it is gone, and what it needs by now, only a person knows.
func (p *Project) Others(ctx context.Context, forgotten []cache.Claim) ([]Keeper, error) {
	claims, err := p.Cache.Claims()
	if err != nil {
		return nil, err
	}
	mine := p.claim()
	same := func(a, b cache.Claim) bool { return a.Host == b.Host && a.Path == b.Path }
	var keepers []Keeper
	for _, claim := range claims {
		if same(claim, mine) && p.SharesCache() || slices.ContainsFunc(forgotten, func(f cache.Claim) bool { return same(f, claim) }) {
			continue
		}
		name := p.claimName(claim)
		if _, err := os.Lstat(claim.Path); claim.Host == mine.Host && os.IsNotExist(err) {
			return nil, fmt.Errorf("project %s uses this cache and is not where it was, so it can't be known what it needs by now\n"+
				"  mount it, or move it back; where it has moved to, run flow status there, which makes it known\n"+
				"  then, or when it is gone for good: flow gc --forget %s", name, name)
		}
		keepers = append(keepers, Keeper{Revision: name, Owner: needsOf, Contents: slices.Clone(claim.Needs)})
	}
	owner, err := p.ownerKeeps(ctx)
	return append(keepers, owner...), err
}

// Registered returns the claims of the projects that are named, so that they can be
// forgotten. One that is there and uses the cache is an error, and so is an unknown one.
func (p *Project) Registered(names []string) ([]cache.Claim, error) {
	claims, err := p.Cache.Claims()
	if err != nil {
		return nil, err
	}
	var found []cache.Claim
	for _, name := range names {
		at := slices.IndexFunc(claims, func(claim cache.Claim) bool { return p.claimName(claim) == name })
		switch {
		case at < 0:
			return nil, diag.At(diag.Pos{}, "no project %s is known to use the cache %s", name, p.Cache.Root().Dir())
		case claims[at].Host == p.claim().Host && p.usedAt(claims[at].Path):
			return nil, diag.At(diag.Pos{}, "project %s is there and uses this cache, so it is not forgotten", name).
				WithHint("to remove what it doesn't need, run flow gc there")
		}
		found = append(found, claims[at])
	}
	return found, nil
}

// needsOf is the owner of what another project needs.
const needsOf = "what that project needs"

// claimName is a claim's path, behind its machine where that is another.
func (p *Project) claimName(claim cache.Claim) string {
	return strings.TrimPrefix(claim.Host+":", p.claim().Host+":") + claim.Path
}

// ClaimNames returns the names of the other projects that the cache knows to use it.
func (p *Project) ClaimNames() ([]string, error) {
	claims, err := p.Cache.Claims()
	var names []string
	for _, claim := range claims {
		if name := p.claimName(claim); name != p.Root.Dir() {
			names = append(names, name)
		}
	}
	return names, err
}

// usedAt reports whether the project at a path uses this cache.
func (p *Project) usedAt(path string) bool {
	other, err := Open(path)
	return err == nil && other.Root.Dir() == path && other.Cache.Root().Dir() == p.Cache.Root().Dir()
}

// ownerKeeps returns what the project needs that has its own cache here: what its lock and
// all of its history tell of, as if it had been registered all the time.
func (p *Project) ownerKeeps(ctx context.Context) ([]Keeper, error) {
	root := p.CacheOwner()
	if root == "" {
		return nil, nil
	}
	fail := func(err error) ([]Keeper, error) {
		// Not wrapped: a place in that project's files is none in this one's.
		return nil, fmt.Errorf("project %s, whose own cache this is: %v\n  look there: flow -C %[1]s status", root, err)
	}
	owner, err := Open(root)
	if err != nil {
		return fail(err)
	}
	owner.foreign = true
	scope := DataScope{}
	if _, err := owner.commit(ctx, "HEAD"); !errors.Is(err, ErrNoGit) {
		scope.Commits = true
	}
	if err := owner.LockGone(ctx, scope); err != nil {
		return fail(err)
	}
	keepers, err := owner.Keepers(ctx, scope)
	if err != nil {
		return fail(err)
	}
	runs, err := owner.RunKeepers(ctx)
	if err != nil {
		return fail(err)
	}
	return []Keeper{{Revision: root, Owner: needsOf, Contents: Contents(append(keepers, runs...))}}, nil
}
