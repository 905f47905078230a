// Package ci writes pipelines for services that run something for every commit: they run
// the project's stages, compare with the main branch, and post a report.
package ci

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"

	"flow/pkg/diag"
)

// Options says what a pipeline is to do.
type Options struct {
	Branch  string // what to compare with
	Install string // shell lines that put flow on PATH
	Pull    bool   // whether there is a remote, to get data from and to bring it to
}

// check is how a pipeline begins where nobody has said how flow gets on PATH.
const check = "flow version # flow must be on PATH; `flow ci --install COMMAND` writes a command here"

//go:embed github.yaml
var github string

//go:embed gitlab.yaml
var gitlab string

//go:embed Jenkinsfile
var jenkins string

// service is a service with its pipeline.
type service struct {
	name, file, text string
	pull             string // what it does where there is a remote
}

var services = []service{
	{"github", ".github/workflows/flow.yaml", github, "      - name: Get the data\n        run: flow pull --allow-missing"},
	{"gitlab", ".gitlab-ci.yml", gitlab, "    - flow pull --allow-missing"},
	{"jenkins", "Jenkinsfile", jenkins, "    stage('Get the data') {\n      steps {\n        sh 'flow pull --allow-missing'\n      }\n    }"},
}

// Services returns the names of the services there is a pipeline for.
func Services() []string {
	var names []string
	for _, s := range services {
		names = append(names, s.name)
	}
	return names
}

// branches is the names of branches that need no quoting anywhere: git allows more.
var branches = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+-]*$`) })

// Pipeline returns the pipeline for a service, and the file that it belongs in.
func Pipeline(name string, options Options) (file, text string, err error) {
	if !branches().MatchString(options.Branch) {
		return "", "", diag.At(diag.Pos{}, "%q can't be the branch to compare with", options.Branch).WithHint("name one of letters, digits and ._/+-")
	}
	for _, s := range services {
		if s.name == name {
			return s.file, s.fill(options), nil
		}
	}
	return "", "", diag.At(diag.Pos{}, "there is no pipeline for %q", name).WithHint("there is one for %s", strings.Join(Services(), ", "))
}

func (s service) fill(options Options) string {
	install := options.Install
	if install == "" {
		install = check
	}
	var out []string
	for line := range strings.Lines(s.text) {
		line = strings.TrimSuffix(line, "\n")
		switch indent, _, found := strings.Cut(line, "@INSTALL@"); {
		case found:
			for command := range strings.SplitSeq(strings.TrimSpace(install), "\n") {
				out = append(out, indent+command)
			}
		case line == "@PULL@":
			if options.Pull {
				out = append(out, s.pull)
			}
		default:
			out = append(out, strings.ReplaceAll(line, "@BRANCH@", options.Branch))
		}
	}
	return strings.Join(out, "\n") + "\n"
}
