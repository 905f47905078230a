package stages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStandsFor(t *testing.T) {
	p, err := Parse(File, []byte(`
pipelines: {both: [one, each], more: [both, other]}
stages:
  one: {cmd: "1"}
  other: {cmd: "2"}
  last: {cmd: "3"}
  each: {foreach: [a, b], do: {cmd: "${item}"}}
`), nil)
	require.NoError(t, err)
	for _, target := range []string{"", "one", "each", "each@a", "both", "more", "last", "what", File} {
		var names []string
		for _, stage := range p.Stages {
			if p.StandsFor(target, stage) {
				names = append(names, stage.Name)
			}
		}
		require.ElementsMatch(t, p.Named(target), names, "%q", target)
	}
}
