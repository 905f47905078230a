package workspace

import (
	"context"
	"slices"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// Relink is Checkout, and then brings out of the cache again what is linked to it, or
// copied from it, in another way than the cache does now. It returns how many files,
// links and empty directories it had to change. Each file holds its content at any
// moment; one that somebody changes meanwhile is left alone.
func (w *Workspace) Relink(ctx context.Context, name string, content digest.Content) (int, error) {
	changed, err := w.Checkout(ctx, name, content)
	if err != nil || !content.Exists() {
		return changed, err
	}
	save := &saving{w: w, name: name}
	if err := save.put(ctx); err != nil {
		return changed, err
	}
	linked, err := save.relink(ctx, w.wantsOther)
	return changed + linked, err
}

// relink brings the files out of the cache again that want it, and returns how many are
// linked otherwise now. A file that is no longer as it was saved is left alone.
func (s *saving) relink(ctx context.Context, wants func(e *entry) bool) (int, error) {
	var names []string
	var entries []*entry
	took := 0
	add := func(path string, e *entry) {
		if e.taken {
			s.w.relearn(under(s.name, path), e, e.stat)
			e.trusted = e.trusted || s.w.beginning(e.stat)
			took++
		} else if wants(e) {
			names, entries = append(names, under(s.name, path)), append(entries, e)
		}
	}
	if s.tree != nil {
		s.tree.each(add)
	} else {
		add("", s.file)
	}
	if len(names)+took == 0 {
		return 0, nil
	}
	was, linked := make([]cache.LinkKind, len(names)), make([]stat, len(names))
	err := parallel(ctx, len(names), func(i int) (err error) {
		was[i] = s.w.linkOf(entries[i])
		linked[i], err = s.w.relinkOne(ctx, names[i], entries[i], was[i])
		return err
	})
	if err != nil {
		return 0, err
	}
	changed := 0
	for i, e := range entries {
		s.w.relearn(names[i], e, linked[i])
		if linked[i].kind != digest.None && s.w.linkOf(e) != was[i] {
			changed++
		}
	}
	if s.tree == nil {
		s.w.rememberFile(s.name, s.file)
		return changed, nil
	}
	t := s.w.tree(s.name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learn(s.tree.encode(s.name, s.content))
	return changed, nil
}

// linkOf returns how a file is linked to its object; Copy when it is a person's own,
// and "" when it is neither.
func (w *Workspace) linkOf(e *entry) cache.LinkKind {
	object := entry{}
	switch {
	case e.linked && e.target == w.cache.Objects().Name(e.id):
		return cache.Symlink
	case e.linked:
		return ""
	case w.linkedObject(e.id, &object) == nil && object.stat.inode == e.stat.inode && object.stat.dev == e.stat.dev:
		return cache.Hardlink
	case e.stat.nlink <= 1 && e.stat.perm&mine == mine:
		return cache.Copy
	}
	return ""
}

// wantsLink reports whether a file could be a link to its object, and isn't.
func (w *Workspace) wantsLink(e *entry) bool {
	if e.stat.kind != digest.File || e.stat.size == 0 {
		return false
	}
	kind := w.linkOf(e)
	return kind != cache.Hardlink && !(kind == cache.Symlink && slices.Contains(w.cache.Links(), cache.Symlink))
}

// wantsOther reports whether a file isn't linked in the first way that the cache may.
func (w *Workspace) wantsOther(e *entry) bool {
	if !e.stat.regular() {
		return false
	}
	is := w.linkOf(e)
	linkable := e.stat.kind == digest.File && e.stat.size > 0
	for _, kind := range w.cache.Links() {
		switch {
		case kind == cache.Reflink && is == cache.Copy: // it may be one; what comes next decides
		case kind == cache.Reflink:
			return true
		case kind == cache.Copy || linkable:
			return is != kind
		}
	}
	return false // there always is a copy
}

// relinkOne returns the stat that the new link has, of kind None when the file was
// left alone.
func (w *Workspace) relinkOne(ctx context.Context, name string, e *entry, is cache.LinkKind) (stat, error) {
	now, err := w.entryAt(name)
	if err != nil {
		return stat{}, err
	}
	if is == cache.Hardlink || is == cache.Symlink {
		now.stat.ctime = e.stat.ctime // which changes with each link to the object
	}
	if now.linked != e.linked || !now.stat.same(e.stat) {
		return stat{}, nil
	}
	if err := w.cache.Link(ctx, e.id, e.stat.kind, w.root, name); err != nil {
		return stat{}, err
	}
	now, err = w.entryAt(name)
	if err != nil {
		return stat{}, err
	}
	return now.stat, nil
}

// relearn takes the stat of a linked file once more: each further link to the same
// object has changed its ctime.
func (w *Workspace) relearn(name string, e *entry, linked stat) {
	e.trusted = false
	now, err := w.entryAt(name)
	if err != nil || linked.kind == digest.None || now.stat.size != linked.size || now.stat.mtime != linked.mtime || now.stat.inode != linked.inode {
		return
	}
	e.stat, e.linked, e.target = now.stat, now.linked, now.target
	e.trusted = w.clock.begin(e.stat)
}
