package pack

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"flow/pkg/digest"
)

// Writer writes a pack. It is not safe for use by several goroutines.
type Writer struct {
	to      io.Writer
	size    int64 // bytes written so far
	entries []Entry
	there   map[digest.ID]int // by digest, the place in entries; nil at the end, when these are sorted
	head    []byte
}

// Overhead returns how many bytes a pack of so many objects has besides theirs.
func Overhead(objects int) int { return len(magic) + objects*(headSize+entrySize) + TrailerSize }

// NewWriter begins a pack. It writes through to to at each Add.
func NewWriter(to io.Writer) (*Writer, error) {
	w := &Writer{to: to, there: map[digest.ID]int{}}
	return w, w.write([]byte(magic))
}

func (w *Writer) write(p []byte) error {
	n, err := w.to.Write(p)
	w.size += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// Add writes an object whose digest the caller has computed from these very bytes.
// One that is there already is not written again. After an error the pack can't be
// gone on with.
func (w *Writer) Add(id digest.ID, content []byte) (Entry, error) {
	if at, found := w.there[id]; found {
		return w.entries[at], nil
	}
	if len(content) > MaxObject {
		return Entry{}, fmt.Errorf("object %s has %d bytes: that is too large for a pack", id, len(content))
	}
	w.head = binary.LittleEndian.AppendUint32(append(w.head[:0], id[:]...), uint32(len(content)))
	if err := w.write(w.head); err != nil {
		return Entry{}, err
	}
	if err := w.write(content); err != nil {
		return Entry{}, err
	}
	e := Entry{ID: id, Offset: w.size - int64(len(content)), Size: len(content)}
	w.there[id] = len(w.entries)
	w.entries = append(w.entries, e)
	return e, nil
}

// Find returns where an object was written, and whether it was.
func (w *Writer) Find(id digest.ID) (Entry, bool) {
	at, found := w.there[id]
	if w.there == nil {
		at, found = slices.BinarySearchFunc(w.entries, id, func(e Entry, id digest.ID) int { return e.ID.Compare(id) })
	}
	if !found {
		return Entry{}, false
	}
	return w.entries[at], true
}

// Size returns how many bytes were written so far.
func (w *Writer) Size() int64 { return w.size }

// Len returns how many objects were written so far.
func (w *Writer) Len() int { return len(w.entries) }

// Finish writes the index and returns the pack's name. The pack is whole then; to
// make it durable, and to close it, is up to whoever owns the file.
func (w *Writer) Finish() (digest.ID, error) {
	slices.SortFunc(w.entries, func(a, b Entry) int { return a.ID.Compare(b.ID) })
	w.there = nil
	begin := w.size
	index := make([]byte, 0, len(w.entries)*entrySize+TrailerSize)
	for _, e := range w.entries {
		index = append(index, e.ID[:]...)
		index = binary.LittleEndian.AppendUint64(index, uint64(e.Offset))
		index = binary.LittleEndian.AppendUint32(index, uint32(e.Size))
	}
	end := len(index)
	index = binary.LittleEndian.AppendUint64(index, uint64(begin))
	index = binary.LittleEndian.AppendUint64(index, uint64(len(w.entries)))
	id := sumIndex(index[:end], index[end:])
	index = append(append(index, id[:]...), endMagic...)
	return id, w.write(index)
}
