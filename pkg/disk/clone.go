package disk

import (
	"errors"
	"io"
	"os"
)

// ErrNoClone says that two files cannot share their bytes here: the file system has
// no reflinks, or the files are on different ones.
var ErrNoClone = errors.New("the file system cannot clone files")

// copyBuffer is the chunk that CopyFile reads and writes at once.
const copyBuffer = 256 << 10

// CopyFile makes dst, which is empty, hold all of src: as a clone where the file
// system can, else byte by byte. It returns how many bytes that were.
func CopyFile(dst File, src *os.File) (int64, error) {
	if to, ok := OSFile(dst); ok {
		err := Clone(to, src)
		if err == nil {
			info, err := to.Stat()
			if err != nil {
				return 0, err
			}
			return info.Size(), nil
		}
		if !errors.Is(err, ErrNoClone) {
			return 0, err
		}
	}
	return io.CopyBuffer(onlyWriter{dst}, io.NewSectionReader(src, 0, 1<<62), make([]byte, copyBuffer))
}

// onlyWriter hides other methods, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }
