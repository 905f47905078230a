package lint

import (
	"slices"
	"strings"

	"flow/pkg/diag"
)

// mark begins the comment that silences rules: `# flow: lint-ignore RULE`. It counts for
// its own line and the one below; at a stage's name it counts for the stage.
const mark = "flow: lint-ignore"

// silenced tells whether a comment says that a finding is known.
func (c *checker) silenced(f Finding) bool {
	for _, pos := range []diag.Pos{f.Problem.Pos, f.stage} {
		text := c.text(pos.File)
		if text == nil {
			continue
		}
		if slices.Contains(ignored(text.Line(pos.Line)), f.Rule) {
			return true
		}
		for line := pos.Line - 1; strings.HasPrefix(strings.TrimSpace(text.Line(line)), "#"); line-- {
			if slices.Contains(ignored(text.Line(line)), f.Rule) {
				return true
			}
		}
	}
	return false
}

// ignored returns the rules that a line's comment names, separated by spaces or commas.
// A colon ends them; behind it there may be a reason.
func ignored(line string) []string {
	_, comment, found := strings.Cut(line, "#")
	_, named, marked := strings.Cut(comment, mark)
	if !found || !marked {
		return nil
	}
	named, _, _ = strings.Cut(named, ":")
	return strings.FieldsFunc(named, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
}

// checkComments reports comments that name no rule.
func (c *checker) checkComments() {
	var names []string
	for _, rule := range Rules() {
		names = append(names, rule.Name)
	}
	for _, file := range c.pipelineFiles() {
		text := c.text(file)
		for number := 1; text != nil && number <= text.Len(); number++ {
			line := text.Line(number)
			for _, name := range ignored(line) {
				if slices.Contains(names, name) {
					continue
				}
				before, _, _ := strings.Cut(line, name)
				pos := diag.Pos{File: file, Line: number, Col: len([]rune(before)) + 1}
				problem := diag.At(pos, "there is no rule %q to ignore", name).WithHint("a colon stands between the rules and a reason")
				if near := diag.Nearest(name, names); near != "" {
					problem.Hint = "did you mean " + near + "?"
				}
				c.add(nil, problem)
			}
		}
	}
}

// pipelineFiles returns the files that the pipeline is declared in.
func (c *checker) pipelineFiles() []string {
	files := []string{c.pipeline.File}
	for _, stage := range c.pipeline.Stages {
		for _, file := range []string{stage.File, stage.Pos.File} {
			if !slices.Contains(files, file) && file != "" {
				files = append(files, file)
			}
		}
	}
	return files
}
