// Package document is a YAML text whose every value knows its place.
//
// It reads within bounds, as the text may come with a repository of somebody
// else's, and it edits in place: what a person wrote around a value stays.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"flow/pkg/diag"
)

// Bounds of a text.
const (
	maxSize  = 32 << 20
	maxNodes = 2_000_000 // with aliases expanded
	maxDepth = 200       // with aliases expanded
	maxShown = 100       // problems; what is beyond is not worth reading
)

// Document is a text that was read. It is never changed: an edit returns a new one.
type Document struct {
	File string
	Text []byte // not to be changed
	Root *Node  // nil when the text holds no value

	src *source
}

// Parse reads a text. The error is a diag.List of every problem that can be found,
// each with its place, its line and how wide it is. After a mistake in the syntax
// the rest can't be read, so that it is the only one.
//
// Scalars are those of YAML 1.2: yes, 2020-01-01 and 1_000 are strings, 0777 is the
// number 777. Custom tags are refused, merge keys work.
func Parse(file string, text []byte) (*Document, error) {
	src := newSource(file, text)
	if problems := src.check(); len(problems) > 0 {
		return nil, problems.Err()
	}
	doc := &Document{File: file, Text: text, src: src}
	first, second, err := decode([]byte(src.text))
	if err != nil {
		if at := strings.Index("\n"+src.text, "\n<<<<<<< "); at >= 0 {
			return nil, diag.List{src.fail(at, 7, "the file has git's conflict markers").
				WithHint("keep one side of each conflict and remove the markers")}
		}
		return nil, diag.List{src.syntaxError(err, first)}
	}
	if first == nil {
		return doc, nil
	}
	b := newBuilder(src)
	root := b.root(first)
	if second != nil {
		at := b.cursor.offset(second.Line, second.Column)
		b.add(src.fail(at, 1, "the file holds a second document").
			WithHint("keep one, or write them into files of their own"))
	}
	if len(b.problems) > 0 {
		return nil, b.problems.Err()
	}
	if !root.empty() {
		doc.Root = root
	}
	return doc, nil
}

// decode reads the first document and, to tell that there is one, the second. The
// library keeps only what it read so far when there is an error.
func decode(text []byte) (first, second *yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if first, err = decodeOne(decoder); first == nil || err != nil {
		return first, nil, err
	}
	second, err = decodeOne(decoder)
	return first, second, err
}

// decodeOne returns nil at the end. The library tells some faults by a panic.
func decodeOne(decoder *yaml.Decoder) (node *yaml.Node, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			node, err = nil, fmt.Errorf("yaml: %v", cause)
		}
	}()
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	return document.Content[0], nil
}
