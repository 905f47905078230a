package pkg_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rooms is the house: each package stands above all that it may import.
var rooms = map[string][]string{
	"dag":       {},
	"diag":      {},
	"glob":      {},
	"digest":    {},
	"disk":      {},
	"wire":      {},
	"pack":      {"digest"},
	"process":   {"wire"},
	"watch":     {},
	"document":  {"diag"},
	"values":    {"document", "diag"},
	"lock":      {"document", "digest", "disk", "diag"},
	"event":     {"digest"},
	"stages":    {"dag", "values", "document", "diag", "disk", "glob", "wire"},
	"picture":   {},
	"chart":     {"picture", "dag", "ui"},
	"page":      {"picture", "chart"},
	"ci":        {"diag"},
	"report":    {"runs", "plots", "page", "chart", "picture", "dag", "event", "ui"},
	"plots":     {"chart", "picture", "page", "stages", "values", "document", "diag"},
	"query":     {"values", "document", "diag"},
	"runs":      {"event", "digest", "values", "document", "disk", "diag"},
	"replay":    {"project", "runs", "engine", "workspace", "cache", "stages", "lock", "values", "event", "diag", "digest", "disk"},
	"store":     {"pack", "digest", "event", "disk"},
	"ui":        {"event", "digest", "diag", "values"},
	"cache":     {"store", "digest", "disk"},
	"workspace": {"cache", "store", "digest", "disk", "glob"},
	"bucket":    {"diag", "disk"},
	"hooks":     {"disk"},
	"tracking":  {"cache", "digest"},
	"remote":    {"bucket", "pack", "store", "digest", "disk", "diag"},
	"transfer":  {"remote", "pack", "cache", "store", "event", "digest", "disk"},
	"lint":      {"stages", "values", "document", "glob", "diag", "disk"},
	"engine":    {"glob", "stages", "dag", "lock", "values", "workspace", "cache", "store", "event", "diag", "digest", "disk"},
	"dvc":       {"workspace", "document", "disk", "diag"},
	"migrate":   {"dvc", "bucket", "engine", "workspace", "cache", "store", "stages", "lock", "values", "document", "digest", "disk", "diag"},
	"project": {"tracking", "hooks", "plots", "transfer", "remote", "bucket", "engine", "workspace", "cache", "store", "stages", "lock", "values", "document", "event", "process",
		"dag", "diag", "digest", "disk", "runs", "wire"},
}

// keepers is who alone may import a library.
var keepers = map[string]string{
	"github.com/spf13/cobra":          "flow/cmd/flow",
	"github.com/fsnotify/fsnotify":    "flow/pkg/watch",
	"github.com/dominikbraun/graph":   "flow/pkg/dag",
	"lukechampine.com/blake3":         "flow/pkg/digest",
	"github.com/zeebo/blake3":         "flow/pkg/digest",
	"gopkg.in/yaml.v3":                "flow/pkg/document",
	"github.com/pelletier/go-toml/v2": "flow/pkg/values",
	"golang.org/x/image":              "flow/pkg/picture",
	"github.com/pkg/sftp":             "flow/pkg/bucket",
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestLayers(t *testing.T) {
	packages := list(t)
	require.NotEmpty(t, packages)
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, "flow/pkg/")
		allowed, known := rooms[name]
		switch {
		case strings.HasSuffix(name, "test"), p.ImportPath == "flow/pkg":
			continue // suites for other packages' tests
		case strings.HasPrefix(p.ImportPath, "flow/pkg/"):
			require.True(t, known, "%s has no room in the house", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if room, ours := strings.CutPrefix(imported, "flow/pkg/"); ours && known {
				require.Contains(t, allowed, room, "%s may not import %s", p.ImportPath, imported)
			}
			if keeper := keeperOf(imported); keeper != "" && !strings.HasPrefix(p.ImportPath, "flow/examples/") {
				require.Equal(t, keeper, p.ImportPath, "only %s may import %s", keeper, imported)
			}
		}
	}
}

// TestLayers_noTemplates keeps out what would double the binary: a reflective
// package switches off the linker's pruning of methods for the whole program.
func TestLayers_noTemplates(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "flow/cmd/flow").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	for _, heavy := range []string{"html/template", "github.com/stretchr/testify/require", "testing"} {
		require.False(t, slices.Contains(deps, heavy), "flow links %s", heavy)
	}
}

func keeperOf(imported string) string {
	for library, keeper := range keepers {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			return keeper
		}
	}
	return ""
}

func list(t *testing.T) []listed {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "flow/...").Output()
	require.NoError(t, err)
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listed
		require.NoError(t, decoder.Decode(&p))
		packages = append(packages, p)
	}
	return packages
}

// TestSameFile: the stats that a disk.Root gives mean nothing to os.SameFile.
func TestSameFile(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Dir(path) == "disk" {
			return err
		}
		text, err := os.ReadFile(path)
		require.NotContains(t, string(text), "os.SameFile(", "%s: use disk.SameFile", path)
		return err
	})
	require.NoError(t, err)
}
