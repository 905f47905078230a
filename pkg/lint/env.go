package lint

import (
	"strings"

	"flow/pkg/stages"
)

// usual are variables that every machine has, or that the shell sets; what they hold
// is seldom what a result depends on.
var usual = map[string]bool{
	"HOME": true, "PATH": true, "PWD": true, "OLDPWD": true, "USER": true, "SHELL": true, "TMPDIR": true, "TMP": true, "TEMP": true,
	"LANG": true, "TERM": true, "HOSTNAME": true, "RANDOM": true, "SECONDS": true, "LINENO": true, "UID": true, "EUID": true, "PPID": true,
	"IFS": true, "OPTARG": true, "OPTIND": true, "PIPESTATUS": true, "FUNCNAME": true, "REPLY": true, "NUMBER_OF_PROCESSORS": true,
}

// undeclaredEnv finds variables that a command has from the machine it runs on.
func (c *checker) undeclaredEnv() {
	for _, stage := range c.pipeline.Commands() {
		known := map[string]bool{}
		for _, v := range stage.Env {
			known[v.Name] = true
		}
		for _, dep := range stage.Deps {
			if dep.Kind == stages.EnvDep {
				known[dep.Text()] = true
			}
		}
		for i, script := range stage.Cmd {
			c.environment(stage, i, script, known)
		}
	}
}

func (c *checker) environment(stage *stages.Stage, i int, script string, known map[string]bool) {
	set := map[string]bool{}
	last := ""
	for _, t := range split(script) {
		name, _, _ := strings.Cut(t.text, "=")
		if assignment(t.text) || last == "for" || last == "read" || last == "export" || last == "local" {
			set[name] = true
		}
		last = t.text
	}
	for _, v := range variables(script) {
		name := script[v.start+1 : v.end]
		name = strings.Trim(name, "{}")
		if known[name] || set[name] || usual[name] || strings.HasPrefix(name, "FLOW_") || strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "BASH") {
			continue
		}
		set[name] = true // once is enough
		at := c.place(stage, i, script, v)
		c.add(stage, at.problem("the command of %q reads the variable %s of the machine that it runs on", stage.Name, name).
			WithHint("set it under env:, or make it a dep: {env: %s}", name))
	}
}

// variables finds $NAME and ${NAME in a script, outside of single quotes, of names in
// capitals, as those of the environment are.
func variables(script string) []token {
	var found []token
	single, double := false, false
	for i := 0; i < len(script); i++ {
		switch c := script[i]; {
		case c == '\\' && !single:
			i++
		case c == '\'' && !double:
			single = !single
		case c == '"' && !single:
			double = !double
		case c == '$' && !single:
			start := i + 1
			if start < len(script) && script[start] == '{' {
				start++
			}
			end := start
			for end < len(script) && (script[end] >= 'A' && script[end] <= 'Z' || script[end] == '_' || end > start && script[end] >= '0' && script[end] <= '9') {
				end++
			}
			lower := end < len(script) && script[end] >= 'a' && script[end] <= 'z'
			if end > start && !lower && strings.Trim(script[start:end], "_") != "" {
				found = append(found, token{start: i, end: end})
			}
			i = max(i, end-1)
		}
	}
	return found
}
