package lint

import "strings"

// token is a word of a script, or what stands between words.
type token struct {
	op         string // ; & | ( ) or a line break, and then the rest is empty
	text       string // without quotes
	start, end int    // in the script, with quotes
	plain      bool   // the shell takes it as it is, expanding nothing
	redirect   string // < or > before it
	command    bool   // it is the name of a command
}

// split takes a script apart as a shell would, but for what needs running it. Comments
// and the bodies of here-documents are left out.
func split(script string) []token {
	s := &splitter{script: script, begins: true}
	for s.at < len(script) {
		s.next()
	}
	return s.tokens
}

type splitter struct {
	script   string
	at       int
	tokens   []token
	begins   bool     // a command begins here
	redirect string   // for the next word
	heredocs []string // whose bodies begin on the next line
	heredoc  bool     // the next word ends such a body
}

func (s *splitter) next() {
	c := s.script[s.at]
	switch {
	case c == '\n':
		s.op("\n")
		s.skipBodies()
	case c == ' ' || c == '\t' || c == '\r':
		s.at++
	case strings.HasPrefix(s.script[s.at:], "\\\n"):
		s.at += 2
	case c == '#':
		s.skipLine()
	case strings.IndexByte(";&|()", c) >= 0:
		s.op(string(c))
	case c == '<' || c == '>':
		s.redirection(c)
	default:
		s.word()
	}
}

func (s *splitter) op(op string) {
	s.tokens = append(s.tokens, token{op: op})
	s.begins, s.redirect, s.heredoc = true, "", false
	s.at++
}

func (s *splitter) skipLine() {
	if end := strings.IndexByte(s.script[s.at:], '\n'); end >= 0 {
		s.at += end
		return
	}
	s.at = len(s.script)
}

// redirection reads <, >, >>, >|, <<, <<-, <<< and the & of >&1.
func (s *splitter) redirection(c byte) {
	start := s.at
	for s.at < len(s.script) && strings.IndexByte("<>|&-", s.script[s.at]) >= 0 && s.at-start < 3 {
		s.at++
	}
	sign := s.script[start:s.at]
	s.redirect = string(c)
	if s.at < len(s.script) && s.script[s.at] == '(' {
		s.redirect = "" // <(command)
		return
	}
	switch {
	case sign == "<<<":
		s.redirect = "word"
	case strings.HasPrefix(sign, "<<"):
		s.heredoc = true
	case strings.Contains(sign, "&"):
		s.redirect = "descriptor"
	}
}

func (s *splitter) word() {
	t := token{start: s.at, plain: true, command: s.begins && s.redirect == "", redirect: s.redirect}
	var text strings.Builder
	for s.at < len(s.script) && strings.IndexByte(" \t\r\n;&|()<>", s.script[s.at]) < 0 {
		s.piece(&t, &text)
	}
	t.text, t.end = text.String(), s.at
	if s.isDescriptor(t) {
		return
	}
	if s.heredoc {
		s.heredocs = append(s.heredocs, t.text)
		s.heredoc, s.redirect = false, ""
		return
	}
	s.redirect = ""
	s.tokens = append(s.tokens, t)
	if t.command && !assignment(t.text) && !keywords[t.text] {
		s.begins = false
	}
}

// isDescriptor knows the 2 of 2>log.
func (s *splitter) isDescriptor(t token) bool {
	return s.at < len(s.script) && (s.script[s.at] == '<' || s.script[s.at] == '>') && t.text != "" && strings.Trim(t.text, "0123456789") == ""
}

// keywords are words of the shell that a command stands behind.
var keywords = map[string]bool{
	"if": true, "then": true, "else": true, "elif": true, "while": true, "until": true, "do": true, "!": true, "{": true,
	"time": true, "exec": true, "env": true, "nohup": true, "command": true,
}

// assignment knows NAME=value.
func assignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	return found && isName(name)
}

func isName(text string) bool {
	for i, r := range text {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return text != ""
}

// piece reads one character of a word, or what is in quotes.
func (s *splitter) piece(t *token, text *strings.Builder) {
	c := s.script[s.at]
	s.at++
	switch c {
	case '\\':
		if s.at < len(s.script) {
			if s.script[s.at] != '\n' {
				text.WriteByte(s.script[s.at])
			}
			s.at++
		}
	case '\'':
		end := strings.IndexByte(s.script[s.at:], '\'')
		if end < 0 {
			end, t.plain = len(s.script)-s.at, false
		}
		text.WriteString(s.script[s.at : s.at+end])
		s.at = min(s.at+end+1, len(s.script))
	case '"':
		s.quoted(t, text)
	case '$', '`', '*', '?', '[', '{', '~':
		t.plain = false
		text.WriteByte(c)
		s.substitution(c, text)
	default:
		text.WriteByte(c)
	}
}

func (s *splitter) quoted(t *token, text *strings.Builder) {
	for s.at < len(s.script) && s.script[s.at] != '"' {
		c := s.script[s.at]
		switch {
		case c == '\\' && s.at+1 < len(s.script):
			s.at++
			c = s.script[s.at]
		case c == '$' || c == '`':
			t.plain = false
		}
		text.WriteByte(c)
		s.at++
	}
	s.at = min(s.at+1, len(s.script))
}

// substitution takes the rest of $(command), ${name} and `command` into the word.
func (s *splitter) substitution(c byte, text *strings.Builder) {
	closing := byte(0)
	switch {
	case c == '`':
		closing = '`'
	case c == '$' && strings.HasPrefix(s.script[s.at:], "("):
		closing = ')'
	case c == '$' && strings.HasPrefix(s.script[s.at:], "{"):
		closing = '}'
	default:
		return
	}
	open := 0
	for ; s.at < len(s.script); s.at++ {
		if now := s.script[s.at]; closing != '`' && (now == '(' || now == '{') {
			open++
		} else if now == ')' || now == '}' || now == '`' {
			open--
		}
		text.WriteByte(s.script[s.at])
		if open <= 0 && s.script[s.at] == closing {
			s.at++
			return
		}
	}
}

// skipBodies goes over the bodies of the here-documents that the line began.
func (s *splitter) skipBodies() {
	for _, end := range s.heredocs {
		for s.at < len(s.script) {
			line, _, _ := strings.Cut(s.script[s.at:], "\n")
			s.at = min(s.at+len(line)+1, len(s.script))
			if strings.TrimLeft(line, "\t") == end {
				break
			}
		}
	}
	s.heredocs = nil
}
