package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/lint"
	"flow/pkg/ui"
)

// newLintCmd returns `flow lint`.
func newLintCmd(a *app) *cobra.Command {
	var only, skip []string
	cmd := &cobra.Command{
		Use: "lint",
		Long: `Find what is likely a mistake in the pipeline: deps that nobody makes, files that a
command names and that are no deps, params and vars that nothing uses …

` + ruleList() + `
The exit code is 1 when there is a warning or an error, 0 when there are only notes.
A comment silences a rule for its line, the line below, or, at a stage's name, the stage:

  # flow: lint-ignore unused-out: it is for the people next door`,
		Example: `  flow lint
  flow lint --skip unused-param,unused-out
  flow lint --rule missing-dep --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runLint(a, only, skip) },
	}
	a.jsonFlag(cmd)
	cmd.Flags().StringSliceVar(&only, "rule", nil, "look for these `rules` only")
	cmd.Flags().StringSliceVar(&skip, "skip", nil, "don't look for these `rules`")
	for _, flag := range []string{"rule", "skip"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleNames(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	return cmd
}

func ruleNames() []string {
	var names []string
	for _, rule := range lint.Rules() {
		names = append(names, rule.Name)
	}
	return names
}

func ruleList() string {
	var b strings.Builder
	for _, rule := range lint.Rules() {
		fmt.Fprintf(&b, "  %-15s %-8s %s\n", rule.Name, rule.Severity, rule.Says)
	}
	return b.String()
}

func runLint(a *app, only, skip []string) error {
	if err := checkRules(slices.Concat(only, skip)); err != nil {
		return err
	}
	p, err := a.open()
	if err != nil {
		return err
	}
	pipeline, err := p.Pipeline()
	var found []lint.Finding
	switch {
	case err == nil:
		found = lint.Lint(pipeline, p.Root)
	case placed(err):
		found = lint.Unreadable(err)
	default:
		return err
	}
	found = lint.Select(found, only, skip)
	if err := sayFindings(a, found); err != nil {
		return err
	}
	if slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Severity >= lint.Warning }) {
		return errSilent
	}
	return nil
}

// placed tells whether an error is of the pipeline's text.
func placed(err error) bool {
	problems := diag.All(err)
	return len(problems) > 0 && problems[0].Pos.File != ""
}

func checkRules(names []string) error {
	known := ruleNames()
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		hint := "the rules are " + strings.Join(known, ", ")
		if near := diag.Nearest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return wordsError{fmt.Errorf("there is no rule %q\n  %s", name, hint)}
	}
	return nil
}

// sayFindings draws each finding, and says how many there are.
func sayFindings(a *app, found []lint.Finding) error {
	if a.json {
		return printFindings(a, found)
	}
	count := map[lint.Severity]int{}
	for _, f := range found {
		count[f.Severity]++
		drawn := *f.Problem
		drawn.Msg = fmt.Sprintf("%s: %s [%s]", f.Severity, drawn.Msg, f.Rule)
		fmt.Fprint(a.out, ui.Explain(&drawn, ui.StyleFor(a.out)))
	}
	var parts []string
	for _, severity := range []lint.Severity{lint.Error, lint.Warning, lint.Note} {
		if n := count[severity]; n == 1 {
			parts = append(parts, fmt.Sprintf("1 %s", severity))
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %ss", n, severity))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing found"}
	}
	a.say("%s", strings.Join(parts, ", "))
	return nil
}

// jsonFinding is a finding of `flow lint --json`.
type jsonFinding struct {
	Rule     string     `json:"rule"`
	Severity string     `json:"severity"`
	File     string     `json:"file"`
	Line     int        `json:"line,omitempty"`
	Column   int        `json:"column,omitempty"`
	Width    int        `json:"width,omitempty"`
	Message  string     `json:"message"`
	Hint     string     `json:"hint,omitempty"`
	Notes    []jsonNote `json:"notes,omitempty"`
}

type jsonNote struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

func printFindings(a *app, found []lint.Finding) error {
	list := make([]jsonFinding, len(found))
	for i, f := range found {
		p := f.Problem
		list[i] = jsonFinding{
			Rule: f.Rule, Severity: f.Severity.String(), File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Col,
			Width: p.Width, Message: p.Msg, Hint: p.Hint,
		}
		for _, note := range p.Notes {
			list[i].Notes = append(list[i].Notes, jsonNote{File: note.Pos.File, Line: note.Pos.Line, Column: note.Pos.Col, Message: note.Msg})
		}
	}
	return ui.WriteJSON(a.out, list)
}
