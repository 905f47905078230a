package pack

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"flow/pkg/digest"
)

// Scan calls each for every whole object of a pack from its beginning on, with its
// bytes, which are each's only until it returns. It is for a pack without an index, or
// one that is damaged: an object whose bytes are not its own is passed over, and where sizes
// can't be told any more the scan ends, as it does at the index. It returns
// how far the whole objects reach, and an error only of reading, or each's.
func Scan(from io.Reader, each func(e Entry, content []byte) error) (int64, error) {
	r := bufio.NewReaderSize(from, 256<<10)
	var start [len(magic)]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return 0, unlessEnded(err)
	}
	at, reach := int64(len(magic)), int64(0)
	if string(start[:]) == magic {
		reach = at
	}
	var head [headSize]byte
	var content []byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return reach, unlessEnded(err)
		}
		e := Entry{ID: digest.ID(head[:32]), Offset: at + headSize, Size: int(binary.LittleEndian.Uint32(head[32:]))}
		if e.Size < 0 || e.Size > MaxObject {
			return reach, nil
		}
		if cap(content) < e.Size {
			content = make([]byte, e.Size, max(e.Size, SmallObject))
		}
		content = content[:e.Size]
		if _, err := io.ReadFull(r, content); err != nil {
			return reach, unlessEnded(err)
		}
		at = e.Offset + int64(e.Size)
		if digest.Sum(content) != e.ID {
			continue
		}
		if err := each(e, content); err != nil {
			return reach, err
		}
		reach = at
	}
}

func unlessEnded(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
