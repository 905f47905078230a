package digest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"lukechampine.com/blake3/guts"
)

// Large is from how many bytes on SumLarge is worth its goroutines.
const Large = 4 << 20

// BLAKE3 is a tree over pieces of 1 KiB. What a power of two of them hash to does not
// depend on the others, so the goroutines take segments, and the segments' values are
// joined as if they had come one by one.
const (
	segment = 1 << 20
	piece   = guts.MaxSIMD * guts.ChunkSize // what the processor hashes at once
)

// ErrCut says that a file was shorter than it was said to be.
var ErrCut = errors.New("the file ended early")

// SumLarge returns the digest of the first size bytes of r, hashed on all cores. It is
// what Sum returns for the same bytes.
func SumLarge(ctx context.Context, r io.ReaderAt, size int64) (ID, error) {
	return CopyLarge(ctx, nil, r, size)
}

// CopyLarge is SumLarge of bytes that it also writes, to the same places, unless to is nil.
// The digest is that of what was written.
func CopyLarge(ctx context.Context, to io.WriterAt, r io.ReaderAt, size int64) (ID, error) {
	if size <= 0 {
		return Sum(nil), nil
	}
	segments := int((size + segment - 1) / segment)
	t := &tree{from: r, to: to, size: size, values: make([][8]uint32, segments-1)}
	var group sync.WaitGroup
	for range min(segments, runtime.GOMAXPROCS(0)) {
		group.Go(func() { t.work(ctx, segments) })
	}
	group.Wait()
	if t.err != nil {
		return ID{}, t.err
	}
	return t.root(), nil
}

// tree is the hashing of one file.
type tree struct {
	from   io.ReaderAt
	to     io.WriterAt // nil: only hash
	size   int64
	values [][8]uint32 // of all segments but the last
	last   guts.Node

	mu   sync.Mutex
	next int
	err  error
}

func (t *tree) work(ctx context.Context, segments int) {
	buffer := make([]byte, segment)
	for {
		t.mu.Lock()
		i := t.next
		t.next++
		if t.err == nil {
			t.err = context.Cause(ctx)
		}
		stop := t.err != nil || i >= segments
		t.mu.Unlock()
		if stop {
			return
		}
		if err := t.segment(i, buffer); err != nil {
			t.mu.Lock()
			t.err = err
			t.mu.Unlock()
			return
		}
	}
}

func (t *tree) segment(i int, buffer []byte) error {
	at := int64(i) * segment
	buffer = buffer[:min(segment, t.size-at)]
	n, err := t.from.ReadAt(buffer, at)
	if n < len(buffer) {
		if err == io.EOF {
			err = ErrCut
		}
		return fmt.Errorf("read at %d: %w", at, err)
	}
	if t.to != nil {
		if _, err := t.to.WriteAt(buffer, at); err != nil {
			return err
		}
	}
	node := hashSegment(buffer, uint64(at/guts.ChunkSize))
	if i == len(t.values) {
		t.last = node
	} else {
		t.values[i] = guts.ChainingValue(node)
	}
	return nil
}

// hashSegment returns the top of the tree over a segment that begins at a chunk.
func hashSegment(content []byte, chunk uint64) guts.Node {
	var s stack
	for {
		var buffer *[piece]byte
		n := min(len(content), piece)
		if n == piece {
			buffer = (*[piece]byte)(content)
		} else {
			buffer = new([piece]byte)
			copy(buffer[:], content)
		}
		node := guts.CompressBuffer(buffer, n, &guts.IV, chunk, 0)
		content = content[n:]
		if len(content) == 0 {
			return s.join(node)
		}
		s.push(guts.ChainingValue(node))
		chunk += piece / guts.ChunkSize
	}
}

func (t *tree) root() ID {
	var s stack
	for _, value := range t.values {
		s.push(value)
	}
	node := s.join(t.last)
	node.Flags |= guts.FlagRoot
	words := guts.WordsToBytes(guts.CompressNode(node))
	return ID(words[:32])
}

// stack is the values of subtrees of falling size: one for each bit of how many of the
// smallest were pushed.
type stack struct {
	values [54][8]uint32
	pushed uint64
	depth  int
}

// push adds a subtree as large as every one before it.
func (s *stack) push(value [8]uint32) {
	s.pushed++
	for n := s.pushed; n&1 == 0; n >>= 1 {
		s.depth--
		value = guts.ChainingValue(guts.ParentNode(s.values[s.depth], value, &guts.IV, 0))
	}
	s.values[s.depth] = value
	s.depth++
}

// join returns the top over all that was pushed and a last subtree.
func (s *stack) join(last guts.Node) guts.Node {
	for depth := s.depth - 1; depth >= 0; depth-- {
		last = guts.ParentNode(s.values[depth], guts.ChainingValue(last), &guts.IV, 0)
	}
	return last
}
