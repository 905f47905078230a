// Package digest names content by its hash.
//
// The hash is BLAKE3 with 256 bits. A digest is written with its algorithm in
// front, blake3:<64 hex digits>, so that the algorithm travels with the value.
package digest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/zeebo/blake3"
)

// Prefix is what every written digest starts with.
const Prefix = "blake3:"

// ID is the digest of some content. The zero ID stands for content that is not
// known.
type ID [32]byte

// Compare orders IDs by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// IsZero reports whether the ID names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Hex returns the 64 lower-case hex digits without the algorithm.
func (id ID) Hex() string { return hex.EncodeToString(id[:]) }

// Short returns the first eight hex digits, for people; "-" for the zero ID.
func (id ID) Short() string {
	if id.IsZero() {
		return "-"
	}
	return hex.EncodeToString(id[:4])
}

// String returns the written form, or "" for the zero ID.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	return Prefix + id.Hex()
}

// MarshalText writes the ID as String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote; the empty text is the zero ID.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Parse reads the written form. Nothing but the exact form is accepted: a digest
// becomes part of a file's name, so it is checked here, once.
func Parse(text string) (ID, error) {
	rest, found := strings.CutPrefix(text, Prefix)
	if !found {
		return ID{}, fmt.Errorf("digest %.80q does not start with %q", text, Prefix)
	}
	return ParseHex(rest)
}

// ParseHex reads 64 lower-case hex digits.
func ParseHex(text string) (ID, error) {
	var id ID
	if len(text) != 2*len(id) {
		return ID{}, fmt.Errorf("digest %.80q is not %d lower-case hex digits", text, 2*len(id))
	}
	for i := range id {
		high, low := nibble(text[2*i]), nibble(text[2*i+1])
		if high|low > 0xf {
			return ID{}, fmt.Errorf("digest %.80q is not %d lower-case hex digits", text, 2*len(id))
		}
		id[i] = high<<4 | low
	}
	return id, nil
}

// nibble returns the value of a lower-case hex digit, and more than 15 for all else.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// Hasher computes a digest from what is written to it.
type Hasher struct{ hash *blake3.Hasher }

// New returns an empty Hasher. It is about 10 KiB: reuse it with Reset.
func New() *Hasher { return &Hasher{hash: blake3.New()} }

// Write adds bytes; it never fails.
func (h *Hasher) Write(p []byte) (int, error) { return h.hash.Write(p) }

// Reset makes the Hasher as new.
func (h *Hasher) Reset() { h.hash.Reset() }

// Sum returns the digest of all that was written since New or Reset.
func (h *Hasher) Sum() ID {
	var id ID
	h.hash.Sum(id[:0])
	return id
}

// Sum returns the digest of some bytes.
func Sum(content []byte) ID { return blake3.Sum256(content) }

// SumReader returns the digest of all that r gives, and how many bytes that was.
func SumReader(r io.Reader) (ID, int64, error) {
	hasher := New()
	size, err := io.CopyBuffer(hasher, onlyReader{r}, make([]byte, 256<<10))
	if err != nil {
		return ID{}, size, err
	}
	return hasher.Sum(), size, nil
}

// SumFile returns the digest and size of a regular file.
func SumFile(path string) (ID, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return ID{}, 0, err
	}
	defer file.Close()
	return SumReader(file)
}

// onlyReader hides WriterTo, so that CopyBuffer uses its large buffer.
type onlyReader struct{ io.Reader }
