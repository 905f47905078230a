package lint

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"flow/pkg/stages"
)

// memory is files that are nowhere.
type memory struct{ fstest.MapFS }

func (m memory) Read(name string) ([]byte, error)           { return fs.ReadFile(m.MapFS, name) }
func (m memory) Lstat(name string) (fs.FileInfo, error)     { return fs.Stat(m.MapFS, name) }
func (m memory) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(m.MapFS, name) }

// FuzzLint: no pipeline that can be read makes a rule panic, and every finding is at a
// place in one of the files.
func FuzzLint(f *testing.F) {
	f.Add(quiet, "lr: 1\n")
	f.Add("vars: [{a: 'x;y', b: {c: 1}}]\nstages:\n  a:\n    cmd: |\n      cd d && python -m m ${a} '${b.c}' > o.txt < in <<E\n      $X ${Y:-1}\n      E\n    outs: [m, {n: {temp: true}}]\n", "a: [1\n")
	files, _ := filepath.Glob("../../langtest/testdata/*.yaml")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(string(txtar.Parse(text).Comment), "x: 1\n")
		}
	}
	f.Fuzz(func(t *testing.T, text, params string) {
		project := memory{fstest.MapFS{
			stages.File: {Data: []byte(text)}, "params.yaml": {Data: []byte(params)}, "train.py": {}, "data/raw.csv": {}, "d/m.py": {},
		}}
		pipeline, err := stages.Parse(stages.File, []byte(text), project.Read)
		if err != nil {
			return
		}
		for _, finding := range Lint(pipeline, project) {
			place := finding.Problem.Pos
			require.Contains(t, project.MapFS, place.File, "%v", finding.Problem)
			require.Positive(t, place.Line, "%v", finding.Problem)
			require.Positive(t, place.Col, "%v", finding.Problem)
		}
	})
}
