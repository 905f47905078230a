package cache

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"sync"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// stamps remembers which objects were verified and what stat said of them, so that an
// object that is linked and not copied need not be read each time.
//
// The file is a header and one record of 64 bytes for each: the digest, then size,
// mtime and ctime in nanoseconds, and inode, each 8 bytes, big end first. The last
// record of an object counts. It is only a memory: what is not in it, or is damaged,
// costs another reading, and a record that fits by accident would need all of it to.
type stamps struct {
	root   *disk.Root
	mu     sync.Mutex
	loaded bool
	known  map[digest.ID]stamp
	fresh  []digest.ID // not in the file yet
	inFile int         // records there
	torn   bool        // the file must be written anew before something is added
	gone   bool        // the file has some that are no longer known
}

type stamp struct {
	size, mtime, ctime int64
	inode              uint64
}

const (
	stampsHeader = "flow stamps v1\n\n"
	stampSize    = 64
	// racy is how much older than the hashing a change must be to be told from one
	// after it: clocks tick, and some file systems keep whole seconds, or two.
	racy = 2 * time.Second
)

// trusted reports whether an object is as it was when it was verified.
func (s *stamps) trusted(id digest.ID, info fs.FileInfo) bool {
	now, ok := stampOf(info)
	if !ok {
		return false
	}
	return s.is(id, now)
}

// learn remembers that an object with this stat was read since began and is whole.
func (s *stamps) learn(id digest.ID, info fs.FileInfo, began time.Time) {
	now, ok := stampOf(info)
	if limit := began.Add(-racy).UnixNano(); !ok || now.mtime >= limit || now.ctime >= limit {
		return
	}
	s.set(id, now)
}

// is reports whether a stamp is what was remembered.
func (s *stamps) is(id digest.ID, now stamp) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	was, found := s.known[id]
	return found && was == now
}

// set remembers a stamp.
func (s *stamps) set(id digest.ID, now stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	if s.known[id] != now {
		s.known[id] = now
		s.fresh = append(s.fresh, id)
	}
}

// forget drops what was remembered of objects that are gone.
func (s *stamps) forget(ids map[digest.ID]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	for id := range ids {
		if _, found := s.known[id]; found {
			delete(s.known, id)
			s.gone = true
		}
	}
}

func (s *stamps) load() {
	if s.loaded {
		return
	}
	s.loaded, s.known = true, map[digest.ID]stamp{}
	text, err := s.root.Read(stampsFile)
	if errors.Is(err, fs.ErrNotExist) {
		s.torn = true
		return
	}
	if err != nil || len(text) < len(stampsHeader) || string(text[:len(stampsHeader)]) != stampsHeader {
		s.torn = true
		return
	}
	text = text[len(stampsHeader):]
	s.torn = len(text)%stampSize != 0
	for ; len(text) >= stampSize; text = text[stampSize:] {
		s.known[digest.ID(text[:32])] = stamp{
			size:  int64(binary.BigEndian.Uint64(text[32:])),
			mtime: int64(binary.BigEndian.Uint64(text[40:])),
			ctime: int64(binary.BigEndian.Uint64(text[48:])),
			inode: binary.BigEndian.Uint64(text[56:]),
		}
		s.inFile++
	}
}

// flush writes what is new.
func (s *stamps) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fresh) == 0 && !s.gone {
		return nil
	}
	var text []byte
	var err error
	if s.torn || s.gone || s.inFile > 2*len(s.known) {
		text = append(text, stampsHeader...)
		for id, one := range s.known {
			text = one.append(text, id)
		}
		err = s.root.Replace(stampsFile, text, 0o644)
		s.inFile = 0
	} else {
		for _, id := range s.fresh {
			text = s.known[id].append(text, id)
		}
		err = s.root.Append(stampsFile, text, 0o644)
	}
	if err != nil {
		s.torn = true
		return err
	}
	s.torn, s.gone = false, false
	s.inFile += len(text) / stampSize
	s.fresh = nil
	return nil
}

func (s stamp) append(dst []byte, id digest.ID) []byte {
	dst = append(dst, id[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.size))
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.mtime))
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.ctime))
	return binary.BigEndian.AppendUint64(dst, s.inode)
}

// Flush writes down which objects were verified, so that the next process need not
// read them again. Nothing is lost when it is not called, or can't write.
func (c *Cache) Flush() error { return c.stamps.flush() }
