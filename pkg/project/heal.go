package project

import (
	"context"
	"errors"
	"fmt"

	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/tracking"
	"flow/pkg/workspace"
)

// Heal puts objects that the cache lacks there again, from the files in the workspace that
// hold them still, and returns how many it had. What nothing holds stays lacking.
func (p *Project) Heal(ctx context.Context, e *engine.Engine, lacking map[digest.ID]bool) (int, error) {
	side, err := p.Present(ctx, e)
	if err != nil {
		return 0, err
	}
	healed := map[digest.ID]bool{}
	for name, content := range side.Contents {
		names := map[string]digest.ID{}
		if lacking[content.ID] {
			if err := p.healWhole(ctx, side, name, content, healed); err != nil {
				return len(healed), err
			}
		}
		if content.Mode == digest.Dir {
			tree, _, err := side.Tree(ctx, name, content)
			if err != nil {
				return len(healed), err
			}
			for _, entry := range tree {
				if lacking[entry.ID] && (entry.Mode == digest.File || entry.Mode == digest.Exec) {
					names[name+"/"+entry.Path] = entry.ID
				}
			}
		}
		for path, id := range names {
			if healed[id] {
				continue
			}
			held, err := p.saveAgain(ctx, path, id)
			if err != nil {
				return len(healed), err
			}
			if held {
				healed[id] = true
			}
		}
	}
	return len(healed), nil
}

// healWhole puts what a path holds there again, of a directory also the files that nobody
// knew to be lacking as its list was not there.
func (p *Project) healWhole(ctx context.Context, side tracking.Side, name string, content digest.Content, healed map[digest.ID]bool) error {
	ids := []digest.ID{content.ID}
	if content.Mode == digest.Dir {
		tree, _, err := side.Tree(ctx, name, content)
		if err != nil {
			return err
		}
		ids = append(ids, tree.IDs()...)
	}
	absent, err := p.Cache.Absent(ctx, ids)
	if err != nil {
		return err
	}
	held, err := p.saveAgain(ctx, name, content.ID)
	if err != nil || !held {
		return err
	}
	healed[content.ID] = true
	for _, id := range absent {
		healed[id] = true
	}
	return nil
}

// saveAgain puts what a path holds into the cache, and reports whether that is still what
// it held when it was looked at.
func (p *Project) saveAgain(ctx context.Context, path string, id digest.ID) (bool, error) {
	content, err := p.Workspace.Save(ctx, path, workspace.SaveOptions{Copy: true})
	var changing *workspace.ChangingError
	if errors.As(err, &changing) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("save %s again: %w", path, err)
	}
	return content.ID == id, nil
}
