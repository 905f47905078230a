package stages

import (
	"fmt"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
	"flow/pkg/glob"
)

// Map says that a stage's command runs for each of many files by itself. The stage owns
// the folders that its outs are in: the Outs of the Stage are these.
type Map struct {
	Over  string   // the pattern of the files, which is a dep as well
	Batch int      // how many files one command takes at most; 0: one, by its parts
	Jobs  int      // how many commands run at a time
	Outs  []string // what is made of one file: paths with ${map.…} in them
	Pos   diag.Pos
}

// mapName is what templates call the file that a command runs for. They are filled in
// when the files are known; until then they stand for themselves.
const mapName = "map"

// mapParts are the parts of a file's path that templates may use.
var mapParts = []string{"path", "dir", "name", "stem", "ext", "rel", "rel_stem"}

// mapPaths stands in a cmd for all files of a batch.
const mapPaths = "paths"

// mapNames is what the templates of a map stage may use besides: each part, standing for
// itself.
func mapNames(outer *scope, key *document.Node) *scope {
	names := newScope(outer)
	names.reserved = true
	var parts document.Fields
	for _, part := range append(slices.Clone(mapParts), mapPaths) {
		parts = append(parts, document.Field{Key: part, Value: mapTemplate(part)})
	}
	names.set(mapName, key, document.Of(parts))
	return names
}

func mapTemplate(part string) string { return "${" + mapName + "." + part + "}" }

// mapOf decodes map: a pattern, or a mapping with one.
func (l *loader) mapOf(node *document.Node, stage *Stage) {
	m := &Map{Jobs: 1, Pos: node.Pos}
	over := node
	if node.Kind == document.Map {
		over = nil
		l.fields(node, "map", map[string]field{
			"over":  func(n *document.Node) { over = n },
			"batch": func(n *document.Node) { m.Batch = l.batch(n) },
			"jobs":  func(n *document.Node) { m.Jobs = l.count(n, "jobs") },
		})
	}
	if over == nil {
		l.fail(node, "add over: and a pattern of files", "map has no over")
		return
	}
	location, ok := l.path(over, stage.Wdir, "pattern of map")
	switch {
	case !ok:
		return
	case !glob.HasMeta(location):
		l.fail(over, "for instance: "+location+"/*", "%q is no pattern", over.Text)
		return
	case glob.Problem(location) != "":
		l.fail(over, "", "the pattern %q %s", location, glob.Problem(location))
		return
	}
	m.Over = location
	stage.Map = m
	stage.Deps = append(stage.Deps, Dep{Kind: GlobDep, Path: location, Pos: over.Pos, Whole: true})
}

func (l *loader) count(node *document.Node, what string) int {
	n, ok := node.Int()
	if !ok || n < 1 || n > math.MaxInt32 {
		l.fail(node, "", "%s must be a number from 1", what)
		return 1
	}
	return int(n)
}

func (l *loader) batch(node *document.Node) int {
	if node.Text == "all" {
		return math.MaxInt32
	}
	return l.count(node, "batch")
}

// mapOuts takes the outs of a map stage for what is made of one file, and leaves the
// stage the folders that they are in.
func (l *loader) mapOuts(stage *Stage) {
	var folders []Out
	for _, out := range stage.Outs {
		folder, problem := mapFolder(stage, out)
		if problem != nil {
			l.problems.Add(problem)
			continue
		}
		stage.Map.Outs = append(stage.Map.Outs, out.Path)
		out.Path = folder
		i := slices.IndexFunc(folders, func(o Out) bool { return o.Path == folder })
		switch {
		case i < 0:
			folders = append(folders, out)
		case folders[i].Cache != out.Cache || folders[i].Push != out.Push || folders[i].Remote != out.Remote || folders[i].Temp != out.Temp:
			l.problems.Add(diag.At(out.Pos, "outs in one folder, %s, can't be kept in different ways", folder).WithNote(folders[i].Pos, "the other one is here"))
		}
	}
	stage.Outs = folders
}

// mapFolder returns the folder that is the stage's for what it makes of files.
func mapFolder(stage *Stage, out Out) (string, *diag.Error) {
	before, _, found := strings.Cut(out.Path, "${"+mapName+".")
	folder := path.Dir(before + "x")
	switch {
	case !found:
		return "", diag.At(out.Pos, "the out %s of the map stage %q does not say which file it is made of", out.Path, stage.Name).
			WithHint("name it by a part of the file: %s", mapExample(out.Path))
	case out.Kind != PlainOut:
		return "", diag.At(out.Pos, "a map stage makes outs only, no %s", out.Kind).WithHint("let a stage that reads the outs make it")
	case out.Persist || out.Optional || out.Glob:
		return "", diag.At(out.Pos, "an out of a map stage can't be persist, optional or a pattern")
	case folder == ".":
		return "", diag.At(out.Pos, "the outs of a map stage need a folder of their own").WithHint("for instance: made/%s", out.Path)
	}
	return folder, nil
}

func mapExample(name string) string {
	return path.Join(strings.TrimSuffix(name, path.Ext(name)), mapTemplate("stem")+path.Ext(name))
}

// parts returns what ${map.…} stands for, of one file, to somebody in a folder.
func (s *Stage) parts(file, from string) map[string]string {
	relative := func(base, name string) string {
		below, err := filepath.Rel(filepath.FromSlash(base), filepath.FromSlash(name))
		if err != nil {
			return name
		}
		return filepath.ToSlash(below)
	}
	name, rel := path.Base(file), relative(glob.Base(s.Map.Over), file)
	return map[string]string{
		"path": relative(from, file), "dir": relative(from, path.Dir(file)), "name": name, "ext": path.Ext(name),
		"stem": strings.TrimSuffix(name, path.Ext(name)), "rel": rel, "rel_stem": strings.TrimSuffix(rel, path.Ext(rel)),
	}
}

// OutsOf returns what a map stage makes of a file. It is an error when that can't be the
// name of a file in the folders of the stage.
func (s *Stage) OutsOf(file string) ([]string, error) {
	parts := s.parts(file, ".")
	outs := make([]string, len(s.Map.Outs))
	for i, template := range s.Map.Outs {
		out := template
		for _, part := range mapParts {
			out = strings.ReplaceAll(out, mapTemplate(part), parts[part])
		}
		outs[i] = out
		err := disk.CheckName(out)
		if err == nil && !slices.ContainsFunc(s.Outs, func(o Out) bool { return strings.HasPrefix(out, o.Path+"/") }) {
			err = fmt.Errorf("it is not inside the stage's folder")
		}
		if err != nil {
			return nil, diag.At(s.Map.Pos, "stage %q can't make %q of %s: %v", s.Title(), out, file, err)
		}
	}
	return outs, nil
}

// CmdOf returns the scripts that a map stage runs for some files: one, unless it takes
// them in batches. What is filled in is quoted as its place in the script asks for.
func (s *Stage) CmdOf(files ...string) []string {
	parts := s.parts(files[0], s.Wdir)
	paths := make([]string, len(files))
	for i, file := range files {
		paths[i] = s.parts(file, s.Wdir)["path"]
	}
	scripts := make([]string, len(s.Cmd))
	for i, script := range s.Cmd {
		scripts[i] = fillScript(script, func(name string) ([]string, bool) {
			if name == mapPaths {
				return paths, true
			}
			part, found := parts[name]
			return []string{part}, found
		})
	}
	return scripts
}

// fillScript fills ${map.…} into a shell's script. Outside of quotes each value is
// quoted, unless it needs none; inside, it is escaped as those quotes ask for.
func fillScript(script string, values func(name string) ([]string, bool)) string {
	var out strings.Builder
	around := []byte{0} // the quotes at each level of $(…): ', " or 0
	for i := 0; i < len(script); i++ {
		quote := &around[len(around)-1]
		rest := script[i:]
		if inner, found := strings.CutPrefix(rest, "${"+mapName+"."); found {
			name, _, _ := strings.Cut(inner, "}")
			if filled, known := values(name); known {
				out.WriteString(quoteAll(filled, *quote))
				i += len(mapTemplate(name)) - 1
				continue
			}
		}
		switch c := rest[0]; {
		case c == '\\' && *quote != '\'' && len(rest) > 1:
			out.WriteByte(c)
			i++
		case c == *quote && c != 0:
			*quote = 0
		case *quote == 0 && (c == '\'' || c == '"'):
			*quote = c
		case *quote != '\'' && strings.HasPrefix(rest, "$("):
			out.WriteByte(c)
			i++
			around = append(around, 0)
		case *quote == 0 && c == ')' && len(around) > 1:
			around = around[:len(around)-1]
		}
		out.WriteByte(script[i])
	}
	return out.String()
}

func quoteAll(values []string, quote byte) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		switch quote {
		case '\'':
			quoted[i] = strings.ReplaceAll(value, "'", `'\''`)
		case '"':
			quoted[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value)
		default:
			quoted[i] = shellQuote(value)
		}
	}
	return strings.Join(quoted, " ")
}

// checkMapCmd refuses a cmd that does not say which file it is for.
func (l *loader) checkMapCmd(stage *Stage, node *document.Node) {
	script := strings.Join(stage.Cmd, "\n")
	batch := strings.Contains(script, mapTemplate(mapPaths))
	single := slices.ContainsFunc(mapParts, func(part string) bool { return strings.Contains(script, mapTemplate(part)) })
	switch {
	case stage.Map.Batch == 0 && batch:
		l.fail(node, "add batch to the map, or use "+mapTemplate("path"), "%s is for commands that take several files", mapTemplate(mapPaths))
	case stage.Map.Batch > 0 && single:
		l.fail(node, "use "+mapTemplate(mapPaths), "the cmd takes several files, and names parts of one")
	case !batch && !single:
		l.fail(node, "for instance: "+mapTemplate("path"), "the cmd of a map stage does not say which file it is for")
	}
}
