package workspace

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// cursor goes through the records of one directory as the scan goes through its
// entries: both are sorted.
type cursor struct {
	x         *index
	next, end int
}

func newCursor(x *index, at *node, from int) cursor {
	if x == nil || at.old < 0 || from >= len(at.entries) {
		return cursor{}
	}
	first, end := x.folder(at.old)
	return cursor{x, x.search(first, end, at.entries[from].name), end}
}

// find returns the number of a record, or -1. Names must come in order.
func (c *cursor) find(name string) int {
	for c.next < c.end {
		known := c.x.name(c.next)
		if string(known) > name {
			return -1
		}
		c.next++
		if string(known) == name {
			return c.next - 1
		}
	}
	return -1
}

// inspect finds out what an entry is, short of reading it.
func (s *scan) inspect(at *node, f folder, e *entry, old int) error {
	var err error
	e.old = old
	e.stat, err = f.stat(e.name)
	if isAbsent(err) {
		s.gone.Store(true)
		e.stat.kind = digest.None
		return nil
	}
	if err != nil {
		return err
	}
	if e.stat.kind == digest.Dir {
		e.dir = &node{name: e.name, path: join(at.path, e.name), old: -1, rules: at.rules}
	}
	if s.take == nil {
		return nil
	}
	if old < 0 {
		if err := disk.CheckName(e.name); err != nil {
			return fmt.Errorf("%s can't be kept: %w", under(s.name, join(at.path, e.name)), err)
		}
	}
	name := ""
	if at.rules != nil || !e.stat.regular() && e.dir == nil {
		name = under(cmp.Or(s.becomes, s.name), join(at.path, e.name))
	}
	if at.rules != nil && at.rules.ignores(name, e.dir != nil) {
		at.hidden.Store(true)
		e.stat.kind, e.dir = digest.None, nil
		return nil
	}
	if s.anything {
		return nil
	}
	if kind := special(e.stat.kind); kind != "" {
		return &SpecialError{Path: name, Kind: kind}
	}
	if e.stat.kind == digest.Link {
		if err := s.w.link(f, name, e); err != nil {
			return err
		}
	}
	if old >= 0 {
		e.recognise(s.old.record(old), s.now)
	}
	return nil
}

// recognise compares an entry with its record.
func (e *entry) recognise(was record, now int64) {
	switch {
	case was.kind != e.stat.kind:
	case e.dir != nil:
		e.dir.old, e.same = int(was.size), true
	case e.stat.kind == digest.Link:
		e.same = was.id == e.id
	case was.trusted && was.stat.same(e.stat) && e.stat.newest() <= now:
		e.id, e.trusted, e.same = was.id, true, true
	}
}

// link reads a symlink. One into the cache stands for the object's content; it is as
// if nothing were there when the object is gone.
func (w *Workspace) link(f folder, name string, e *entry) error {
	target, err := f.readlink(e.name)
	if isAbsent(err) {
		e.stat = stat{}
		return nil
	}
	if err != nil {
		return err
	}
	if id, found := w.objectOf(target); found {
		return w.linkedObject(id, e)
	}
	if Escapes(name, target) {
		return &EscapeError{Path: name, Target: target}
	}
	e.target, e.id, e.trusted = target, digest.Sum([]byte(target)), true
	e.stat.size = int64(len(target))
	return nil
}

// objectOf returns which object of the cache a link's target is.
func (w *Workspace) objectOf(target string) (digest.ID, bool) {
	if !filepath.IsAbs(target) || len(target) < 67 {
		return digest.ID{}, false
	}
	slashed := filepath.ToSlash(target)
	id, err := digest.ParseHex(path.Base(path.Dir(slashed)) + path.Base(slashed))
	if err != nil || w.cache.Root().Path(w.cache.Objects().Name(id)) != target {
		return digest.ID{}, false
	}
	return id, true
}

func (w *Workspace) linkedObject(id digest.ID, e *entry) error {
	w.objectsOnce.Do(func() { w.objects, w.objectsErr = openFolder(w.cache.Root(), ".") })
	if w.objectsErr != nil {
		return w.objectsErr
	}
	object := w.cache.Objects().Name(id)
	got, err := w.objects.stat(object)
	if isAbsent(err) {
		e.stat.kind = digest.None
		return nil
	}
	if err != nil {
		return fmt.Errorf("follow the link into the cache: %w", err)
	}
	if !got.regular() {
		return &SpecialError{Path: object, Kind: got.kind.String()}
	}
	got.kind = digest.File
	e.stat, e.linked, e.target = got, true, object
	return nil
}

// source returns where an entry's bytes are.
func (w *Workspace) source(f folder, e *entry) (folder, string) {
	if e.linked {
		return w.objects, e.target
	}
	return f, e.name
}

// alwaysIgnored reports whether flow never sees a name, whatever the rules say.
func alwaysIgnored(name string) bool {
	switch name {
	case ".git", ".flow", ".hg", ".dvc":
		return true
	}
	return false
}

// maxRules is how much of an ignore file is read.
const maxRules = 1 << 20

// readRules adds the rules of a directory's own ignore file to those of its parents.
func (s *scan) readRules(f folder, at *node) {
	_, found := slices.BinarySearchFunc(at.entries, IgnoreFile, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if found {
		at.rules = readRules(f, at.rules, under(s.name, at.path))
	}
}

func readRules(f folder, parent *rules, dir string) *rules {
	got, err := f.stat(IgnoreFile)
	if err != nil || !got.regular() {
		return parent
	}
	file, err := f.open(IgnoreFile)
	if err != nil {
		return parent
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxRules))
	if err != nil {
		return parent
	}
	return parseRules(parent, dir, text)
}

// rulesAbove returns the rules of all folders that name is in.
func (w *Workspace) rulesAbove(name string) *rules {
	var r *rules
	f, err := openFolder(w.root, ".")
	if err != nil {
		return nil
	}
	r = readRules(f, r, "")
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		part := path.Base(name[:i])
		below, err := f.sub(part)
		f.close()
		if err != nil {
			return r
		}
		f = below
		r = readRules(f, r, name[:i])
	}
	f.close()
	return r
}

// Ignored reports whether flow does not see a path, and which rule says so, as
// .flowignore:4:*.tmp. As with git, what is in an ignored folder can't be taken back.
func (w *Workspace) Ignored(name string, dir bool) (bool, string) {
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		part := name[:i]
		if alwaysIgnored(path.Base(part)) {
			return true, "always: " + path.Base(part)
		}
		r, p := w.rulesAbove(part).decide(part, i < len(name) || dir)
		if p == nil {
			continue
		}
		if !p.negated {
			return true, r.describe(p)
		}
		if i == len(name) {
			return false, r.describe(p)
		}
	}
	return false, ""
}
