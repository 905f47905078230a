package workspace

import (
	"context"
	"encoding/binary"
	"time"

	"flow/pkg/digest"
)

// Stamp is a text that tells what the stats of a path, and of all that is below it, are
// now; it may be one of flow's own. No file is read. Equal stamps mean that nobody has changed anything in between,
// but for what happened in the very moment in which the first was taken. "" where the
// file system keeps no times that would tell.
func (w *Workspace) Stamp(ctx context.Context, name string) (string, error) {
	at, err := w.look(name)
	if err != nil {
		return "", err
	}
	defer at.close()
	hasher := digest.New()
	newest := stat{}
	err = w.stats(ctx, name, at, func(path string, s stat) {
		hasher.Write(appendStat(append([]byte(path), 0), s))
		if s.ctime >= newest.ctime {
			newest = s
		}
	})
	if err != nil || newest.kind != digest.None && (newest.ctime == 0 || newest.ctime%int64(time.Second) == 0) {
		return "", err // it has no ctime, or one in whole seconds
	}
	return hasher.Sum().Hex(), nil
}

// stats looks at all that is below a place, and at that itself, whose path is "".
func (w *Workspace) stats(ctx context.Context, name string, at place, see func(path string, s stat)) error {
	if at.stat.kind == digest.Dir {
		s := &scan{w: w, name: name, top: &node{}}
		if err := s.run(ctx, at.folder, at.base); err != nil {
			return err
		}
		s.each(func(path string, e *entry) { see(path, e.stat) })
	}
	see("", at.stat)
	return nil
}

// Size returns how many bytes the files of a path hold.
func (w *Workspace) Size(ctx context.Context, name string) (int64, error) {
	at, err := w.look(name)
	if err != nil {
		return 0, err
	}
	defer at.close()
	if at.stat.kind != digest.Dir {
		return at.stat.size, nil
	}
	var sum int64
	err = w.stats(ctx, name, at, func(_ string, s stat) {
		if s.regular() {
			sum += s.size
		}
	})
	return sum, err
}

// Mark is a text that tells where the files at a path, and below it, are on the disk and
// when they were last changed. It differs when a file was changed in between, also when that
// was undone. Folders and links tell nothing of that, nor does the number of a file's names.
func (w *Workspace) Mark(ctx context.Context, name string) (string, error) {
	at, err := w.find(name)
	if err != nil {
		return "", err
	}
	defer at.close()
	hasher := digest.New()
	err = w.stats(ctx, name, at, func(path string, s stat) {
		if !s.regular() {
			return
		}
		if s.dev = 0; s.nlink > 1 {
			s.ctime = 0 // another name of it came or went, as the cache's may
		}
		hasher.Write(appendStat(append([]byte(path), 0), s))
	})
	return hasher.Sum().Hex(), err
}

func appendStat(to []byte, s stat) []byte {
	to = append(to, byte(s.kind))
	for _, value := range [...]uint64{uint64(s.size), uint64(s.mtime), uint64(s.ctime), s.inode, s.dev} {
		to = binary.LittleEndian.AppendUint64(to, value)
	}
	return to
}
