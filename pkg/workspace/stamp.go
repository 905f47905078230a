package workspace

import (
	"context"
	"encoding/binary"

	"flow/pkg/digest"
)

// Stamp is what the stats of a path and of all below it were at one moment.
type Stamp struct {
	name    string
	sum     digest.ID
	settled bool // no later change can have left all stats as they were
}

// Stamp takes the stats of a path, and of all that is below it, without reading any
// file.
func (w *Workspace) Stamp(ctx context.Context, name string) (Stamp, error) {
	at, err := w.find(name)
	if err != nil {
		return Stamp{}, err
	}
	defer at.close()
	s := &scan{w: w, name: name, top: &node{}}
	if at.stat.kind == digest.Dir {
		if err := s.run(ctx, at.folder, at.base); err != nil {
			return Stamp{}, err
		}
	}
	stamp := Stamp{name: name}
	hasher := digest.New()
	newest := at.stat
	s.each(func(path string, e *entry) {
		hasher.Write(appendStat(append([]byte(path), 0), e.stat))
		if e.stat.newest() > newest.newest() {
			newest = e.stat
		}
	})
	hasher.Write(appendStat(nil, at.stat))
	stamp.sum = hasher.Sum()
	stamp.settled = newest.kind == digest.None || w.clock.begin(newest)
	return stamp, nil
}

func appendStat(to []byte, s stat) []byte {
	to = append(to, byte(s.kind))
	for _, value := range [...]uint64{uint64(s.size), uint64(s.mtime), uint64(s.ctime), s.inode} {
		to = binary.LittleEndian.AppendUint64(to, value)
	}
	return to
}

// Unchanged reports whether all is as it was when the stamp was taken. False also when
// that can't be told: what was changed just before the stamp could have been changed
// once more. Then the digests must be compared.
func (w *Workspace) Unchanged(ctx context.Context, stamp Stamp) bool {
	if !stamp.settled {
		return false
	}
	now, err := w.Stamp(ctx, stamp.name)
	return err == nil && now.sum == stamp.sum
}
