package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"flow/pkg/lock"
)

// LockConflict returns what git could not merge of the lock file; nil when nothing is open.
// What git's index has of the three sides is exact, so it goes before the markers in the
// text, but not before those that flow made: some of these may have been chosen.
func (p *Project) LockConflict(ctx context.Context) (*lock.Conflict, error) {
	text, err := p.Root.Read(lock.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", lock.Name, err)
	}
	var marked *lock.Conflict
	var broken error
	if lock.Conflicted(text) {
		marked, broken = lock.ReadConflict(lock.Name, text)
		if broken == nil && marked.Chosen {
			return marked, nil
		}
	}
	sides, err := p.unmerged(ctx)
	if err != nil || sides != nil {
		return sides, err
	}
	return marked, broken
}

// unmerged reads the three sides from git's index; nil where the lock file is merged.
func (p *Project) unmerged(ctx context.Context) (*lock.Conflict, error) {
	if !p.Git {
		return nil, nil
	}
	listed, err := p.git(ctx, "ls-files", "-u", "-z", "--", lock.Name)
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	sides := [4]*lock.File{nil, lock.New(), lock.New(), lock.New()}
	for entry := range strings.SplitSeq(strings.TrimRight(string(listed), "\x00"), "\x00") {
		about, _, _ := strings.Cut(entry, "\t") // mode, object, stage
		words := strings.Fields(about)
		if len(words) != 3 || len(words[2]) != 1 || words[2] < "1" || words[2] > "3" {
			continue
		}
		text, err := p.git(ctx, "cat-file", "blob", words[1])
		if err != nil {
			return nil, err
		}
		stage := words[2][0] - '0'
		if sides[stage], err = lock.Decode(path.Join(":"+words[2], lock.Name), text); err != nil {
			return nil, err
		}
	}
	return &lock.Conflict{Base: sides[1], Ours: sides[2], Theirs: sides[3]}, nil
}
