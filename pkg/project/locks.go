package project

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"flow/pkg/lock"
)

// LockVersion is a lock file of the history, with a commit that has it.
type LockVersion struct {
	Name string // of the first of the commits
	File *lock.File
}

// Locks reads the lock files of commits, in order, each version once. Commits without one
// are left out. Two git processes are enough for any number of commits.
func (p *Project) Locks(ctx context.Context, names []string) ([]LockVersion, error) {
	var asked strings.Builder
	for _, name := range names {
		asked.WriteString(name + ":./" + lock.Name + "\n")
	}
	lines, err := p.gitInput(ctx, asked.String(), "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return nil, err
	}
	var versions []LockVersion
	var blobs strings.Builder
	seen := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n") {
		id, kind, _ := strings.Cut(line, " ")
		if kind == "blob" && !seen[id] && i < len(names) {
			seen[id] = true
			versions = append(versions, LockVersion{Name: names[i]})
			blobs.WriteString(id + "\n")
		}
	}
	out, err := p.gitInput(ctx, blobs.String(), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	return versions, decodeBatch(versions, bufio.NewReader(bytes.NewReader(out)))
}

// decodeBatch reads what git cat-file --batch prints: for each object a line that ends
// with its size, its bytes, a line end.
func decodeBatch(versions []LockVersion, in *bufio.Reader) error {
	for i := range versions {
		header, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		size, err := strconv.Atoi(strings.TrimSpace(header[strings.LastIndexByte(header, ' ')+1:]))
		if err != nil || size < 0 {
			return fmt.Errorf("git cat-file says %q", header)
		}
		text := make([]byte, size+1)
		if _, err := io.ReadFull(in, text); err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		if versions[i].File, err = lock.Decode(lock.Name, text[:size]); err != nil {
			return fmt.Errorf("the lock of %s can't be read: %w", versions[i].Name, err)
		}
	}
	return nil
}

// gitInput runs a git command that reads its input.
func (p *Project) gitInput(ctx context.Context, input string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = p.Root.Dir(), strings.NewReader(input)
	cmd.Env = append(p.gitEnvironment(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
