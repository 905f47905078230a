package dvc

import (
	"path"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
)

// Source is one path that a .dvc file tracks.
type Source struct {
	File   string // the .dvc file
	Pos    diag.Pos
	Path   string // relative to the project's root
	Item   Item
	Desc   string
	Frozen bool           // and no import: those are always
	Meta   *document.Node // nil for none
	Import *Import        // where it came from; nil where nobody said
}

// Import is where imported data came from: a URL or a path, or a path in a repository.
type Import struct {
	Pos  diag.Pos
	Repo string // the address of the repository, or a folder; "" for none
	Rev  string // that is followed
	Path string // in the repository; else a URL, or a path relative to the project's root
}

// decodeSources reads a .dvc file. What of it flow has no counterpart for is among the
// findings; the error is what is wrong with it.
func decodeSources(file string, doc *document.Document) (sources []*Source, findings, problems diag.List) {
	root := doc.Root
	if root == nil || root.Kind != document.Map {
		return nil, nil, diag.List{diag.At(diag.Pos{File: file, Line: 1}, "the file holds no outs: was it cut?").
			WithHint("take it from git: git checkout -- %s", file)}
	}
	if cmd := root.Get("cmd"); cmd != nil {
		findings.Add(cmd.Errorf("a stage in a .dvc file has no counterpart").WithHint("declare it in pipeline.yaml: flow stage add --help"))
		return nil, findings, nil
	}
	outs := root.Get("outs")
	if outs == nil || outs.Kind != document.List || len(outs.Items) == 0 {
		findings.Add(diag.At(diag.Pos{File: file, Line: 1}, "it tracks nothing"))
		return nil, findings, nil
	}
	d := &sourceDecoder{file: file, root: root, findings: &findings}
	imported := d.imported()
	for _, out := range outs.Items {
		source, err := d.source(out)
		if err != nil {
			problems.AddErr(err)
			continue
		}
		if source != nil {
			source.Frozen = source.Frozen && imported == nil
			if imported != nil && imported.Path != "" && len(outs.Items) == 1 {
				source.Import = imported
			}
			sources = append(sources, source)
		}
	}
	return sources, findings, problems
}

type sourceDecoder struct {
	file     string
	root     *document.Node
	findings *diag.List
}

// imported returns where the data came from; nil for data that was added.
func (d *sourceDecoder) imported() *Import {
	deps := d.root.Get("deps")
	if deps == nil || len(deps.Items) == 0 {
		return nil
	}
	dep := deps.Items[0]
	from := &Import{Pos: dep.Pos}
	from.Path, _ = dep.Get("path").Str()
	repo := dep.Get("repo")
	from.Repo, _ = repo.Get("url").Str()
	from.Rev, _ = repo.Get("rev").Str()
	for _, setting := range []string{"config", "remote"} {
		if node := repo.Get(setting); node != nil {
			d.findings.Add(node.Errorf("a %s of its own for a repository has no counterpart", setting))
		}
	}
	if repo == nil && !strings.Contains(from.Path, "://") && !path.IsAbs(from.Path) && from.Path != "" {
		from.Path = path.Join(path.Dir(d.file), textOf(d.root.Get("wdir")), from.Path)
	}
	if dep.Get("db") != nil || len(deps.Items) > 1 {
		d.findings.Add(dep.Errorf("imported data is tracked as it is: where it came from has no counterpart").
			WithHint("to bring it up to date, put the new data in its place and run `flow commit`"))
		from.Path = ""
	}
	return from
}

// without lists the flags of an out that data sources of flow don't have.
var without = []string{"cache", "persist", "remote", "push", "type", "labels", "fs_config"}

func (d *sourceDecoder) source(out *document.Node) (*Source, error) {
	item, err := decodeItem(out)
	if err != nil {
		return nil, err
	}
	wdir := "."
	if node := d.root.Get("wdir"); node != nil {
		wdir = node.Text
	}
	name := path.Join(path.Dir(d.file), wdir, item.Path)
	if path.IsAbs(item.Path) || path.IsAbs(wdir) {
		name = item.Path
	}
	if err := disk.CheckName(name); err != nil {
		d.findings.Add(out.Get("path").Errorf("%.200q lies outside the project, or can't be there: %v", item.Path, err).
			WithHint("copy it into the project and track it there: flow add"))
		return nil, nil
	}
	for _, flag := range without {
		if node := out.Get(flag); node != nil {
			d.findings.Add(node.Errorf("data sources have no %q", flag))
		}
	}
	source := &Source{File: d.file, Pos: item.Pos, Path: name, Item: item, Desc: textOf(d.root.Get("desc"), out.Get("desc"))}
	source.Frozen, _ = d.root.Get("frozen").Bool()
	if source.Meta = out.Get("meta"); source.Meta == nil {
		source.Meta = d.root.Get("meta")
	}
	return source, nil
}

func textOf(nodes ...*document.Node) string {
	for _, node := range nodes {
		if text, ok := node.Str(); ok {
			return text
		}
	}
	return ""
}
