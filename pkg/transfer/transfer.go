// Package transfer moves contents between the cache and a remote, and compares the two.
//
// What goes over is whole or not seen: files before the trees that name them, both before
// the remembered runs that name these. What is there already does not go again, so that
// a transfer that was cut short goes on where it was.
package transfer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/event"
	"flow/pkg/remote"
	"flow/pkg/store"
)

// Item is something to move: what a path holds, or held in some revision.
type Item struct {
	Path    string
	Content digest.Content
	// Within, unless nil, says which paths within a directory are meant, relative to it.
	Within func(path string) bool
	// Optional says of a file that it is no loss where nobody has it.
	Optional bool
}

// Transfer is a cache and a remote between which contents are moved.
type Transfer struct {
	Cache  *cache.Cache
	Remote *remote.Remote
	Jobs   int        // how many at a time; 0: what the remote says
	Sink   event.Sink // gets event.Transfer; may be nil
	Again  bool       // push also what is there, each object by itself
}

// Result is what a transfer did.
type Result struct {
	Remote  string `json:"remote"`
	Objects int    `json:"objects"` // that were moved
	Bytes   int64  `json:"bytes"`
	Present int    `json:"present"` // objects that were there already
	Runs    int    `json:"runs"`    // remembered runs that were moved
	History int    `json:"history"` // runs of the history that were moved
}

// Add adds up two results.
func (r *Result) Add(other Result) {
	r.Objects += other.Objects
	r.Bytes += other.Bytes
	r.Present += other.Present
	r.Runs += other.Runs
	r.History += other.History
}

// MissingError says that a path can't be moved, as objects of its are nowhere.
type MissingError struct {
	Path    string
	Where   string // that hasn't them: "the cache", "remote store"
	Objects []digest.ID
	Advice  string
}

// Error names the path and the first object.
func (e *MissingError) Error() string {
	more := ""
	if n := len(e.Objects) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s: %s does not have %s%s", e.Path, e.Where, e.Objects[0], more)
}

// Unwrap says that it is about something absent.
func (e *MissingError) Unwrap() error { return store.ErrAbsent }

// Explain says what to do.
func (e *MissingError) Explain() (lines []string, hint string) { return nil, e.Advice }

// RefusedError says that what a remote has of a path is damaged, and did not come.
type RefusedError struct {
	Path string
	Err  *store.CorruptError
}

// Error names the path and the object.
func (e *RefusedError) Error() string { return fmt.Sprintf("%s was refused: %v", e.Path, e.Err) }

// Unwrap says what is damaged.
func (e *RefusedError) Unwrap() error { return e.Err }

// Explain says what to do.
func (e *RefusedError) Explain() (lines []string, hint string) {
	return nil, "who has it whole in the cache can mend the remote: flow push --again " + e.Path
}

func (t *Transfer) jobs() int {
	if t.Jobs > 0 {
		return t.Jobs
	}
	return t.Remote.Jobs
}

// object is one object of some items.
type object struct {
	id    digest.ID
	size  int64
	path  string // of the first item that needs it
	tree  bool
	names []digest.ID // of a tree: what it needs
}

// cargo is all objects of some items, each once, files before trees.
type cargo struct {
	files, trees []object
	seen         map[digest.ID]bool
	optional     map[digest.ID]bool
}

func newCargo() *cargo { return &cargo{seen: map[digest.ID]bool{}, optional: map[digest.ID]bool{}} }

// addItem adds an item that is a file.
func (c *cargo) addItem(item Item) {
	if item.Optional && !c.seen[item.Content.ID] {
		c.optional[item.Content.ID] = true
	}
	c.addFile(item.Content.ID, item.Content.Size, item.Path)
}

func (c *cargo) addFile(id digest.ID, size int64, path string) {
	if !c.seen[id] {
		c.seen[id] = true
		c.files = append(c.files, object{id: id, size: size, path: path})
	}
}

// addTree adds a tree and the files in it that are wanted.
func (c *cargo) addTree(item Item, tree cache.Tree) {
	if !c.seen[item.Content.ID] {
		c.seen[item.Content.ID] = true
		c.trees = append(c.trees, object{id: item.Content.ID, path: item.Path, tree: true, names: tree.IDs()})
	}
	for _, entry := range tree {
		if entry.Mode != digest.File && entry.Mode != digest.Exec || item.Within != nil && !item.Within(entry.Path) {
			continue
		}
		c.addFile(entry.ID, entry.Size, item.Path+"/"+entry.Path)
	}
}

func (c *cargo) ids() []digest.ID {
	ids := make([]digest.ID, 0, len(c.files)+len(c.trees))
	for _, o := range slices.Concat(c.files, c.trees) {
		ids = append(ids, o.id)
	}
	return ids
}

// unreadable reports whether an error says that a tree is absent, damaged or none.
func unreadable(err error) bool {
	var corrupt *store.CorruptError
	var bad *cache.TreeError
	return errors.Is(err, store.ErrAbsent) || errors.As(err, &corrupt) || errors.As(err, &bad)
}

// problems gathers what could not be moved, by path.
type problems struct {
	where, advice string
	byPath        map[string]*MissingError
	others        []error
	optional      map[digest.ID]bool // that may be missing
}

func newProblems(where, advice string) *problems {
	return &problems{where: where, advice: advice, byPath: map[string]*MissingError{}}
}

func (p *problems) missing(path string, id digest.ID) {
	if p.optional[id] {
		return
	}
	if p.byPath[path] == nil {
		p.byPath[path] = &MissingError{Path: path, Where: p.where, Advice: p.advice}
	}
	p.byPath[path].Objects = append(p.byPath[path].Objects, id)
}

// shown is how many paths an error names.
const shown = 10

func (p *problems) err() error {
	var all []error
	for _, missing := range p.byPath {
		all = append(all, missing)
	}
	slices.SortFunc(all, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if n := len(all) - shown; n > 0 {
		all = append(all[:shown], fmt.Errorf("and %d more paths: %w", n, store.ErrAbsent))
	}
	return errors.Join(append(p.others, all...)...)
}
