package workspace

import (
	"bytes"
	"encoding/binary"
	"math"

	"flow/pkg/digest"
)

// index is a file that remembers what files hashed to and what their stat was. There
// is one for each directory tree, and one for all single files. It is written whole
// and never changed; numbers have their small end first:
//
//	magic     16 bytes, with the format's version
//	dirs      8, how many directories
//	records   8, how many records
//	text      8, how many bytes of names
//	content   32 digest, 8 size, 8 files: what the whole tree hashed to
//	          for each directory, the root first: 8 number of its first record, 8 how many
//	          for each record, sorted by name within a directory:
//	            8 size, 8 mtime, 8 ctime, 8 inode, 32 digest,
//	            8 where its name begins, 2 how long that is, 1 mode, 1 trusted, 4 zero
//	          the names; first that of what is indexed, up to a NUL
//	sum       32, the digest of all that stands before it
//
// A record of a subdirectory has its number in the place of the size. One that is not
// trusted says what the content was, and that it must be read again.
//
// A file whose sum or whose numbers don't fit is as good as none.
type index struct {
	raw     []byte
	content digest.Content
	dirs    int
	records int
	text    []byte
}

const (
	indexMagic = "flow index v1\n\x00\x00"
	headerSize = 16 + 3*8 + 32 + 2*8
	dirSize    = 16
	recordSize = 80
	sumSize    = 32
)

// record is what is remembered of one file.
type record struct {
	stat
	id      digest.ID
	trusted bool
}

// parseIndex reads an index of name. False means that there is none worth having.
func parseIndex(raw []byte, name string) (*index, bool) {
	if len(raw) < headerSize+sumSize || string(raw[:16]) != indexMagic {
		return nil, false
	}
	body := raw[:len(raw)-sumSize]
	dirs, records, text := number(body[16:]), number(body[24:]), number(body[32:])
	const most = 1 << 40 // far from any overflow
	if dirs == 0 || dirs > most || records > most || text > most ||
		headerSize+dirs*dirSize+records*recordSize+text != uint64(len(body)) {
		return nil, false
	}
	if digest.Sum(body) != digest.ID(raw[len(body):]) {
		return nil, false
	}
	x := &index{raw: body, dirs: int(dirs), records: int(records), text: body[uint64(len(body))-text:]}
	x.content = digest.Content{ID: digest.ID(body[40:72]), Mode: digest.Dir, Size: int64(number(body[72:])), Files: int(number(body[80:]))}
	if got, _, found := bytes.Cut(x.text, []byte{0}); !found || string(got) != name || !x.sound() {
		return nil, false
	}
	return x, true
}

func number(raw []byte) uint64 { return binary.LittleEndian.Uint64(raw) }

// sound checks that no number leads out of its table.
func (x *index) sound() bool {
	for n := range x.dirs {
		at := x.raw[headerSize+n*dirSize:]
		if first, count := number(at), number(at[8:]); first > uint64(x.records) || count > uint64(x.records)-first {
			return false
		}
	}
	for n := range x.records {
		at := x.at(n)
		if start := number(at[64:]); start > uint64(len(x.text)) || uint64(binary.LittleEndian.Uint16(at[72:])) > uint64(len(x.text))-start {
			return false
		}
		if digest.Mode(at[74]) == digest.Dir && number(at) >= uint64(x.dirs) {
			return false
		}
	}
	return true
}

func (x *index) at(n int) []byte { return x.raw[headerSize+x.dirs*dirSize+n*recordSize:] }

// folder returns the range of a directory's records.
func (x *index) folder(dir int) (first, end int) {
	at := x.raw[headerSize+dir*dirSize:]
	first = int(number(at))
	return first, first + int(number(at[8:]))
}

// name returns a record's name, not to be kept.
func (x *index) name(n int) []byte {
	at := x.at(n)
	start := number(at[64:])
	return x.text[start : start+uint64(binary.LittleEndian.Uint16(at[72:]))]
}

func (x *index) record(n int) record {
	at := x.at(n)
	return record{
		stat: stat{
			kind: digest.Mode(at[74]), size: int64(number(at)), mtime: int64(number(at[8:])),
			ctime: int64(number(at[16:])), inode: number(at[24:]),
		},
		id:      digest.ID(at[32:64]),
		trusted: at[75] == 1,
	}
}

// search returns the first record in a range whose name is not before name.
func (x *index) search(first, end int, name string) int {
	for first < end {
		middle := int(uint(first+end) >> 1)
		if string(x.name(middle)) < name {
			first = middle + 1
		} else {
			end = middle
		}
	}
	return first
}

// indexWriter puts an index together.
type indexWriter struct {
	dirs    []byte
	records []byte
	text    []byte
	count   int
	tooMany bool // what the format can't hold
}

func newIndexWriter(name string) *indexWriter {
	return &indexWriter{text: append([]byte(name), 0)}
}

// folder starts the next directory, of so many records.
func (x *indexWriter) folder(count int) {
	x.dirs = binary.LittleEndian.AppendUint64(x.dirs, uint64(x.count))
	x.dirs = binary.LittleEndian.AppendUint64(x.dirs, uint64(count))
	x.count += count
}

func (x *indexWriter) add(name string, r record) {
	x.tooMany = x.tooMany || len(name) > math.MaxUint16
	out := x.records
	for _, value := range [...]uint64{uint64(r.size), uint64(r.mtime), uint64(r.ctime), r.inode} {
		out = binary.LittleEndian.AppendUint64(out, value)
	}
	out = append(out, r.id[:]...)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(x.text)))
	out = binary.LittleEndian.AppendUint16(out, uint16(len(name)))
	trusted := byte(0)
	if r.trusted {
		trusted = 1
	}
	x.records = append(out, byte(r.kind), trusted, 0, 0, 0, 0)
	x.text = append(x.text, name...)
}

// finish returns the whole file; nil when the format can't hold it.
func (x *indexWriter) finish(content digest.Content) []byte {
	if x.tooMany {
		return nil
	}
	raw := make([]byte, 0, headerSize+len(x.dirs)+len(x.records)+len(x.text)+sumSize)
	raw = append(raw, indexMagic...)
	for _, value := range [...]int{len(x.dirs) / dirSize, x.count, len(x.text)} {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(value))
	}
	raw = append(raw, content.ID[:]...)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(content.Size))
	raw = binary.LittleEndian.AppendUint64(raw, uint64(content.Files))
	raw = append(append(append(raw, x.dirs...), x.records...), x.text...)
	sum := digest.Sum(raw)
	return append(raw, sum[:]...)
}
