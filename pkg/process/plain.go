package process

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Plain returns the words of a script that is one command of which a shell would make
// words and no more, so that the program can be started without one. It is false for
// whatever a shell could take for something else: an expansion, a redirection, an
// assignment, a keyword, a command of its own, a second line; for all that is not ASCII
// outside of quotes; and when the environment tells a shell to do more than that. Whether
// the program can be started is not looked at.
func Plain(script string, env []string) ([]string, bool) {
	if runtime.GOOS == "windows" || slices.ContainsFunc(env, tellsShell) || overSSH(env) {
		return nil, false
	}
	words, whole := split(strings.Trim(script, " \t\n"))
	if !whole || len(words) == 0 || !isProgram(words[0]) {
		return nil, false
	}
	return words, true
}

// split makes words of a text, false when that needs a shell.
func split(text string) ([]string, bool) {
	var words []string
	var word strings.Builder
	begun := false // a word may be empty: ''
	for len(text) > 0 {
		c := text[0]
		text = text[1:]
		switch {
		case c == ' ' || c == '\t':
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		case c == '\'' || c == '"':
			inner, rest, closed := strings.Cut(text, string(c))
			if !closed || strings.IndexByte(inner, 0) >= 0 || len(words) == 0 || c == '"' && strings.ContainsAny(inner, "$`\\!") {
				return nil, false
			}
			word.WriteString(inner)
			text, begun = rest, true
		case isPlain(c) || c == '=' && len(words) > 0:
			word.WriteByte(c)
			begun = true
		default:
			return nil, false
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, true
}

// isPlain reports whether a character means itself wherever it stands in a word.
func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_-./+,:@%", c) >= 0
}

// isProgram reports whether a first word is looked for in the PATH, or is a path.
func isProgram(word string) bool {
	return strings.IndexByte("-+,:@%", word[0]) < 0 && !strings.Contains(ofShells, " "+word+" ")
}

// ofShells are the words that a shell has a meaning of its own for: those of POSIX, bash,
// dash and the shell of BusyBox.
const ofShells = ` . [ alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc declare dirs disown ` +
	`do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in jobs ` +
	`kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source suspend ` +
	`test then time times trap true type typeset ulimit umask unalias unset until wait while `

// tellsShell reports whether a variable changes how a shell runs a script.
func tellsShell(entry string) bool {
	name, _, _ := strings.Cut(entry, "=")
	switch name {
	case "BASH_ENV", "BASHOPTS", "SHELLOPTS", "EXECIGNORE", "POSIXLY_CORRECT":
		return true
	case "PATH":
		return strings.Contains(entry, "~") // which bash takes for a home
	}
	return strings.HasPrefix(name, "BASH_FUNC_") || strings.HasPrefix(name, "__BASH_FUNC<") // Apple's
}

// overSSH reports whether a bash may take itself for the login shell of a remote command,
// which Debian's has read ~/.bashrc.
func overSSH(env []string) bool {
	client, level := false, 0
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		switch name {
		case "SSH_CLIENT", "SSH2_CLIENT":
			client = true
		case "SHLVL":
			level, _ = strconv.Atoi(value)
		}
	}
	return client && level < 1
}
