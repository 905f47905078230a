// Package pack is a file that holds many small objects.
//
// To make a file costs far more than to write a kilobyte, here and even more so over
// a network. So objects of up to SmallObject bytes are put one behind the other into a
// pack. A pack is written once, from its beginning to its end, and never changed; its
// name is the digest of its index, which in turn names every object by its digest. So
// nothing in a pack needs to be believed.
package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"flow/pkg/digest"
)

// How large things are. The format allows any object of up to MaxObject bytes; the
// other two are for whoever writes packs.
const (
	SmallObject = 64 << 10 // what is larger is better off in a file of its own
	FullPack    = 32 << 20 // at about this size a pack is closed and the next one begun
	MaxObject   = 16 << 20
)

// The format. Numbers have their small end first:
//
//	magic    16 bytes, with the format's version
//	         for each object: 32 digest, 4 size, and its bytes
//	index    for each object, sorted by digest, each once: 32 digest, 8 where its
//	         bytes begin, 4 size
//	begin    8, where the index begins
//	count    8, how many objects
//	sum      32, the digest of index, begin and count: the pack's name
//	end      16 bytes
//
// A pack whose writer was cut short has no index. What it has of whole objects can
// be found from its beginning on, as each is told by its digest (see Scan).
const (
	magic       = "flow pack v1\n\x00\x00\x00"
	endMagic    = "flow pack end\n\x00\x00"
	headSize    = 32 + 4
	entrySize   = 32 + 8 + 4
	TrailerSize = 8 + 8 + 32 + 16 // what every pack ends with, behind its index
)

// ErrNoPack says that some bytes are no pack, or no longer the one that was written.
var ErrNoPack = errors.New("not a whole pack")

// Entry is where an object is in a pack.
type Entry struct {
	ID     digest.ID
	Offset int64 // of its bytes
	Size   int
}

// Pack is a pack that can be read. It is safe for use by several goroutines.
type Pack struct {
	from  io.ReaderAt
	id    digest.ID
	index []byte
}

// Open reads and checks the index of a pack of so many bytes: two reads, from its
// end. The error wraps ErrNoPack when it is not one.
func Open(from io.ReaderAt, size int64) (*Pack, error) {
	if size < int64(len(magic)+TrailerSize) {
		return nil, fmt.Errorf("%w: it is too short", ErrNoPack)
	}
	var trailer [TrailerSize]byte
	if err := readFull(from, trailer[:], size-TrailerSize); err != nil {
		return nil, err
	}
	begin, count := binary.LittleEndian.Uint64(trailer[:]), binary.LittleEndian.Uint64(trailer[8:])
	if string(trailer[48:]) != endMagic {
		return nil, fmt.Errorf("%w: it has no end", ErrNoPack)
	}
	room := uint64(size - TrailerSize)
	if begin < uint64(len(magic)) || begin > room || count > room || count*entrySize != room-begin {
		return nil, fmt.Errorf("%w: its index can't be where it says", ErrNoPack)
	}
	index := make([]byte, count*entrySize)
	if err := readFull(from, index, int64(begin)); err != nil {
		return nil, err
	}
	p := &Pack{from: from, id: digest.ID(trailer[16:48]), index: index}
	if sumIndex(index, trailer[:16]) != p.id || !p.sound(int64(begin)) {
		return nil, fmt.Errorf("%w: its index is damaged", ErrNoPack)
	}
	return p, nil
}

func readFull(from io.ReaderAt, to []byte, offset int64) error {
	n, err := from.ReadAt(to, offset)
	if n == len(to) {
		return nil
	}
	if err == io.EOF {
		return fmt.Errorf("%w: it ends early", ErrNoPack)
	}
	return err
}

// sumIndex names a pack: by its index and the two numbers behind it.
func sumIndex(index, numbers []byte) digest.ID {
	hasher := digest.New()
	hasher.Write(index)
	hasher.Write(numbers)
	return hasher.Sum()
}

// sound checks that the index is sorted and leads nowhere else.
func (p *Pack) sound(begin int64) bool {
	for i := range p.Len() {
		at := p.index[i*entrySize:]
		e := p.At(i)
		if i > 0 && bytes.Compare(at[:32], p.index[(i-1)*entrySize:][:32]) <= 0 {
			return false
		}
		if e.Offset < int64(len(magic)+headSize) || e.Size > MaxObject || e.Offset > begin-int64(e.Size) {
			return false
		}
	}
	return true
}

// From returns the same pack, read from elsewhere: what was opened, or is opened when it is
// needed.
func (p *Pack) From(from io.ReaderAt) *Pack { return &Pack{from: from, id: p.id, index: p.index} }

// ID returns the pack's name.
func (p *Pack) ID() digest.ID { return p.id }

// Len returns how many objects it holds.
func (p *Pack) Len() int { return len(p.index) / entrySize }

// At returns the i-th object, in the order of their digests.
func (p *Pack) At(i int) Entry {
	at := p.index[i*entrySize:]
	return Entry{
		ID: digest.ID(at[:32]), Offset: int64(binary.LittleEndian.Uint64(at[32:])),
		Size: int(binary.LittleEndian.Uint32(at[40:])),
	}
}

// Find returns where an object is, and whether it is there.
func (p *Pack) Find(id digest.ID) (Entry, bool) {
	i := sort.Search(p.Len(), func(i int) bool { return bytes.Compare(p.index[i*entrySize:][:32], id[:]) >= 0 })
	if i == p.Len() || p.At(i).ID != id {
		return Entry{}, false
	}
	return p.At(i), true
}

// Read puts an object's bytes into to, which is as long as they are. They are not
// compared with the digest; Load does that.
func (p *Pack) Read(e Entry, to []byte) error { return readFull(p.from, to[:e.Size], e.Offset) }

// Load returns an object's bytes; an error that wraps ErrNoPack when they are not
// what the digest says.
func (p *Pack) Load(e Entry) ([]byte, error) {
	content := make([]byte, e.Size)
	if err := p.Read(e, content); err != nil {
		return nil, err
	}
	if digest.Sum(content) != e.ID {
		return nil, fmt.Errorf("%w: object %s is damaged", ErrNoPack, e.ID)
	}
	return content, nil
}
