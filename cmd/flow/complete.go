package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/bucket"
	"flow/pkg/project"
)

// completeRevisions offers branches and tags to the shell.
func (a *app) completeRevisions(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if p, err := a.open(); err == nil {
		for _, kind := range []string{"branches", "tags"} {
			names, _ := p.Revisions(cmd.Context(), kind)
			words = append(words, names...)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeRevisionsAndRuns offers all that may be compared.
func (a *app) completeRevisionsAndRuns(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	revisions, _ := a.completeRevisions(cmd, args, typed)
	runs, directive := a.completeRuns(cmd, args, typed)
	return append(revisions, runs...), directive
}

// completeStages offers the stages, without data sources.
func (a *app) completeStages(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if _, pipeline, err := a.openPipeline(); err == nil {
		for _, stage := range pipeline.Stages {
			if !stage.Source {
				words = append(words, stage.Title())
			}
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeOrigins offers the data sources that have a url or a repo, as seen from the current
// folder.
func (a *app) completeOrigins(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if p, pipeline, err := a.openPipeline(); err == nil {
		from := resolveParents(filepath.Join(a.absolute(), "x"))
		for _, source := range pipeline.Sources() {
			if source.URL == "" && source.Repo == nil {
				continue
			}
			at := filepath.Join(p.Root.Dir(), filepath.FromSlash(source.Outs[0].Path))
			if relative, err := filepath.Rel(filepath.Dir(from), at); err == nil {
				words = append(words, filepath.ToSlash(relative))
			}
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// knownWords is words of values that may also be something else.
var knownWords = map[string][]string{"cache.type": {"reflink", "hardlink", "symlink", "copy"}, "jobs": {"cores"}}

// completeConfig offers the keys of the config, then the words that a value may be.
func completeConfig(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	var words []string
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, key := range project.Keys() {
		switch {
		case len(args) == 0 && key.Open: // the person goes on
			section := strings.TrimSuffix(key.Name, "*")
			words = append(words, section+"\t"+key.Desc)
			if typed != "" && strings.HasPrefix(section, typed) {
				directive |= cobra.ShellCompDirectiveNoSpace
			}
		case len(args) == 0:
			words = append(words, key.Name+"\t"+key.Desc)
		case len(args) == 1 && key.Name == args[0]:
			words = append(key.Words, knownWords[key.Name]...)
		}
	}
	return words, directive
}

// completeRemoteSettings offers the remotes, then the settings that one of its kind has.
func (a *app) completeRemoteSettings(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeRemotes(cmd, args, typed)
	}
	var words []string
	if p, err := a.open(); err == nil && len(args) == 1 {
		for _, info := range p.Config.Remotes() {
			if info.Name != args[0] {
				continue
			}
			words = append(words, "url\twhere it is")
			for _, setting := range bucket.Settings(info.URL) {
				words = append(words, setting.Name+"\t"+setting.Desc)
			}
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeRunTags offers runs, then the tags that runs have.
func (a *app) completeRunTags(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeRuns(cmd, args, typed)
	}
	var tags []string
	if p, err := a.open(); err == nil {
		all, _ := p.Runs.List()
		for _, run := range all {
			tags = append(tags, run.Tags...)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags), cobra.ShellCompDirectiveNoFileComp
}

// completeSettings offers the keys of params for --set.
func (a *app) completeSettings(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	p, err := a.open()
	if err != nil || strings.Contains(typed, "=") {
		return nil, directive
	}
	revision, err := p.Revision(cmd.Context(), project.WorkspaceRevision)
	if err != nil {
		return nil, directive
	}
	var words []string
	files, _ := revision.Values(cmd.Context(), project.Query{Params: true})
	for _, file := range files {
		for _, leaf := range file.Leaves {
			words = append(words, leaf.Key+"=")
		}
	}
	slices.Sort(words)
	return slices.Compact(words), directive
}
