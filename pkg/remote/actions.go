package remote

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"flow/pkg/bucket"
	"flow/pkg/digest"
	"flow/pkg/store"
)

// Actions returns the names of the blobs of remembered runs.
func (r *Remote) Actions(ctx context.Context) ([]digest.ID, error) {
	var ids []digest.ID
	err := r.bucket.List(ctx, actionsDir, func(blob bucket.Blob) error {
		if id, err := digest.ParseHex(strings.TrimPrefix(blob.Name, actionsDir+"/")); err == nil {
			ids = append(ids, id)
		}
		return nil
	})
	if errors.Is(err, bucket.ErrNoList) {
		return nil, nil
	}
	return ids, err
}

// ReadActions returns a blob of remembered runs, checked.
func (r *Remote) ReadActions(ctx context.Context, id digest.ID) ([]byte, error) {
	keep := r.packs.dir + "/" + id.Hex()
	if r.packs.keep != nil {
		if text, err := r.packs.keep.Read(keep); err == nil && digest.Sum(text) == id {
			return text, nil
		}
	}
	var got digest.ID
	for range 2 {
		text, err := r.read(ctx, actionsDir+"/"+id.Hex(), -1)
		if err != nil {
			return nil, err
		}
		if got = digest.Sum(text); got != id {
			continue
		}
		if r.packs.keep != nil && r.packs.keep.MkdirAll(r.packs.dir, 0o777) == nil {
			_ = r.packs.keep.Replace(keep, text, 0o666) // what can't be kept is read again
		}
		return text, nil
	}
	return nil, &store.CorruptError{Want: id, Got: got, Where: "the remembered runs of remote " + r.Name}
}

// PutActions stores a blob of remembered runs.
func (r *Remote) PutActions(ctx context.Context, text []byte) error {
	return r.bucket.Put(ctx, actionsDir+"/"+digest.Sum(text).Hex(), bytes.NewReader(text), int64(len(text)))
}

// DeleteActions removes a blob of remembered runs: another holds what it held.
func (r *Remote) DeleteActions(ctx context.Context, id digest.ID) error {
	return r.bucket.Delete(ctx, actionsDir+"/"+id.Hex())
}
