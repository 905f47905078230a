package picture

import (
	"fmt"
	"strconv"
	"strings"
)

// Role is what a shape stands for.
type Role string

// The roles. Those of states go with a sign and a word.
const (
	None   Role = ""
	Paper  Role = "paper"  // the ground
	Ink    Role = "ink"    // texts
	Faint  Role = "faint"  // texts that matter less
	Rule   Role = "rule"   // grids
	Fresh  Role = "fresh"  // a stage that is up to date
	Stale  Role = "stale"  // one that will run
	May    Role = "may"    // one that may run
	Get    Role = "get"    // one that is restored
	Active Role = "active" // one that runs now
	Failed Role = "failed"
)

// Hues is how many colours there are for series.
const Hues = 8

// Hue returns the role of a series' colour.
func Hue(series int) Role { return Role("s" + strconv.Itoa(series%Hues)) }

// colours is the theme: each role in light and in dark surroundings. Lines have a
// contrast of at least 3 to the paper, texts of at least 4.5.
var colours = []struct {
	role        Role
	light, dark string
}{
	{Paper, "#ffffff", "#161b22"},
	{Ink, "#1f2328", "#e6edf3"},
	{Faint, "#59636e", "#9aa4af"},
	{Rule, "#d8dee4", "#343c46"},
	{Fresh, "#d5f0d8", "#17402a"},
	{Stale, "#ffdfb0", "#5a3c05"},
	{May, "#fff6d0", "#3d3a17"},
	{Get, "#d3e6ff", "#153a66"},
	{Active, "#e4d9ff", "#3f2f78"},
	{Failed, "#ffd4d0", "#6b1f1c"},
	{Hue(0), "#0068b5", "#58b0f5"},
	{Hue(1), "#c94f00", "#ff9550"},
	{Hue(2), "#00805e", "#35d0a0"},
	{Hue(3), "#a8327e", "#f288c6"},
	{Hue(4), "#8a6d00", "#dfbc45"},
	{Hue(5), "#5b4bc4", "#a99bff"},
	{Hue(6), "#b3261e", "#ff8a80"},
	{Hue(7), "#3f6b73", "#8cc3cc"},
}

// light returns a role's colour on white.
func light(role Role) string {
	for _, colour := range colours {
		if colour.role == role {
			return colour.light
		}
	}
	return "none"
}

// Styles returns the style sheet that turns pictures dark in dark surroundings. The
// colours for light ones are in the shapes themselves, so that programs which know no
// style sheets show a picture, too.
func Styles() string {
	var b strings.Builder
	b.WriteString("@media (prefers-color-scheme:dark){")
	for _, colour := range colours {
		fmt.Fprintf(&b, ".f-%s{fill:%s}.k-%s{stroke:%s}", colour.role, colour.dark, colour.role, colour.dark)
	}
	b.WriteString("}")
	return b.String()
}

// Variables returns the theme as CSS variables, --ink and so on, for the page around
// pictures.
func Variables() string {
	var light, dark strings.Builder
	for _, colour := range colours {
		fmt.Fprintf(&light, "--%s:%s;", colour.role, colour.light)
		fmt.Fprintf(&dark, "--%s:%s;", colour.role, colour.dark)
	}
	return ":root{color-scheme:light dark;" + light.String() + "}@media (prefers-color-scheme:dark){:root{" + dark.String() + "}}"
}
