package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"time"

	"flow/pkg/digest"
)

// Look is the cache as it is when something is first asked of it: whether the files of
// directories are all there. What was found out before, and can't have changed since, is
// not looked for again, so that a directory of many files costs as much as a small one.
type Look struct {
	cache   *Cache
	shelves stamp // of the folders that objects are in: no object comes or goes without a change there
	settled bool  // no change is so young that another one could go unseen
	known   bool
}

// Look returns a look at the cache that has not begun.
func (c *Cache) Look() *Look { return &Look{cache: c} }

// Whole is Has for one look.
func (l *Look) Whole(ctx context.Context, content digest.Content) (bool, error) {
	if content.Mode != digest.Dir {
		return l.cache.Has(ctx, content)
	}
	if !l.known {
		if err := l.begin(); err != nil {
			return false, err
		}
	}
	key := digest.Sum([]byte("whole " + content.ID.String()))
	if l.settled && l.cache.stamps.is(key, l.shelves) {
		return true, nil
	}
	whole, err := l.cache.Has(ctx, content)
	if err == nil && whole && l.settled {
		l.cache.stamps.set(key, l.shelves)
	}
	return whole, err
}

// begin looks at the folders.
func (l *Look) begin() error {
	limit := time.Now().Add(-racy).UnixNano()
	l.known, l.settled = true, true
	folders, err := l.cache.root.ReadDir(objectsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var about []byte
	for _, folder := range folders {
		info, err := l.cache.root.Lstat(objectsDir + "/" + folder.Name())
		if err != nil {
			l.settled = false // it went just now
			return nil
		}
		now, ok := stampOf(info)
		l.settled = l.settled && ok && now.mtime < limit && now.ctime < limit
		about = append(append(about, folder.Name()...), 0)
		about = now.append(about, digest.ID{})
	}
	sum := digest.Sum(about)
	l.shelves = stamp{size: int64(binary.BigEndian.Uint64(sum[0:])), mtime: int64(binary.BigEndian.Uint64(sum[8:])),
		ctime: int64(binary.BigEndian.Uint64(sum[16:])), inode: binary.BigEndian.Uint64(sum[24:])}
	return nil
}
