// Package lint finds what is likely a mistake in a pipeline that can be read.
//
// Each rule is one function that looks at the pipeline and at the project's files and
// changes nothing. docs/lint.md lists the rules; a comment in the file silences one.
package lint

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/stages"
)

// Severity tells how sure it is that a finding is a mistake.
type Severity int

// The severities, the mildest first.
const (
	Note    Severity = iota // worth to know; often meant so
	Warning                 // likely a mistake
	Error                   // a run can't succeed
)

func (s Severity) String() string { return [...]string{"note", "warning", "error"}[s] }

// Finding is what a rule found.
type Finding struct {
	Rule     string
	Severity Severity
	Problem  *diag.Error

	stage diag.Pos // of the stage that it is about, if it is
}

// Rule is one kind of finding.
type Rule struct {
	Name     string
	Severity Severity
	Says     string // what it finds

	find func(*checker)
}

// ReadRule is the rule of what is found while the pipeline is read.
const ReadRule = "pipeline"

// Rules returns all rules, the gravest first.
func Rules() []Rule {
	return []Rule{
		{ReadRule, Error, "what keeps flow from reading the pipeline, or makes it wonder", (*checker).warned},
		{"missing-dep", Error, "a dep that is not there and that no stage makes", (*checker).missingDeps},
		{"missing-param", Error, "a param that its file does not have", (*checker).missingParams},
		{"undeclared-dep", Warning, "a file that a command names and that is no dep, out or params file of the stage", (*checker).undeclaredDeps},
		{"always-runs", Warning, "a stage with neither deps nor outs, which runs every time", (*checker).alwaysRuns},
		{"unquoted", Warning, "a template in a command whose text the shell takes apart", (*checker).unquoted},
		{"unused-var", Warning, "a var that no template uses", (*checker).unusedVars},
		{"unused-out", Note, "an out that no stage reads, of a stage whose other outs are read; data that no stage reads", (*checker).unusedOuts},
		{"local-repo", Note, "data that is imported from a folder, which other machines need at the same place", (*checker).localRepos},
		{"unused-param", Note, "a value in a params file that no stage and no template uses", (*checker).unusedParams},
		{"undeclared-out", Note, "a file that a command writes by > and that is no out of the stage", (*checker).undeclaredOuts},
		{"undeclared-env", Note, "a variable that a command has from the environment and that is neither in env nor a dep", (*checker).undeclaredEnv},
	}
}

// Files is the project's files.
type Files interface {
	Read(name string) ([]byte, error)
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// Lint goes through all rules and returns what they find, sorted by place. What a
// comment silences is left out.
func Lint(pipeline *stages.Pipeline, files Files) []Finding {
	c := &checker{pipeline: pipeline, files: files, texts: map[string]*diag.Lines{}}
	for _, rule := range Rules() {
		c.rule = rule
		rule.find(c)
	}
	return c.told()
}

// Unreadable returns the findings when the pipeline can't be read: why it can't.
func Unreadable(err error) []Finding {
	var found []Finding
	for _, problem := range diag.All(err) {
		found = append(found, Finding{Rule: ReadRule, Severity: Error, Problem: problem})
	}
	return found
}

// Select keeps the findings of some rules, or of all when none is named, but for those
// to skip. Why a pipeline can't be read is always kept.
func Select(found []Finding, only, skip []string) []Finding {
	return slices.DeleteFunc(found, func(f Finding) bool {
		switch {
		case f.Rule == ReadRule && f.Severity == Error:
			return false
		case len(only) > 0 && !slices.Contains(only, f.Rule):
			return true
		}
		return slices.Contains(skip, f.Rule)
	})
}

// checker is what the rules share.
type checker struct {
	pipeline *stages.Pipeline
	files    Files
	texts    map[string]*diag.Lines // nil for a file that can't be read
	rule     Rule                   // that is looking
	found    []Finding
}

// add adds a finding of the rule that is looking; stage is nil when it is about none.
func (c *checker) add(stage *stages.Stage, problem *diag.Error) {
	finding := Finding{Rule: c.rule.Name, Severity: c.rule.Severity, Problem: problem}
	if stage != nil {
		finding.stage = stage.Pos
	}
	c.found = append(c.found, finding)
}

// told returns the findings as they are shown: one of a kind at a place, as the stages
// of a group share theirs.
func (c *checker) told() []Finding {
	type key struct {
		rule string
		pos  diag.Pos
	}
	seen := map[key]bool{}
	found := slices.DeleteFunc(c.found, func(f Finding) bool {
		k := key{f.Rule, f.Problem.Pos}
		again := seen[k] || c.silenced(f)
		seen[k] = true
		return again
	})
	for _, f := range found {
		if text := c.text(f.Problem.Pos.File); text != nil {
			text.Show(f.Problem)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		p, q := a.Problem.Pos, b.Problem.Pos
		return cmp.Or(strings.Compare(p.File, q.File), p.Line-q.Line, p.Col-q.Col)
	})
	return found
}

// text returns a file by lines; nil when it can't be read.
func (c *checker) text(file string) *diag.Lines {
	text, found := c.texts[file]
	if !found && file != "" {
		if content, err := c.files.Read(file); err == nil {
			text = diag.NewLines(content)
		}
		c.texts[file] = text
	}
	return text
}

// warned passes on what was odd when the pipeline was read.
func (c *checker) warned() {
	c.rule.Severity = Warning
	for _, problem := range c.pipeline.Warnings {
		c.add(nil, problem)
	}
	c.checkComments()
}
