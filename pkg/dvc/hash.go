package dvc

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Hash is the digest under which DVC keeps something.
type Hash struct {
	MD5    string // 32 hex digits
	Dir    bool   // of a directory's manifest
	Legacy bool   // made by DVC 1 or 2: of a text, without the carriage returns of its line ends
}

// String returns the digest as DVC writes it.
func (h Hash) String() string {
	if h.Dir {
		return h.MD5 + dirSuffix
	}
	return h.MD5
}

const dirSuffix = ".dir"

// parseHash reads a digest. It becomes a file's name, so that nothing else passes.
func parseHash(text string, legacy bool) (Hash, error) {
	digits, dir := strings.CutSuffix(text, dirSuffix)
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != md5.Size || strings.ToLower(digits) != digits {
		return Hash{}, fmt.Errorf("%.80q is no md5 digest", text)
	}
	return Hash{MD5: digits, Dir: dir, Legacy: legacy}, nil
}

// Chunk is how much DVC reads at once, which shows in the digests of texts of old.
const Chunk = 1 << 20

// SumBytes is Sum of no more than Chunk bytes.
func SumBytes(content []byte, legacy bool) string {
	sum := md5.New()
	write(sum, content, legacy && isText(content[:min(len(content), 512)]))
	return hex.EncodeToString(sum.Sum(nil))
}

// Sum returns the md5 digest of all that r gives, as hex digits: of the bytes, or, for
// a legacy one, as DVC 1 and 2 took it.
func Sum(ctx context.Context, r io.Reader, legacy bool) (string, error) {
	sum := md5.New()
	buffer := make([]byte, Chunk)
	text := false
	for first := true; ; first = false {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := io.ReadFull(r, buffer)
		if first {
			text = legacy && isText(buffer[:min(n, 512)])
		}
		write(sum, buffer[:n], text)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}

func write(sum hash.Hash, part []byte, text bool) {
	if text {
		part = bytes.ReplaceAll(part, []byte("\r\n"), []byte("\n"))
	}
	sum.Write(part)
}

// isText guesses as DVC does: no NUL, and at most three in ten bytes that no plain text
// has.
func isText(block []byte) bool {
	odd := 0
	for _, b := range block {
		switch {
		case b == 0:
			return false
		case b >= 32 && b < 127, b == '\n', b == '\r', b == '\t', b == '\f', b == '\b':
		default:
			odd++
		}
	}
	return 10*odd <= 3*len(block)
}

// FileHash is one file of a directory.
type FileHash struct {
	Path string // relative to the directory
	MD5  string
}

// SumDir returns the digest that DVC gives a directory with these files, which must be
// sorted by path: that of its manifest.
func SumDir(files []FileHash) string {
	sum := md5.Sum(Manifest(files))
	return hex.EncodeToString(sum[:])
}

// Manifest returns what DVC writes down for a directory: JSON as Python prints it.
func Manifest(files []FileHash) []byte {
	text := []byte{'['}
	for i, file := range files {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(text, `{"md5": "`...)
		text = append(text, file.MD5...)
		text = append(text, `", "relpath": `...)
		text = appendPython(text, file.Path)
		text = append(text, '}')
	}
	return append(text, ']')
}
