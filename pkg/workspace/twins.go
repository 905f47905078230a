package workspace

import (
	"context"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"flow/pkg/digest"
)

// Twins returns two paths in a folder that differ only in how their accents are written, as
// one character or as two (Unicode's NFC and NFD): on macOS they are one file. They are
// empty where there are none, or what is there is no folder.
func (w *Workspace) Twins(ctx context.Context, name string) (one, other string, err error) {
	at, err := w.find(name)
	if err != nil || at.stat.kind != digest.Dir {
		return "", "", err
	}
	defer at.close()
	seen := map[string]string{}
	err = w.stats(ctx, name, at, func(path string, _ stat) {
		if isASCII(path) || one != "" {
			return
		}
		composed := norm.NFC.String(path)
		if first, found := seen[composed]; found {
			one, other = first, path
		}
		seen[composed] = path
	})
	return one, other, err
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
