package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flow/pkg/diag"
)

var errStopped = context.Canceled

// explainer is an error with more to say than its line: what follows from it and
// what to do.
type explainer interface {
	error
	Explain() (lines []string, hint string)
}

// Explain draws an error for people: each mistake with its line, a caret and a
// hint, and whatever else an error has to say. It ends with a newline.
func Explain(err error, style Style) string {
	var b strings.Builder
	for _, one := range flatten(err) {
		var mistake *diag.Error
		var told explainer
		switch {
		case errors.As(one, &told):
			explainTold(&b, told, style)
		case errors.As(one, &mistake):
			explainMistake(&b, mistake, style)
		default:
			fmt.Fprintf(&b, "%s %s\n", style.Red("error:"), one)
		}
	}
	return b.String()
}

// flatten takes joined errors and lists apart.
func flatten(err error) []error {
	var told explainer
	if errors.As(err, &told) {
		if joined, isJoined := err.(interface{ Unwrap() []error }); !isJoined {
			_ = joined
			return []error{err}
		}
	}
	if joined, isJoined := err.(interface{ Unwrap() []error }); isJoined {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, flatten(one)...)
		}
		return all
	}
	var list diag.List
	if errors.As(err, &list) {
		return flatten(list)
	}
	return []error{err}
}

func explainTold(b *strings.Builder, told explainer, style Style) {
	fmt.Fprintf(b, "%s %s\n", style.Red("error:"), told.Error())
	lines, hint := told.Explain()
	for _, line := range lines {
		fmt.Fprintf(b, "  %s\n", line)
	}
	if hint != "" {
		fmt.Fprintf(b, "  %s\n", hint)
	}
}

func explainMistake(b *strings.Builder, mistake *diag.Error, style Style) {
	place := mistake.Pos.String()
	if place == "" {
		place = "error"
	}
	fmt.Fprintf(b, "%s %s\n", style.Bold(place+":"), mistake.Msg)
	if mistake.Line != "" && mistake.Pos.Line > 0 {
		explainLine(b, mistake, style)
	} else if mistake.Hint != "" {
		fmt.Fprintf(b, "  %s\n", mistake.Hint)
	}
	for _, note := range mistake.Notes {
		fmt.Fprintf(b, "  %s %s\n", style.Dim(note.Pos.String()+":"), note.Msg)
	}
}

// longestLine is how much of a line is shown.
const longestLine = 160

// explainLine draws the line with a caret under the mistake and the hint behind it.
func explainLine(b *strings.Builder, mistake *diag.Error, style Style) {
	number := fmt.Sprint(mistake.Pos.Line)
	runes := []rune(printable(mistake.Line))
	at, width := max(0, mistake.Pos.Col-1), min(max(1, mistake.Width), longestLine)
	if at > longestLine-width {
		cut := min(len(runes), max(0, at-longestLine/2))
		runes, at = append([]rune("…"), runes[cut:]...), at-cut+1
	}
	if len(runes) > longestLine {
		runes = append(runes[:longestLine:longestLine], '…')
	}
	text := string(runes)
	fmt.Fprintf(b, "  %s %s\n", style.Dim(number+" |"), text)
	pad := 0
	for _, r := range runes[:min(at, len(runes))] {
		pad += runeWidth(r)
	}
	width = min(width, max(1, len(runes)-at))
	caret := style.Red(strings.Repeat("^", width))
	if mistake.Hint != "" {
		caret += " " + mistake.Hint
	}
	fmt.Fprintf(b, "  %s %s%s\n", style.Dim(strings.Repeat(" ", len(number))+" |"), strings.Repeat(" ", pad), caret)
}
