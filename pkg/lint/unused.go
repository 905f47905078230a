package lint

import (
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/stages"
	"flow/pkg/values"
)

// unusedVars finds vars that no template uses.
func (c *checker) unusedVars() {
	for _, v := range c.pipeline.Templates.Vars {
		switch {
		case v.Used:
		case v.File:
			c.add(nil, diag.At(v.Pos, "no template uses anything of %s", v.Name).WithHint("remove the line"))
		default:
			c.add(nil, diag.At(v.Pos, "no template uses the var %q", v.Name).WithHint("remove it, or write ${%s} where it belongs", v.Name))
		}
	}
}

// unusedOuts finds outs that nothing reads. A stage none of whose outs is read is an end
// of the pipeline, and what it makes is what the pipeline is for.
func (c *checker) unusedOuts() {
	read := c.readOuts()
	for _, stage := range c.pipeline.Stages {
		some := stage.Source
		for i := range stage.Outs {
			some = some || read[&stage.Outs[i]]
		}
		for i := range stage.Outs {
			out := &stage.Outs[i]
			switch {
			case read[out] || out.Kind != stages.PlainOut:
			case out.Temp:
				c.add(stage, diag.At(out.Pos, "no stage reads the temporary out %s", out.Path).WithHint("it is removed unseen"))
			case some && out.Cache && !out.Optional:
				c.add(stage, diag.At(out.Pos, "nothing reads %s", out.Path).WithHint("remove it, or add it to the deps of a stage"))
			}
		}
	}
}

// readOuts returns the outs that a stage, or the top of the pipeline, names.
func (c *checker) readOuts() map[*stages.Out]bool {
	read := map[*stages.Out]bool{}
	mark := func(dep stages.Dep) {
		for _, owner := range c.pipeline.OwnersOf(dep) {
			read[owner.Out] = true
		}
	}
	for _, stage := range c.pipeline.Commands() {
		for _, dep := range stage.Deps {
			mark(dep)
		}
		for _, param := range stage.Params {
			mark(stages.Dep{Path: param.File})
		}
	}
	for _, shown := range c.pipeline.Params {
		mark(stages.Dep{Path: shown.Path})
	}
	for _, shown := range c.pipeline.Metrics {
		mark(stages.Dep{Path: shown.Path.Path})
	}
	for _, plot := range c.pipeline.Plots {
		for _, file := range plot.Files() {
			mark(stages.Dep{Path: file})
		}
	}
	for _, artifact := range c.pipeline.Artifacts {
		mark(stages.Dep{Path: artifact.Path})
	}
	return read
}

// unusedParams finds values in params files that flow never looks at. The code may read
// them by itself, but then a change of them runs nothing.
func (c *checker) unusedParams() {
	for _, file := range c.paramsFiles() {
		text, err := c.files.Read(file)
		if err != nil || strings.HasSuffix(file, ".py") {
			continue
		}
		root := paramsRoot(file, text)
		if root == nil {
			continue
		}
		used := c.usedKeys(file)
		if len(used) == 0 {
			c.add(nil, diag.At(diag.Pos{File: file, Line: 1, Col: 1}, "no stage and no template uses a value of %s", file).
				WithHint("name those that a stage reads under its params:"))
			continue
		}
		c.unusedBelow(root, "", used)
	}
}

// paramsRoot returns what a params file holds; nil when it holds nothing or can't be
// read. Of YAML the keys know their places, of the others only the values do.
func paramsRoot(file string, text []byte) *document.Node {
	switch path.Ext(file) {
	case ".json", ".toml":
		tree, err := values.Load(file, text)
		if err != nil {
			return nil
		}
		return tree.Node()
	}
	doc, err := document.Parse(file, text)
	if err != nil {
		return nil
	}
	return doc.Root
}

// unusedBelow reports the keys of a mapping that nothing uses, each as high up as it is
// unused altogether.
func (c *checker) unusedBelow(node *document.Node, prefix string, used []string) {
	for _, entry := range node.Entries {
		key := prefix + entry.Key.Text
		within := func(other string) bool { return other == key || strings.HasPrefix(other, key+".") }
		around := func(other string) bool { return other == "" || strings.HasPrefix(key, other+".") || other == key }
		switch {
		case slices.ContainsFunc(used, around):
		case !slices.ContainsFunc(used, within):
			c.add(nil, diag.At(entry.Key.Pos, "no stage and no template uses %s", key).WithHint("add it to the params of the stage that reads it"))
		case entry.Value.Kind == document.Map:
			c.unusedBelow(entry.Value, key+".", used)
		}
	}
}

// paramsFiles returns the files whose values are to be used one by one: those that
// stages name keys of, and params.yaml beside each pipeline file.
func (c *checker) paramsFiles() []string {
	var files []string
	for _, file := range c.pipelineFiles() {
		files = append(files, path.Join(path.Dir(file), stages.ParamsFile))
	}
	for _, stage := range c.pipeline.Commands() {
		for _, param := range stage.Params {
			files = append(files, param.File)
		}
	}
	slices.Sort(files)
	return slices.DeleteFunc(slices.Compact(files), c.usedWhole)
}

// usedWhole tells whether a file is made by a stage, or is a dep, or is to be shown.
func (c *checker) usedWhole(file string) bool {
	if len(c.pipeline.OwnerOf(file)) > 0 || slices.ContainsFunc(c.pipeline.Params, func(p stages.Path) bool { return p.Path == file }) {
		return true
	}
	return slices.ContainsFunc(c.pipeline.Commands(), func(stage *stages.Stage) bool { return depends(stage, file) })
}

// usedKeys returns the keys of a params file that stages and templates name.
func (c *checker) usedKeys(file string) []string {
	var used []string
	for _, stage := range c.pipeline.Commands() {
		for _, param := range stage.Params {
			if param.File == file {
				used = append(used, param.Key)
			}
		}
	}
	for _, name := range c.pipeline.Templates.Names {
		if name.File == file {
			used = append(used, name.Key)
		}
	}
	return used
}
