package workspace

import (
	"sync"

	"flow/pkg/digest"
)

// glance keeps folders open, so that many paths can be looked at for one call each, and
// what they hold, so that they are looked at once.
type glance struct {
	mu       sync.Mutex
	folders  map[string]folder
	contents map[string]digest.Content
}

// keptOpen is how many folders a glance keeps: a process may have few descriptors.
const keptOpen = 16

// kept is a folder that whoever uses it doesn't close.
type kept struct{ folder }

func (kept) close() {}

// Glance makes it cheap to ask after many paths in a row: until end is called, folders
// that were opened once are looked into as they were found, and what a path held once it
// holds. It is for when this process changes nothing, such as the making of a plan.
func (w *Workspace) Glance() (end func()) {
	g := &glance{folders: map[string]folder{}, contents: map[string]digest.Content{}}
	if !w.glance.CompareAndSwap(nil, g) {
		return func() {} // somebody glances already
	}
	return func() {
		w.glance.Store(nil)
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, f := range g.folders {
			f.close()
		}
		g.folders = nil
	}
}

// folderAt opens a folder, or takes one that a glance has open.
func (w *Workspace) folderAt(name string) (folder, error) {
	g := w.glance.Load()
	if g == nil {
		return openFolder(w.root, name)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if f, found := g.folders[name]; found {
		return kept{f}, nil
	}
	f, err := openFolder(w.root, name)
	if err != nil || g.folders == nil || len(g.folders) == keptOpen {
		return f, err
	}
	g.folders[name] = f
	return kept{f}, nil
}

// seen returns what a glance has found at a path.
func (w *Workspace) seen(name string) (digest.Content, bool) {
	g := w.glance.Load()
	if g == nil {
		return digest.Content{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	content, found := g.contents[name]
	return content, found
}

// Peek looks at a path ahead of who will ask for its Digest while there is a glance: a file
// that did not change is told by its stat, and nothing else is done about any other. It
// reports whether nobody had looked there.
func (w *Workspace) Peek(name string) (first bool) {
	if _, found := w.seen(name); found {
		return false
	}
	at, err := w.find(name)
	if err != nil {
		return true // who asks for the Digest is told
	}
	defer at.close()
	if !at.stat.regular() {
		return true
	}
	if e, err := w.inspectFile(name, at); err == nil && e.same {
		w.see(name, e.content())
	}
	return true
}

// see keeps what a path holds, while there is a glance.
func (w *Workspace) see(name string, content digest.Content) {
	if g := w.glance.Load(); g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.contents[name] = content
	}
}
