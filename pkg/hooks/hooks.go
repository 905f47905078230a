// Package hooks is what flow adds to a git repository's hooks: a marked block in each.
//
// A block stands before all else in the script, behind its first line, so that no exit of
// what is there keeps it from running. What it leaves when it is taken out is the script
// as it was.
package hooks

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"flow/pkg/disk"
)

// Names is the hooks that flow uses.
var names = [...]string{"post-checkout", "post-merge", "post-rewrite", "pre-commit", "pre-push"}

// Site is where blocks go: one project in one repository.
type Site struct {
	Hooks   *disk.Root // the folder of the repository's hooks
	Project string     // the project's folder below the work tree's top; "." for the top
	Flow    string     // the word or path that starts flow
}

// Outcome is what became of one hook.
type Outcome struct {
	Hook  string
	Done  bool   // the file was changed
	Stays string // why flow leaves the file alone; "" when it doesn't
}

// Add puts the project's block into every hook. One that has it already stays as it is.
func (s Site) Add() ([]Outcome, error) {
	return s.each(func(hook, text string, there bool) (string, string) {
		if !there {
			text = fresh
		}
		first, rest, _ := strings.Cut(text, "\n")
		if !isShell(first) {
			return text, "it is no shell script"
		}
		return first + "\n" + s.block(hook) + s.cut(rest), ""
	})
}

// Remove takes the project's block out of every hook. A hook that is nothing else goes.
func (s Site) Remove() ([]Outcome, error) {
	return s.each(func(_, text string, _ bool) (string, string) { return s.cut(text), "" })
}

// Used reports whether a hook has a block of any project.
func (s Site) Used() bool {
	for _, hook := range names {
		text, err := s.Hooks.Read(hook)
		if err == nil && strings.Contains(string(text), "\n"+opening) {
			return true
		}
	}
	return false
}

const (
	fresh   = "#!/bin/sh\n"
	opening = "# >>> flow in "
	closing = "# <<< flow in "
)

// isShell reports whether a first line is that of a script for a POSIX shell.
func isShell(first string) bool {
	line, found := strings.CutPrefix(first, "#!")
	if !found {
		return false
	}
	for _, word := range strings.Fields(line) {
		name := word[strings.LastIndexByte(word, '/')+1:]
		switch name {
		case "sh", "bash", "dash", "ksh", "zsh", "ash":
			return true
		}
	}
	return false
}

// block returns the lines that call flow. What git tells by variables is about the
// repository and not for flow, which may work in a folder below.
func (s Site) block(hook string) string {
	return opening + s.Project + ": flow install wrote this; flow install --remove takes it out\n" +
		"if command -v " + quote(s.Flow) + " >/dev/null 2>&1; then\n" +
		"  (unset $(git rev-parse --local-env-vars); exec " + quote(s.Flow) + " -C " + quote(s.Project) +
		" git-hook " + hook + ` "$@" </dev/null) || exit $?` + "\n" +
		"fi\n" +
		closing + s.Project + "\n"
}

// quote writes a word for a shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// cut takes the project's block out of a text.
func (s Site) cut(text string) string {
	var kept strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(bare, opening+s.Project+": "):
			inside = true
		case inside && bare == closing+s.Project:
			inside = false
		case !inside:
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// each edits every hook. An edit says why it leaves a file alone.
func (s Site) each(edit func(hook, text string, there bool) (string, string)) ([]Outcome, error) {
	var outcomes []Outcome
	for _, hook := range names {
		outcome, err := s.one(hook, edit)
		if err != nil {
			return outcomes, fmt.Errorf("hook %s: %w", hook, err)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

func (s Site) one(hook string, edit func(hook, text string, there bool) (string, string)) (Outcome, error) {
	outcome := Outcome{Hook: hook}
	perm := fs.FileMode(0o755)
	info, err := s.Hooks.Lstat(hook)
	there := err == nil
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return outcome, err
	case there && !info.Mode().IsRegular():
		outcome.Stays = "it is no file of its own"
		return outcome, nil
	case there:
		perm = info.Mode().Perm()
	}
	var was []byte
	if there {
		if was, err = s.Hooks.Read(hook); err != nil {
			return outcome, err
		}
	}
	text, why := edit(hook, string(was), there)
	if why == "" && there && text != string(was) && perm&0o100 == 0 {
		why = "it can't be executed, so git does not use it"
	}
	if why != "" || text == string(was) {
		outcome.Stays = why
		return outcome, nil
	}
	outcome.Done = true
	if text == fresh {
		return outcome, s.Hooks.Remove(hook)
	}
	if err := s.Hooks.Replace(hook, []byte(text), perm); err != nil {
		return outcome, err
	}
	return outcome, s.Hooks.Chmod(hook, perm)
}
