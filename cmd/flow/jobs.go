package main

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"flow/pkg/project"
)

// jobsFlag is -j: as typed, or "" when it was not.
type jobsFlag string

// String returns what was typed.
func (f *jobsFlag) String() string { return string(*f) }

// Type names the kind of value in the help.
func (f *jobsFlag) Type() string { return "number" }

// Set takes what was typed.
func (f *jobsFlag) Set(text string) error {
	*f = jobsFlag(text)
	_, err := project.ParseJobs(text)
	return err
}

func (f *jobsFlag) add(cmd *cobra.Command) {
	cmd.Flags().VarP(f, "jobs", "j", "how many stages run at the same time; without a number one for each core")
	cmd.Flags().Lookup("jobs").NoOptDefVal = project.Cores
}

// value is how many stages may run at the same time, as engine.Options has it: as
// typed, else as the config says.
func (f *jobsFlag) value(p *project.Project) (int, error) {
	if *f != "" {
		return project.ParseJobs(string(*f))
	}
	return p.Config.Jobs()
}

var (
	endsInJobs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(--jobs|-[fikqvspPR]*j)$`) })
	holdsJobs  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(-[fikqvspPR]*j)([0-9]+)$`) })
	isJobs     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]+|` + project.Cores + `)$`) })
)

// joinJobs writes `-j 4` and `-j4` as `-j=4`, which is how a flag is read that may
// stand alone.
func joinJobs(words []string) []string {
	joined := make([]string, 0, len(words))
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "--" {
			return slices.Concat(joined, words[i:])
		}
		if strings.HasPrefix(word, "-") && strings.Contains(word, "j") {
			if parts := holdsJobs().FindStringSubmatch(word); parts != nil {
				word = parts[1] + "=" + parts[2]
			} else if i+1 < len(words) && endsInJobs().MatchString(word) && isJobs().MatchString(words[i+1]) {
				i++
				word += "=" + words[i]
			}
		}
		joined = append(joined, word)
	}
	return joined
}
