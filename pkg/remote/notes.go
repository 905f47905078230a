package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"flow/pkg/bucket"
	"flow/pkg/digest"
	"flow/pkg/store"
)

const notesDir = "runs"

// Note is a small text about a run of somebody's history. What kinds there are is the
// caller's business.
type Note struct {
	Run, Kind string
	ID        digest.ID // of the text
	Size      int64     // -1 where the bucket doesn't tell
}

func (n Note) blob() string { return notesDir + "/" + n.Run + "/" + n.ID.Hex() + "." + n.Kind }

// Notes returns all notes that are there, in no order. A place that can't list has none.
func (r *Remote) Notes(ctx context.Context) ([]Note, error) {
	var notes []Note
	err := r.bucket.List(ctx, notesDir, func(blob bucket.Blob) error {
		parts := strings.Split(blob.Name, "/")
		if len(parts) != 3 {
			return nil // somebody else's
		}
		hex, kind, _ := strings.Cut(parts[2], ".")
		if id, err := digest.ParseHex(hex); err == nil {
			notes = append(notes, Note{parts[1], kind, id, blob.Size})
		}
		return nil
	})
	if errors.Is(err, bucket.ErrNoList) {
		return nil, nil
	}
	return notes, err
}

// ReadNote returns the text of a note, checked. One that is larger than a limit is not
// read.
func (r *Remote) ReadNote(ctx context.Context, note Note, limit int64) ([]byte, error) {
	var got digest.ID
	for range 2 {
		text, err := r.readUpTo(ctx, note, limit)
		if err != nil {
			return nil, err
		}
		if got = digest.Sum(text); got != note.ID {
			continue // a server may have cut it short without saying so
		}
		return text, nil
	}
	return nil, &store.CorruptError{Want: note.ID, Got: got, Where: "remote " + r.Name + ", " + note.blob()}
}

func (r *Remote) readUpTo(ctx context.Context, note Note, limit int64) ([]byte, error) {
	tooLarge := fmt.Errorf("remote %s: %s has more than %d bytes", r.Name, note.blob(), limit)
	if note.Size > limit {
		return nil, tooLarge
	}
	body, err := r.bucket.Get(ctx, note.blob(), 0, note.Size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = tooLarge
	}
	return text, err
}

// PutNote stores a note about a run.
func (r *Remote) PutNote(ctx context.Context, run, kind string, text []byte) error {
	note := Note{Run: run, Kind: kind, ID: digest.Sum(text)}
	return r.bucket.Put(ctx, note.blob(), bytes.NewReader(text), int64(len(text)))
}

// DeleteNote removes a note: it is not wanted any more, or another holds what it held.
func (r *Remote) DeleteNote(ctx context.Context, note Note) error {
	err := r.bucket.Delete(ctx, note.blob())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
