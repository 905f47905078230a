package difftest

import (
	"fmt"
	"strings"
)

// pipeline is the text of dvc.yaml and of pipeline.yaml.
func (w *world) pipeline() string {
	var b strings.Builder
	b.WriteString("stages:\n")
	dirs := w.dirs()
	for _, s := range w.stages {
		s.write(&b, dirs)
	}
	return b.String()
}

func (s *stage) write(b *strings.Builder, dirs map[string]bool) {
	fmt.Fprintf(b, "  %s:\n", s.name)
	if s.desc > 0 {
		fmt.Fprintf(b, "    desc: described %d times\n", s.desc)
	}
	if s.wdir != "" {
		fmt.Fprintf(b, "    wdir: %s\n", s.wdir)
	}
	commands := s.commands(dirs)
	if s.list {
		b.WriteString("    cmd:\n")
		for _, command := range commands {
			fmt.Fprintf(b, "      - %q\n", command)
		}
	} else {
		fmt.Fprintf(b, "    cmd: %q\n", strings.Join(commands, " && "))
	}
	if deps := s.deps(); len(deps) > 0 {
		b.WriteString("    deps:\n")
		for _, dep := range deps {
			fmt.Fprintf(b, "      - %s\n", s.rel(dep))
		}
	}
	s.writeParams(b)
	for _, kind := range []string{"outs", "metrics", "plots"} {
		s.writeOuts(b, kind)
	}
	if s.frozen {
		b.WriteString("    frozen: true\n")
	}
	if s.always {
		b.WriteString("    always_changed: true\n")
	}
}

func (s *stage) writeParams(b *strings.Builder) {
	if len(s.params) > 0 {
		b.WriteString("    params:\n")
	}
	for _, name := range s.params {
		file, key, _ := param(name)
		switch {
		case key == "":
			fmt.Fprintf(b, "      - %s:\n", s.rel(file))
		case file == "params.yaml" && s.wdir == "":
			fmt.Fprintf(b, "      - %s\n", key)
		default:
			fmt.Fprintf(b, "      - %s: [%s]\n", s.rel(file), key)
		}
	}
}

func (s *stage) writeOuts(b *strings.Builder, kind string) {
	written := false
	for _, o := range s.outs {
		if o.kind != kind {
			continue
		}
		if !written {
			fmt.Fprintf(b, "    %s:\n", kind)
			written = true
		}
		fmt.Fprintf(b, "      - %s", s.rel(o.path))
		if o.inGit || o.persist {
			b.WriteString(":")
		}
		b.WriteString("\n")
		if o.inGit {
			b.WriteString("          cache: false\n")
		}
		if o.persist {
			b.WriteString("          persist: true\n")
		}
	}
}

// paramsYAML is the text of params.yaml. Swapped, its keys have another order,
// which is no change.
func (w *world) paramsYAML() string {
	v := func(key string) string { return w.values[key].now }
	top := []string{"p0: " + v("p0"), "p1: " + v("p1"), "p2: " + v("p2")}
	opt := []string{"  opt:", "    u0: " + v("train.opt.u0")}
	if u1, there := w.values["train.opt.u1"]; there {
		opt = append(opt, "    u1: "+u1.now)
	}
	train := []string{"  t0: " + v("train.t0"), "  t1: " + v("train.t1")}
	if w.swapped {
		train = append(append([]string{"train:"}, opt...), train[1], train[0])
		return strings.Join(append(train, top...), "\n") + "\n"
	}
	train = append(append([]string{"train:"}, train...), opt...)
	return strings.Join(append(top, train...), "\n") + "\n"
}

// confJSON is the text of conf.json.
func (w *world) confJSON() string {
	x0, x1 := `"x0": `+w.values["conf.json:x0"].now, `"y": {`+"\n"+`    "x1": `+w.values["conf.json:y.x1"].now+"\n  }"
	if w.swapped {
		x0, x1 = x1, x0
	}
	return "{\n  " + x0 + ",\n  " + x1 + "\n}\n"
}
