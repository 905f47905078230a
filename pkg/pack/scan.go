package pack

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"flow/pkg/digest"
)

// Scan calls each for every whole object of a pack from its beginning on, with its
// bytes, which are each's only until it returns. It is for a pack without an index:
// what a crash tore ends the scan, as does the index of one that has it. It returns
// how far the whole objects reach, and an error only of reading, or each's.
func Scan(from io.Reader, each func(e Entry, content []byte) error) (int64, error) {
	r := bufio.NewReaderSize(from, 256<<10)
	var start [len(magic)]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:]) != magic {
		return 0, unlessEnded(err)
	}
	at := int64(len(magic))
	var head [headSize]byte
	var content []byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return at, unlessEnded(err)
		}
		e := Entry{ID: digest.ID(head[:32]), Offset: at + headSize, Size: int(binary.LittleEndian.Uint32(head[32:]))}
		if e.Size < 0 || e.Size > MaxObject {
			return at, nil
		}
		if cap(content) < e.Size {
			content = make([]byte, e.Size, max(e.Size, SmallObject))
		}
		content = content[:e.Size]
		if _, err := io.ReadFull(r, content); err != nil {
			return at, unlessEnded(err)
		}
		if digest.Sum(content) != e.ID {
			return at, nil
		}
		if err := each(e, content); err != nil {
			return at, err
		}
		at = e.Offset + int64(e.Size)
	}
}

func unlessEnded(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
