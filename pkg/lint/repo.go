package lint

import "flow/pkg/diag"

// localRepos finds data that is imported from a folder of this machine.
func (c *checker) localRepos() {
	for _, source := range c.pipeline.Sources() {
		if source.Repo != nil && source.Repo.Folder() {
			c.add(source, diag.At(source.Pos, "%s is imported from the folder %s, which others need at the same place to have it", source.Title(), source.Repo.URL).
				WithHint("import it by an address that git can clone, or push it along: flow push --imported"))
		}
	}
}
