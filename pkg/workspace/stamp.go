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
	s := &scan{w: w, name: name, top: &node{}}
	if at.stat.kind == digest.Dir {
		if err := s.run(ctx, at.folder, at.base); err != nil {
			return "", err
		}
	}
	hasher := digest.New()
	newest := at.stat
	s.each(func(path string, e *entry) {
		hasher.Write(appendStat(append([]byte(path), 0), e.stat))
		if e.stat.ctime > newest.ctime {
			newest = e.stat
		}
	})
	if newest.kind != digest.None && (newest.ctime == 0 || newest.ctime%int64(time.Second) == 0) {
		return "", nil // it has no ctime, or one in whole seconds
	}
	hasher.Write(appendStat(nil, at.stat))
	return hasher.Sum().Hex(), nil
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
	s := &scan{w: w, name: name}
	if err := s.run(ctx, at.folder, at.base); err != nil {
		return 0, err
	}
	var sum int64
	s.each(func(_ string, e *entry) {
		if e.stat.regular() {
			sum += e.stat.size
		}
	})
	return sum, nil
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
	s := &scan{w: w, name: name, top: &node{}}
	if at.stat.kind == digest.Dir {
		if err := s.run(ctx, at.folder, at.base); err != nil {
			return "", err
		}
	}
	hasher := digest.New()
	mark := func(path string, s stat) {
		if !s.regular() {
			return
		}
		if s.dev = 0; s.nlink > 1 {
			s.ctime = 0 // another name of it came or went, as the cache's may
		}
		hasher.Write(appendStat(append([]byte(path), 0), s))
	}
	s.each(func(path string, e *entry) { mark(path, e.stat) })
	mark("", at.stat)
	return hasher.Sum().Hex(), nil
}

func appendStat(to []byte, s stat) []byte {
	to = append(to, byte(s.kind))
	for _, value := range [...]uint64{uint64(s.size), uint64(s.mtime), uint64(s.ctime), s.inode, s.dev} {
		to = binary.LittleEndian.AppendUint64(to, value)
	}
	return to
}
