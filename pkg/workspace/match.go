package workspace

import (
	"context"
	"path"
	"slices"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/glob"
)

// Match returns the files and links that a pattern matches, sorted, without those that
// an ignore file hides. Folders do not match, nor are links to folders looked into. A
// file whose name is the pattern, letter for letter, matches too.
func (w *Workspace) Match(ctx context.Context, pattern string) ([]string, error) {
	m := matching{w: w, pattern: glob.Compile(pattern, true), literal: pattern}
	for part := range strings.SplitSeq(pattern, "/") {
		m.parts = append(m.parts, glob.Compile(part, false))
		m.deep = append(m.deep, len(part) > 1 && strings.Trim(part, "*") == "")
	}
	base := glob.Base(pattern)
	if err := w.gate(base); base != "." && err != nil {
		return nil, err
	}
	in, err := openFolder(w.root, base)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, w.fail("look into", base, err)
	}
	if hidden, _ := w.Ignored(base, true); hidden && base != "." {
		in.close()
		return nil, nil
	}
	err = m.walk(ctx, in, base, w.rulesAbove(base))
	slices.Sort(m.found)
	return m.found, err
}

type matching struct {
	w       *Workspace
	pattern glob.Glob
	literal string
	parts   []glob.Glob
	deep    []bool // of parts: it stands for any number of folders
	found   []string
}

// walk looks through a folder, and closes it. The ignore rules are those above it, with
// its own.
func (m *matching) walk(ctx context.Context, in folder, dir string, above *rules) error {
	defer in.close()
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := in.list(make([]byte, 32<<10), nil)
	if isAbsent(err) {
		return nil // gone meanwhile
	}
	if err != nil {
		return m.w.fail("look into", dir, err)
	}
	if dir != "." {
		above = readRules(in, above, dir)
	}
	for _, name := range names {
		full := path.Join(dir, name)
		if alwaysIgnored(name) {
			continue
		}
		got, err := in.stat(name)
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return m.w.fail("look at", full, err)
		}
		switch {
		case above.ignores(full, got.kind == digest.Dir):
		case got.kind == digest.Dir:
			err = m.below(ctx, in, name, full, above)
		case (m.pattern.Match(full) || full == m.literal) && special(got.kind) == "":
			m.found = append(m.found, full)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// below looks through a folder in a folder, if the pattern leads there.
func (m *matching) below(ctx context.Context, in folder, name, full string, above *rules) error {
	if !m.leads(full) {
		return nil
	}
	inner, err := in.sub(name)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return m.w.fail("look into", full, err)
	}
	return m.walk(ctx, inner, full, above)
}

// leads reports whether something in a folder may match.
func (m *matching) leads(dir string) bool {
	i := 0
	for part := range strings.SplitSeq(dir, "/") {
		switch {
		case i >= len(m.parts)-1:
			return false
		case m.deep[i]:
			return true
		case !m.parts[i].Match(part):
			return false
		}
		i++
	}
	return i < len(m.parts)
}
