// Package ui shows events, errors and tables to people and to machines.
//
// A face is an event.Sink: Text writes lines, JSON writes one object a line. What a
// person mends is drawn by Explain; nothing below this package knows colour.
package ui

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Style is the colours of a stream; the zero Style has none.
type Style struct{ colour bool }

// StyleFor returns the style for a stream: colours only on a terminal, and not
// when NO_COLOR is set or TERM is dumb.
func StyleFor(w io.Writer) Style {
	file, isFile := w.(*os.File)
	return Style{colour: isFile && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Colours reports whether the style has any.
func (s Style) Colours() bool { return s.colour }

func (s Style) paint(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold, Dim, Red, Green, Yellow and Cyan paint a text, where the style has colours.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim is for what matters less.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red is for errors.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green is for what went well.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Yellow is for warnings.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Cyan is for names.
func (s Style) Cyan(text string) string { return s.paint("36", text) }

// IsTerminal reports whether a person sits behind a file.
func IsTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// ReadSecret reads a line from a terminal without showing it.
func ReadSecret(file *os.File) (string, error) {
	secret, err := term.ReadPassword(int(file.Fd()))
	return string(secret), err
}

// CanPaint reports whether lines of a terminal can be written over.
func CanPaint(file *os.File) bool { return IsTerminal(file) && os.Getenv("TERM") != "dumb" }

// Width returns the columns of the terminal behind a stream, or 0.
func Width(w io.Writer) int {
	if file, isFile := w.(*os.File); isFile {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// Duration writes a time the way people say it: 12ms, 3.2s, 4m05s, 2h03m, 1d04h.
// Whole seconds, as a clock shows them, are 3s.
func Duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0ms"
	case d < time.Millisecond:
		return "1ms"
	case d%time.Second == 0 && d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	case d.Round(time.Second/10) < time.Minute:
		return fmt.Sprintf("%.1fs", d.Round(time.Second/10).Seconds())
	case d.Round(time.Second) < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d.Round(time.Minute) < 24*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// Bytes writes a size with a decimal unit: 512 B, 1.5 kB, 20.0 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 999.95 && unit < 5 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, " kMGTP"[unit])
}

// Count writes a number with its noun: 1 stage, 4 stages.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "y") {
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
