package cache

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/store"
)

// errEnough says that whoever asked for entries wants no more of them.
var errEnough = errors.New("enough")

// Entries goes through a tree that is stored here and holds little of it in memory at a
// time, however many entries it has. Its bytes are compared with its digest first; an
// entry that turns out not to be valid comes after those before it. The errors are
// ReadTree's, and an error is the last that comes.
func (c *Cache) Entries(ctx context.Context, id digest.ID) iter.Seq2[TreeEntry, error] {
	return func(yield func(TreeEntry, error) bool) {
		err := c.decode(ctx, id, func(int64, int) error { return nil }, func(e TreeEntry) error {
			if !yield(e, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(TreeEntry{}, err)
		}
	}
}

// manyNames is how many IDs are held at a time; 128 MiB.
const manyNames = 4 << 20

// eachShelves calls do with the IDs of a tree's files, sorted and each once. Where they
// are more than most, it reads the tree several times and takes a part of them at a time:
// those of some of the store's folders, which their first byte names.
func (c *Cache) eachShelves(ctx context.Context, id digest.ID, most int, do func(ids []digest.ID) error) error {
	for from, to := 0, 256; from < 256; from, to = to, min(to+to-from, 256) {
		var ids []digest.ID
		limit := most
		err := c.decode(ctx, id, func(_ int64, lines int) error {
			ids = make([]digest.ID, 0, min(lines, most))
			return nil
		}, func(e TreeEntry) error {
			if first := int(e.ID[0]); !e.isFile() || first < from || first >= to {
				return nil
			}
			if ids = append(ids, e.ID); len(ids) >= limit {
				ids, to = fewer(ids, from, to, most/2)
				limit = max(limit, 2*len(ids))
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := do(sorted(ids)); err != nil {
			return err
		}
	}
	return nil
}

// fewer drops the later half of the shelves, unless some names were there many times.
func fewer(ids []digest.ID, from, to, most int) ([]digest.ID, int) {
	for ids = sorted(ids); len(ids) > most && to-from > 1; {
		to = from + (to-from)/2
		end, _ := slices.BinarySearchFunc(ids, byte(to), func(id digest.ID, first byte) int { return cmp.Compare(id[0], first) })
		ids = ids[:end]
	}
	return ids, to
}

// TreeIDs returns the digests of the objects that a stored tree needs; see Tree.IDs.
func (c *Cache) TreeIDs(ctx context.Context, id digest.ID) ([]digest.ID, error) {
	var ids []digest.ID
	for e, err := range c.Entries(ctx, id) {
		if err != nil {
			return nil, err
		}
		if e.isFile() {
			ids = append(ids, e.ID)
		}
	}
	return ids, nil
}

// decode reads a tree twice: to compare it with its digest and to count its lines, which
// begin is told, and to take it apart.
func (c *Cache) decode(ctx context.Context, id digest.ID, begin func(size int64, lines int) error, do func(TreeEntry) error) error {
	err := c.checked(ctx, id, func(o *store.Object) error {
		lines := new(lineCount)
		got, err := c.pour(ctx, lines, o.Reader())
		if err != nil {
			return fmt.Errorf("read object %s: %w", id, err)
		}
		if got != id {
			return c.mismatch(o, got)
		}
		if err := begin(o.Size, lines.n); err != nil {
			return err
		}
		text := &treeText{do: do}
		got, err = c.pour(ctx, text, o.Reader())
		if err == nil && got != id {
			err = fmt.Errorf("object %s changed while it was read", id)
		}
		if err == nil {
			err = text.end()
		}
		return err
	})
	var bad *TreeError
	if errors.As(err, &bad) {
		bad.ID = id
		return bad
	}
	if err != nil {
		return fmt.Errorf("read a tree: %w", err)
	}
	return nil
}

type lineCount struct{ n int }

func (l *lineCount) Write(text []byte) (int, error) {
	l.n += bytes.Count(text, []byte{'\n'})
	return len(text), nil
}

// treeText takes a tree's text apart that is written to it in pieces.
type treeText struct {
	do    func(TreeEntry) error
	check treeCheck
	line  int    // how many there were
	rest  []byte // the beginning of the next
}

// Write calls do for each entry whose line ends in the piece. Those of one piece share
// memory. The error is a *TreeError, or that of do.
func (t *treeText) Write(piece []byte) (int, error) {
	end := bytes.LastIndexByte(piece, '\n') + 1
	if t.line == 0 && (end == 0 && len(t.rest)+len(piece) >= len(treeHeader)) {
		return 0, t.noHeader()
	}
	if end > 0 {
		var text strings.Builder
		text.Grow(len(t.rest) + end)
		text.Write(t.rest)
		text.Write(piece[:end])
		t.rest = t.rest[:0]
		if err := t.lines(text.String()); err != nil {
			return 0, err
		}
	}
	t.rest = append(t.rest, piece[end:]...)
	return len(piece), nil
}

func (t *treeText) lines(text string) error {
	if t.line == 0 {
		rest, found := strings.CutPrefix(text, treeHeader)
		if !found {
			return t.noHeader()
		}
		t.line, text = 1, rest
	}
	for text != "" {
		line, after, _ := strings.Cut(text, "\n")
		t.line++
		entry, ok := decodeEntry(line)
		if !ok {
			return t.noEntry(line)
		}
		if err := t.check.entry(&entry); err != nil {
			err.Line = t.line
			return err
		}
		if err := t.do(entry); err != nil {
			return err
		}
		text = after
	}
	return nil
}

// end says that no more comes.
func (t *treeText) end() error {
	if t.line == 0 {
		return t.noHeader()
	}
	if len(t.rest) > 0 {
		t.line++
		return t.noEntry(string(t.rest))
	}
	return nil
}

func (t *treeText) noHeader() error {
	return &TreeError{Line: 1, Msg: fmt.Sprintf("the first line is not %q", strings.TrimSpace(treeHeader))}
}

func (t *treeText) noEntry(line string) error {
	return &TreeError{Line: t.line, Msg: fmt.Sprintf("%.200q is not an entry", line)}
}

// paths keeps texts in memory that many of them share.
type paths struct{ block strings.Builder }

const textBlock = 64 << 10

func (t *paths) keep(text string) string {
	if t.block.Cap()-t.block.Len() < len(text) {
		t.block = strings.Builder{}
		t.block.Grow(max(textBlock, len(text)))
	}
	from := t.block.Len()
	t.block.WriteString(text)
	return t.block.String()[from:]
}
