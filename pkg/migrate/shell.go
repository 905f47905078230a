package migrate

import (
	"slices"
	"strings"
)

// The shells that are written where flow's own might do something else. DVC runs a
// script in the user's shell, without -e and without pipefail.
const (
	inSh   = "sh -c"
	inBash = "bash -c"
)

// shellFor returns the shell under which scripts run as DVC ran them; "" when flow's own
// does the same: for single simple commands, and for several that are joined by &&. What
// it is not sure of, it does not call the same.
func shellFor(scripts []string) string {
	shell := ""
	for _, script := range scripts {
		r := &reader{script: script, start: true}
		r.read()
		if r.bash {
			return inBash
		}
		if r.compound {
			shell = inSh
		}
	}
	return shell
}

// reader goes through a script as far as is needed to tell whether it is simple.
type reader struct {
	script   string
	at       int
	start    bool // a command begins here
	compound bool // there is more than simple commands and &&
	bash     bool // there is what only bash knows
}

func (r *reader) read() {
	for r.at < len(r.script) {
		switch c := r.script[r.at]; {
		case c == ' ' || c == '\t':
			r.at++
		case c == '#':
			r.comment()
		case strings.HasPrefix(r.script[r.at:], "&&"):
			r.at, r.start = r.at+2, true
		case strings.IndexByte("<>", c) >= 0:
			r.redirect()
		case strings.IndexByte(";|&()\n\r", c) >= 0:
			r.operator()
		default:
			r.word()
		}
	}
}

func (r *reader) comment() {
	if end := strings.IndexByte(r.script[r.at:], '\n'); end >= 0 {
		r.at += end
		return
	}
	r.at = len(r.script)
}

func (r *reader) operator() {
	rest := r.script[r.at:]
	r.compound, r.start = true, true
	if strings.HasPrefix(rest, "&>") || strings.HasPrefix(rest, "|&") || strings.HasPrefix(rest, "((") {
		r.bash = true
	}
	r.at++
}

// redirect passes over < > >> 2>&1 and their like, which all shells know, and notes
// those that only bash does.
func (r *reader) redirect() {
	rest := r.script[r.at:]
	switch {
	case strings.HasPrefix(rest, "<<<"), strings.HasPrefix(rest, "<("), strings.HasPrefix(rest, ">("):
		r.compound, r.bash = true, true
		r.at += 2
	case strings.HasPrefix(rest, "<<"):
		r.compound = true
		r.at += 2
	default:
		r.at++
		for r.at < len(r.script) && strings.IndexByte(">&|", r.script[r.at]) >= 0 {
			r.at++
		}
	}
}

// words that do more than a program would: the first two lists are the shell's grammar
// and what runs or sets things in the shell itself.
var (
	grammar  = strings.Fields("if then elif else fi for in do done while until case esac { } !")
	builtins = strings.Fields(". eval set shift trap exec return wait unset alias read export local readonly")
	bashOnly = strings.Fields("[[ function select time source declare typeset let shopt mapfile readarray pushd popd coproc")
)

func (r *reader) word() {
	from := r.at
	for r.at < len(r.script) && strings.IndexByte(" \t\n\r;|&<>()", r.script[r.at]) < 0 {
		r.part()
	}
	word := r.script[from:r.at]
	if !r.start {
		return
	}
	switch {
	case slices.Contains(bashOnly, word):
		r.compound, r.bash = true, true
	case slices.Contains(grammar, word), slices.Contains(builtins, word):
		r.compound = true
	}
	r.start = isAssignment(word)
}

// part passes over a quoted part of a word, or one byte.
func (r *reader) part() {
	switch c := r.script[r.at]; c {
	case '\\':
		r.at += 2
	case '\'':
		r.quoted('\'')
	case '"':
		r.quoted('"')
	case '`':
		r.compound = true
		r.at++
	case '$':
		r.dollar()
	default:
		r.at++
	}
	r.at = min(r.at, len(r.script))
}

func (r *reader) quoted(quote byte) {
	for r.at++; r.at < len(r.script) && r.script[r.at] != quote; r.at++ {
		switch c := r.script[r.at]; {
		case quote == '\'':
		case c == '\\':
			r.at++
		case c == '`', strings.HasPrefix(r.script[r.at:], "$("):
			r.compound = true
		}
	}
	r.at++
}

func (r *reader) dollar() {
	rest := r.script[r.at:]
	switch {
	case strings.HasPrefix(rest, "$("):
		r.compound = true
	case strings.HasPrefix(rest, "$'"), strings.HasPrefix(rest, `$"`):
		r.compound, r.bash = true, true
	}
	r.at++
}

// isAssignment knows NAME=value, behind which the command is still to come.
func isAssignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	for i, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return found && name != ""
}

// speaksOfDVC says what in scripts is DVC's; "" when nothing is.
func speaksOfDVC(scripts []string) string {
	for _, script := range scripts {
		for _, name := range []string{"DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"} {
			if strings.Contains(script, name) {
				return "reads $" + name + ", which flow does not set"
			}
		}
		fields := strings.Fields(script)
		for i, word := range fields {
			if word == "dvc" && (i == 0 || slices.Contains([]string{"&&", "||", ";", "|"}, fields[i-1])) {
				return "calls dvc"
			}
		}
	}
	return ""
}
