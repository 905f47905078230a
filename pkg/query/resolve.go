package query

import (
	"strings"

	"flow/pkg/diag"
)

// Resolve makes every key of the query one of known: each stands for itself or is the
// end of one. A key that is none, or the end of several, is a *diag.Error.
func (q *Query) Resolve(known []string) error {
	for _, of := range q.keys {
		key, problem := resolve(of.key, known)
		if problem != nil {
			placed := failAt(q.text, of.at, of.width, "%s", problem.Msg)
			placed.Hint = problem.Hint
			return placed
		}
		of.key = key
	}
	return nil
}

// ResolveKey returns the one of known that a key means.
func ResolveKey(key string, known []string) (string, error) {
	found, problem := resolve(key, known)
	if problem != nil {
		return "", problem
	}
	return found, nil
}

func resolve(key string, known []string) (string, *diag.Error) {
	var found []string
	for _, one := range known {
		if one == key {
			return key, nil
		}
		if means(key, one) {
			found = append(found, one)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		problem := diag.At(diag.Pos{}, "there is no %q", key)
		if meant := nearest(key, known); meant != "" {
			return "", problem.WithHint("did you mean %q?", meant)
		}
		return "", problem
	}
	shown := strings.Join(found[:min(len(found), 4)], ", ")
	return "", diag.At(diag.Pos{}, "%q may mean %d things", key, len(found)).WithHint("write one of %s", shown)
}

// means reports whether a key is the end of a known one, from a dot or a colon on; the
// first part may be there, too: params.lr is the end of params.train.lr.
func means(key, known string) bool {
	if endsIn(known, key) {
		return true
	}
	first, rest, dotted := strings.Cut(key, ".")
	below, found := strings.CutPrefix(known, first+".")
	return dotted && found && endsIn(below, rest)
}

func endsIn(known, key string) bool {
	before, found := strings.CutSuffix(known, key)
	return found && key != "" && (strings.HasSuffix(before, ".") || strings.HasSuffix(before, ":"))
}

// nearest finds a key that is likely meant, by itself or by its end.
func nearest(key string, known []string) string {
	if meant := diag.Nearest(key, known); meant != "" {
		return meant
	}
	last := key[strings.LastIndexAny(key, ".:")+1:]
	for _, one := range known {
		if diag.Nearest(last, []string{one[strings.LastIndexAny(one, ".:")+1:]}) != "" {
			return one
		}
	}
	return ""
}
