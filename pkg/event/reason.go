package event

import "strings"

// labels is how a kind reads in front of its subject.
var labels = map[Kind]string{
	DepAdded: "new dep", DepRemoved: "dep removed:", DepChanged: "dep", DepMissing: "dep",
	ParamAdded: "new param", ParamRemoved: "param removed:", ParamChanged: "param", ParamMissing: "param",
	OutAdded: "new out", OutRemoved: "out removed:", OutChanged: "out", OutMissing: "out",
	EnvChanged: "env", NotCached: "out", SourceChanged: "data",
}

// verbs is what happened to the subject, where no old and new value tell it.
var verbs = map[Kind]string{
	DepMissing: "is missing", ParamMissing: "is missing", ParamChanged: "changed",
	OutMissing: "is missing", NotCached: "is not in the cache",
}

// longest is how many characters of a subject are shown: a dep may be a whole script.
const longest = 100

// brief is a text on one line.
func brief(text string) string {
	if !strings.ContainsAny(text, "\n\t") && len(text) <= longest {
		return text
	}
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > longest {
		return string(line[:longest-1]) + "…"
	}
	return string(line)
}

// String says the difference in one line: "param params.yaml:train.lr 0.1 → 0.2".
func (r Reason) String() string {
	if r.Kind == Upstream {
		return r.Subject + " " + r.Detail
	}
	words := []string{string(r.Kind)}
	if label, found := labels[r.Kind]; found {
		words = []string{label, brief(r.Subject)}
	}
	changed := r.Kind == DepChanged || r.Kind == OutChanged || r.Kind == SourceChanged
	switch {
	case changed && r.Detail == "" && r.Was != "" && r.Is != "":
		words = append(words, "changed", "("+r.Was+" → "+r.Is+")")
	case changed:
		words = append(words, "changed")
	case r.Was != "" && r.Is != "":
		words = append(words, r.Was, "→", r.Is)
	case r.Kind == ParamAdded && r.Is != "", r.Kind == EnvChanged && r.Is != "":
		words = append(words, "=", r.Is)
	default:
		if verb, found := verbs[r.Kind]; found {
			words = append(words, verb)
		}
	}
	if r.Detail != "" {
		words = append(words, "("+r.Detail+")")
	}
	return strings.Join(words, " ")
}
