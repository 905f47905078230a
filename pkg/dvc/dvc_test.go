package dvc

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/disk"
	"flow/pkg/document"
)

// recorded is a stage as DVC 3.67.1 wrote it, to a lock file and to its run cache.
const recorded = `cmd: python src/prepare.py 0.8
deps:
- path: data/raw.txt
  hash: md5
  md5: 3b0332e02daabf31651a5a0d81ba830a
  size: 21
- path: src/prepare.py
  hash: md5
  md5: 1459ed36f7a2eca34bbec9af75b4ba91
  size: 265
params:
  params.yaml:
    prepare.split: 0.8
outs:
- path: data/prepared
  hash: md5
  md5: 5479f4eb23a4c8ea992f401acdf89a5e.dir
  size: 21
  nfiles: 2
`

func parse(t *testing.T, text string) *document.Document {
	t.Helper()
	doc, err := document.Parse("file", []byte(text))
	require.NoError(t, err)
	return doc
}

func root(t *testing.T, files map[string]string) *disk.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	opened, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { opened.Close() })
	return opened
}

// TestRunKey_isDVCs: the name under which DVC itself keeps the run.
func TestRunKey_isDVCs(t *testing.T) {
	require.Equal(t, "426345e0f0ae8cf6f98521de8e402e5476219f8972c19f2d95d3eb256926619e", runKey(parse(t, recorded).Root))
}

// TestSumDir_isDVCs: the digest that DVC itself gave the directory.
func TestSumDir_isDVCs(t *testing.T) {
	files := []FileHash{{"1.txt", "f97c5d29941bfb1b2fdab0874906ab82"}, {"2.txt", "b8a9f715dbb64fd5c56e7783c6820a61"},
		{"deep/ü.txt", "35d6d33467aae9a2e3dccb4b6b027878"}}
	require.Equal(t, "2f61210c5fa109f049323d4e2d1d4d32", SumDir(files))
	read, err := parseManifest("x.dir", Manifest(files))
	require.NoError(t, err)
	require.Equal(t, files, read)
}

func TestAppendValue_isPythons(t *testing.T) {
	doc := parse(t, `[1e-5, 0.1, 1e16, 123456789.0, 1e15, -0.0, 1.5e300, true, null, "ü\U0001F600\"\\\n\x7f", 2.0, 1e-4, {b: 1, a: .nan}]`)
	require.Equal(t, `[1e-05, 0.1, 1e+16, 123456789.0, 1000000000000000.0, -0.0, 1.5e+300, true, null, `+
		`"\u00fc\ud83d\ude00\"\\\n\u007f", 2.0, 0.0001, {"a": NaN, "b": 1}]`, string(appendValue(nil, doc.Root)))
	require.Equal(t, `"\udcff"`, string(appendPython(nil, "\xff")))
}

func TestSum_legacy(t *testing.T) {
	for _, test := range []struct {
		text   string
		legacy bool
		want   string
	}{
		{"a\r\nb\r\n", false, "59b0d7772f0561efb95518f3cb8abc60"},
		{"a\r\nb\r\n", true, "dd8c6a395b5dd36c56d23275028f526c"}, // of a\nb\n
		{"a\x00\r\n", true, "a200e344e12b35719025ffdb8b428ee8"},  // binary: as it is
	} {
		got, err := Sum(context.Background(), strings.NewReader(test.text), test.legacy)
		require.NoError(t, err)
		require.Equal(t, test.want, got, "%q", test.text)
	}
}

// TestParseHash_isAGate: a digest becomes a file's name.
func TestParseHash_isAGate(t *testing.T) {
	hash, err := parseHash("5479f4eb23a4c8ea992f401acdf89a5e.dir", false)
	require.NoError(t, err)
	require.Equal(t, Hash{MD5: "5479f4eb23a4c8ea992f401acdf89a5e", Dir: true}, hash)
	for _, text := range []string{"", ".dir", "../../../../etc/passwd", "5479F4EB23A4C8EA992F401ACDF89A5E", strings.Repeat("g", 32), strings.Repeat("a", 31)} {
		_, err := parseHash(text, false)
		require.Error(t, err, "%q", text)
	}
}

func TestLines_areDVCs(t *testing.T) {
	require.Equal(t, []string{"a", "b  # c"}, Lines("a\n\n  \nb  # c\r\n"))
	require.Empty(t, Lines("\n"))
}

func TestRead_findsFiles(t *testing.T) {
	project, err := Read(root(t, map[string]string{
		".dvc/config":                "[core]\n    remote = store # the default\n['remote \"store\"']\n    url = ../../store\n",
		".dvc/config.local":          "['remote \"store\"']\n    password = \"a # b\"\n",
		".dvcignore":                 "*.tmp\n/notes\n",
		"sub/.dvcignore":             "old/\n",
		"sub/old/dvc.yaml":           "not: looked at\n",
		"notes/dvc.yaml":             "not: looked at\n",
		"venv/lib/dvc.yaml":          "not: looked at\n",
		"dvc.yaml":                   "stages:\n  prepare:\n    cmd: python src/prepare.py 0.8\n    outs: [data/prepared]\n",
		"dvc.lock":                   "schema: '2.0'\nstages:\n  prepare:\n    " + strings.ReplaceAll(recorded, "\n", "\n    ") + "\n",
		"data/prepared/dvc.yaml":     "not: looked at, as it is an out\n",
		"data/raw.txt.dvc":           "outs:\n- md5: 3b0332e02daabf31651a5a0d81ba830a\n  size: 21\n  hash: md5\n  path: raw.txt\ndesc: raw\nmeta: {a: 1}\nfrozen: true\n",
		"import.dvc":                 "frozen: true\ndeps:\n- path: a.txt\n  repo: {url: ../ex, rev_lock: d0}\nouts:\n- md5: 3b0332e02daabf31651a5a0d81ba830a\n  path: imp.txt\n",
		"other/.dvc/config":          "",
		"other/dvc.yaml":             "stages: {}\n",
		"sub/dvc.yaml":               "stages: {}\n",
		"hostile.dvc":                "outs:\n- md5: 3b0332e02daabf31651a5a0d81ba830a\n  path: ../../x\n- md5: 3b0332e02daabf31651a5a0d81ba830a\n  path: /etc/passwd\n- md5: 3b0332e02daabf31651a5a0d81ba830a\n  path: .git/hooks/pre-commit\n",
		".dvc/tmp/not-looked-at.dvc": "outs: 7\n",
	}), func(dir string) bool { return dir == "venv" })
	require.NoError(t, err)
	require.Len(t, project.Pipelines, 2)
	entry := project.Pipelines[0].Lock.Stages["prepare"]
	require.Equal(t, []string{"python src/prepare.py 0.8"}, entry.Cmd)
	require.Equal(t, Hash{MD5: "5479f4eb23a4c8ea992f401acdf89a5e", Dir: true}, entry.Outs[0].Hash)
	require.Equal(t, 2, entry.Outs[0].Files)

	require.Len(t, project.Sources, 2)
	imported, raw := project.Sources[0], project.Sources[1]
	require.Equal(t, "data/raw.txt", raw.Path)
	require.Equal(t, "raw", raw.Desc)
	require.True(t, raw.Frozen)
	require.Equal(t, "1", raw.Meta.Get("a").Text)
	require.Equal(t, "imp.txt", imported.Path)
	require.True(t, imported.Item.Hash.Legacy, "without hash: md5 it is of old")
	require.False(t, imported.Frozen, "an import is frozen against its source only")
	require.Equal(t, &Import{Pos: imported.Import.Pos, Repo: "../ex", Path: "a.txt"}, imported.Import)

	require.Equal(t, "store", project.Config.Get("core.remote"))
	require.Contains(t, project.Config.Settings, Setting{Level: Local, Pos: project.Config.Settings[2].Pos, Remote: "store", Key: "password", Value: "a # b"})
	text := project.Findings.Error()
	for _, want := range []string{`"../../x" lies outside`, `"/etc/passwd" lies outside`, `".git/hooks/pre-commit" lies outside`, "other: it is a DVC project of its own"} {
		require.Contains(t, text, want)
	}
}

// TestRead_damage: what is cut or torn is told with its place, and nothing is planned.
func TestRead_damage(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"lock cut":     {"dvc.lock", "schema: '2.0'\nstages:\n  prepare:\n    cmd: a\n    deps:\n    - path", "dvc.lock:6"},
		"lock empty":   {"dvc.lock", "", "was it cut?"},
		"lock md5":     {"dvc.lock", "schema: '2.0'\nstages:\n  a:\n    cmd: a\n    outs:\n    - {path: x, md5: ../../../x}\n", "is no md5 digest"},
		"source empty": {"x.dvc", "", "x.dvc:1: the file holds no outs"},
		"source path":  {"x.dvc", "outs:\n- md5: 3b0332e02daabf31651a5a0d81ba830a\n", "x.dvc:2"},
		"config":       {".dvc/config", "core\n", ".dvc/config:1"},
	} {
		_, err := Read(root(t, map[string]string{"dvc.yaml": "stages: {}\n", test.file: test.text}), nil)
		require.ErrorContains(t, err, test.want, name)
	}
}

func TestCache_isDistrusted(t *testing.T) {
	ctx := context.Background()
	opened := root(t, map[string]string{
		"files/md5/5d/41402abc4b2a76b9719d911017c592":     "hello",
		"ab/cdef00000000000000000000000000":               "old",
		"files/md5/00/000000000000000000000000000000.dir": "[]",
	})
	cache, err := OpenCache(opened.Dir())
	require.NoError(t, err)
	defer cache.Close()
	found, err := cache.Find(Hash{MD5: "5d41402abc4b2a76b9719d911017c592"})
	require.NoError(t, err)
	require.EqualValues(t, 5, found.Size)
	_, err = cache.Find(Hash{MD5: "abcdef00000000000000000000000000", Legacy: true})
	require.NoError(t, err)
	_, err = cache.Find(Hash{MD5: "11111111111111111111111111111111"})
	require.ErrorIs(t, err, ErrAbsent)
	_, err = cache.Manifest(ctx, Hash{MD5: "00000000000000000000000000000000", Dir: true})
	var corrupt *CorruptError
	require.ErrorAs(t, err, &corrupt)

	for _, text := range []string{
		`[{"md5": "5d41402abc4b2a76b9719d911017c592", "relpath": "../x"}]`,
		`[{"md5": "5d41402abc4b2a76b9719d911017c592", "relpath": "/x"}]`,
		`[{"md5": "x", "relpath": "x"}]`, `{}`, ``,
	} {
		_, err := parseManifest("m", []byte(text))
		require.Error(t, err, text)
	}
	nowhere, err := OpenCache(filepath.Join(opened.Dir(), "nowhere"))
	require.NoError(t, err)
	_, err = nowhere.Find(Hash{MD5: "5d41402abc4b2a76b9719d911017c592"})
	require.ErrorIs(t, err, ErrAbsent)
}
