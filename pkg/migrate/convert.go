package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/bucket"
	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/dvc"
	"flow/pkg/stages"
)

// draft is a pipeline.yaml to be.
type draft struct {
	dir      string
	from     []string
	original []byte // the text of the dvc.yaml
	doc      *document.Document
}

func (d *draft) name() string { return path.Join(d.dir, stages.File) }

// convert plans the pipeline files: each dvc.yaml in flow's words, with the shells that
// its commands need and the data sources of the .dvc files around it.
func (p *Plan) convert() error {
	var drafts []*draft
	for _, from := range p.project.Pipelines {
		d := &draft{dir: from.Dir, from: []string{from.File}, original: from.Doc.Text, doc: from.Doc}
		if err := d.reword(&p.Findings); err != nil {
			return err
		}
		drafts = append(drafts, d)
	}
	pipeline, err := p.parse(drafts)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		if err := d.shells(pipeline, &p.Findings); err != nil {
			return err
		}
	}
	p.hints(pipeline)
	if drafts, err = p.declare(drafts); err != nil {
		return err
	}
	if p.pipeline, err = p.parse(drafts); err != nil {
		return err
	}
	var problems diag.List
	for _, d := range drafts {
		file := File{Name: d.name(), From: d.from, Text: d.doc.Text}
		file.There, err = p.there(file)
		problems.AddErr(err)
		p.Files = append(p.Files, file)
	}
	return problems.Err()
}

// parse reads the drafts as flow will. What is wrong with them is told at its place in
// the dvc.yaml.
func (p *Plan) parse(drafts []*draft) (*stages.Pipeline, error) {
	if len(drafts) == 0 {
		return stages.Parse(stages.File, nil, nil)
	}
	var sources []stages.Source
	names := map[string]*draft{}
	for _, d := range drafts {
		sources = append(sources, stages.Source{File: d.name(), Text: d.doc.Text})
		names[d.name()] = d
	}
	pipeline, err := stages.ParseAll(p.parsing(), sources, p.project.Root.Read)
	if err == nil {
		return pipeline, nil
	}
	problems := diag.All(err)
	for _, problem := range problems {
		if d := names[problem.Pos.File]; d != nil {
			problem.Pos = d.place(problem.Pos)
		}
		for i, note := range problem.Notes {
			if d := names[note.Pos.File]; d != nil {
				problem.Notes[i].Pos = d.place(note.Pos)
			}
		}
	}
	return nil, problems.Err()
}

// place returns where a place of the draft is in the dvc.yaml that it is made of: at the
// nearest line that is the same.
func (d *draft) place(at diag.Pos) diag.Pos {
	made, own := linesOf(d.doc.Text), linesOf(d.original)
	for far := range max(len(made), len(own)) + 1 {
		for _, line := range []int{at.Line - far, at.Line + far} {
			if at.Line >= 1 && at.Line <= len(made) && line >= 1 && line <= len(own) && own[line-1] == made[at.Line-1] {
				return diag.Pos{File: d.from[0], Line: line, Col: at.Col}
			}
		}
	}
	at.File += " (as it would be)"
	return at
}

func linesOf(text []byte) []string { return strings.Split(string(text), "\n") }

func (p *Plan) parsing() stages.Options {
	return stages.Options{Flags: stages.FlagStyle{
		Negate: p.project.Config.Get("parsing.bool") == "boolean_optional",
		Repeat: p.project.Config.Get("parsing.list") == "append",
	}}
}

// reword puts into flow's words what differs, and takes out what has no counterpart.
func (d *draft) reword(findings *diag.List) error {
	w := &wording{findings: findings, dir: d.dir}
	if datasets := d.doc.Root.Get("datasets"); datasets != nil {
		findings.Add(datasets.Errorf("datasets have no counterpart").WithHint("declare what is on this machine as data: flow add"))
		w.delete("datasets")
	}
	if declared := d.doc.Root.Get("stages"); declared != nil && declared.Kind == document.Map {
		for _, entry := range declared.Entries {
			if do := entry.Value.Get("do"); do != nil {
				w.stage(do, "stages", entry.Key.Text, "do")
			} else {
				w.stage(entry.Value, "stages", entry.Key.Text)
			}
		}
	}
	for _, edit := range slices.Backward(w.edits) { // of a list, the last item goes first
		edited, err := edit(d.doc)
		if err != nil {
			return err
		}
		d.doc = edited
	}
	return nil
}

type edit func(*document.Document) (*document.Document, error)

// wording collects the edits of one file.
type wording struct {
	findings *diag.List
	dir      string // of the file
	base     string // which the paths of the stage are relative to
	edits    []edit
}

func (w *wording) delete(path ...string) {
	w.edits = append(w.edits, func(doc *document.Document) (*document.Document, error) { return doc.Delete(path) })
}

func (w *wording) set(value any, path ...string) {
	w.edits = append(w.edits, func(doc *document.Document) (*document.Document, error) { return doc.Set(path, value) })
}

func (w *wording) stage(body *document.Node, at ...string) {
	if cmd := body.Get("cmd"); cmd != nil && cmd.Kind == document.String {
		scripts := dvc.Lines(cmd.Text)
		switch {
		case len(scripts) > 1:
			w.set(scripts, slices.Concat(at, []string{"cmd"})...)
		case len(scripts) == 1 && scripts[0] != strings.TrimRight(cmd.Text, "\n"):
			w.set(scripts[0], slices.Concat(at, []string{"cmd"})...)
		}
	}
	wdir, _ := body.Get("wdir").Str()
	w.base = path.Join(w.dir, wdir)
	for _, key := range []string{"deps", "outs", "metrics", "plots", "params"} {
		w.paths(body.Get(key), strings.TrimSuffix(key, "s"), slices.Concat(at, []string{key}))
	}
}

// paths takes out the paths of a list that flow can't track.
func (w *wording) paths(list *document.Node, what string, at []string) {
	if list == nil || list.Kind != document.List {
		return
	}
	for i, item := range list.Items {
		name := item
		if item.Kind == document.Map && len(item.Entries) == 1 {
			name = item.Entries[0].Key
		} else if item.Kind != document.String || what == "param" {
			continue
		}
		if what == "dep" && isWeb(name.Text) {
			w.findings.Add(name.Errorf("dep %.200q is looked up anew: the stage runs once", name.Text))
			continue
		}
		if why := w.foreign(name.Text); why != "" {
			w.findings.Add(name.Errorf("%s %.200q %s; it is left out", what, name.Text, why).
				WithHint("%s", foreignHint[what == "dep"]))
			w.delete(append(slices.Clone(at), "["+strconv.Itoa(i)+"]")...)
		}
	}
}

func isWeb(name string) bool {
	scheme, _, found := strings.Cut(name, "://")
	return found && (scheme == "http" || scheme == "https")
}

var foreignHint = map[bool]string{
	true:  "the stage will not run when it changes; write {cmd: ...} with a command that prints its version, or fetch it in a stage of its own",
	false: "write it to a file in the project and copy it from there in a stage of its own",
}

// foreign says why flow can't track a path; "" when it can.
func (w *wording) foreign(name string) string {
	switch {
	case strings.Contains(name, "://"):
		return "is on a remote"
	case path.IsAbs(name):
		return "is an absolute path"
	case !strings.Contains(w.base+name, "${") && strings.HasPrefix(path.Join(w.base, name)+"/", "../"):
		return "lies outside the project"
	}
	return ""
}

// shells writes a shell for the stages whose commands bash -e -o pipefail might run
// otherwise than DVC did.
func (d *draft) shells(pipeline *stages.Pipeline, findings *diag.List) error {
	words := map[string]string{}
	var order []string
	for _, stage := range pipeline.Commands() {
		if stage.File != d.name() {
			continue
		}
		name := declaredName(stage)
		if stage.Group != "" {
			name = strings.TrimPrefix(stage.Group, prefixOf(stage))
		}
		if shell := shellFor(stage.Cmd); shell != "" && words[name] != inBash {
			if words[name] == "" {
				order = append(order, name)
			}
			words[name] = shell
		}
	}
	for _, name := range order {
		at := []string{"stages", name}
		if d.doc.Root.Find(append(at, "do")...) != nil {
			at = append(at, "do")
		}
		edited, err := d.doc.Set(append(at, "shell"), words[name])
		var problem *diag.Error
		if errors.As(err, &problem) {
			findings.Add(problem.WithHint("write `shell: %s` into stage %q by hand: DVC ran its command so", words[name], name))
			continue
		}
		if err != nil {
			return err
		}
		d.doc = edited
	}
	return nil
}

func declaredName(stage *stages.Stage) string { return strings.TrimPrefix(stage.Name, prefixOf(stage)) }

// prefixOf returns what the names of a file's stages begin with.
func prefixOf(stage *stages.Stage) string {
	if path.Dir(stage.File) == "." {
		return ""
	}
	return stage.File + ":"
}

// hints lists commands that speak of DVC.
func (p *Plan) hints(pipeline *stages.Pipeline) {
	told := map[diag.Pos]bool{}
	for _, stage := range pipeline.Commands() {
		what := speaksOfDVC(stage.Cmd)
		if what == "" || told[stage.Pos] {
			continue
		}
		told[stage.Pos] = true
		pos := stage.Pos
		pos.File = path.Join(path.Dir(stage.File), dvc.PipelineFile)
		p.Findings.Add(diag.At(pos, "the command of stage %q %s", stage.Name, what).
			WithHint("flow sets FLOW_ROOT and FLOW_STAGE, and has commands of its own: flow --help"))
	}
}

// declare puts the data sources into the pipeline files: each into the nearest one
// upwards, else into the root's.
func (p *Plan) declare(drafts []*draft) ([]*draft, error) {
	byDir := map[string]*draft{}
	for _, d := range drafts {
		byDir[d.dir] = d
	}
	data := map[*draft][]any{}
	for _, source := range p.project.Sources {
		dir := path.Dir(source.Path)
		for dir != "." && byDir[dir] == nil {
			dir = path.Dir(dir)
		}
		d := byDir[dir]
		if d == nil {
			var err error
			if d, err = p.rootDraft(); err != nil {
				return nil, err
			}
			byDir["."], drafts = d, append([]*draft{d}, drafts...)
		}
		data[d] = append(data[d], p.declaration(source, dir))
		if !slices.Contains(d.from, source.File) {
			d.from = append(d.from, source.File)
		}
	}
	for d, declared := range data {
		edited, err := d.doc.Set([]string{"data"}, declared)
		if err != nil {
			return nil, fmt.Errorf("declare the data of %s: %w", d.name(), err)
		}
		d.doc = edited
	}
	return drafts, nil
}

// rootDraft is for a project without a dvc.yaml at its root.
func (p *Plan) rootDraft() (*draft, error) {
	if _, err := p.project.Root.Lstat(dvc.PipelineFile); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", dvc.PipelineFile, err)
	}
	doc, err := document.Parse(stages.File, nil)
	return &draft{dir: ".", doc: doc}, err
}

// declaration returns a data source as it is written below data.
func (p *Plan) declaration(source *dvc.Source, dir string) any {
	name := source.Path
	if dir != "." {
		name = strings.TrimPrefix(name, dir+"/")
	}
	fields := document.Fields{{Key: "path", Value: name}}
	if source.Desc != "" {
		fields = append(fields, document.Field{Key: "desc", Value: source.Desc})
	}
	if source.Frozen {
		fields = append(fields, document.Field{Key: "frozen", Value: true})
	}
	if source.Meta != nil {
		fields = append(fields, document.Field{Key: "meta", Value: source.Meta})
	}
	if source.Import != nil {
		fields = append(fields, p.origin(source)...)
	}
	if len(fields) == 1 {
		return name
	}
	return fields
}

// origin returns where a data source came from as it is written beside its path; nothing
// where flow can't get it from there.
func (p *Plan) origin(source *dvc.Source) document.Fields {
	from := source.Import
	if from.Repo == "" {
		address := from.Path
		if source.Item.Hash.Dir || len(source.Item.Below) > 0 {
			address = strings.TrimSuffix(address, "/") + "/"
		}
		if remote, found := strings.CutPrefix(address, "remote://"); !found || remote == "" {
			if err := bucket.Check(address); err != nil {
				p.Findings.Add(diag.At(from.Pos, "imported data is tracked as it is: flow can't get it from %.200s", bucket.Redacted(address)).
					WithHint("to bring it up to date, put the new data in its place and run `flow commit`"))
				return nil
			}
		}
		return document.Fields{{Key: "url", Value: address}}
	}
	repo := stages.Repo{URL: from.Repo, Path: from.Path, Rev: from.Rev}
	if problem := repo.Problem(); problem != "" || repo.Secret() {
		p.Findings.Add(diag.At(from.Pos, "imported data is tracked as it is: flow does not get it from %.200s", repo.Redacted()).
			WithHint("import it anew from an address that git can clone: flow import"))
		return nil
	}
	p.Findings.Add(diag.At(from.Pos, "imported data is kept as this project's until `flow update` gets it from %.200s", repo.Redacted()).
		WithHint("flow gets what git has there, and what that project tracks with flow: migrate it, too"))
	fields := document.Fields{{Key: "url", Value: repo.URL}, {Key: "path", Value: repo.Path}}
	if repo.Rev != "" {
		fields = append(fields, document.Field{Key: "rev", Value: repo.Rev})
	}
	return document.Fields{{Key: "repo", Value: fields}}
}
