// Package examples runs the four programs of the example one after the other.
package examples

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// project is where pipeline.yaml is, seen from here.
const project = "../.."

func programs() []string {
	return []string{"create", "preprocess", "train", "test"}
}

func TestPrograms_sameParamsSameBytes(t *testing.T) {
	params, err := os.ReadFile(filepath.Join(project, "params.yaml"))
	require.NoError(t, err)
	bin := build(t)
	one, said := run(t, bin, string(params))
	two, saidAgain := run(t, bin, string(params))
	require.Equal(t, said, saidAgain)
	require.Equal(t, digests(t, one), digests(t, two))

	line := regexp.MustCompile(`^Model test accuracy is: (0\.\d{3})\n$`).FindStringSubmatch(said)
	require.NotNil(t, line, said)
	text, err := os.ReadFile(filepath.Join(one, "metrics.json"))
	require.NoError(t, err)
	var metrics struct{ Accuracy, Baseline, N float64 }
	require.NoError(t, json.Unmarshal(text, &metrics))
	require.Greater(t, metrics.Accuracy, metrics.Baseline+0.2)
	require.Equal(t, 365.0, metrics.N)

	// Once more in the same folder, as a person does without flow: nothing is left over.
	start(t, bin, one)
	require.Equal(t, digests(t, two), digests(t, one))
}

// The bytes are the same on every machine, so the tests of any machine hold them to what
// one of them wrote. If the programs are changed on purpose, put the new digest here.
func TestPrograms_sameBytesEverywhere(t *testing.T) {
	folder, _ := run(t, build(t), `
create: {seed: 1, test_fraction: 0.3, noise: 0.1, anomalies: {missing: 0.05, spikes: 0.01, duplicates: 0.05}}
preprocess: {fence: 2.5}
train: {seed: 2, learning_rate: 0.3, epochs: 10, batch_size: 16, l2: 0.001, balance: 0.5}
`)
	var all strings.Builder
	for _, line := range digests(t, folder) {
		all.WriteString(line + "\n")
	}
	require.Equal(t, "2427264a2bac10d13f0a01cf9da2c6a2daa8f071e87706d6d6588f7ee94c9f61", digest([]byte(all.String())))
}

func TestData_isWhatItsReadmeSays(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(project, "data/seattle-weather.csv"))
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(project, "data/README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), digest(data))
	require.Equal(t, 1462, strings.Count(string(data), "\n"))
}

// build returns a folder with the programs.
func build(t *testing.T) string {
	bin := t.TempDir()
	args := []string{"build", "-o", bin + string(filepath.Separator)}
	for _, program := range programs() {
		args = append(args, "./"+program)
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return bin
}

// run starts the programs in a new folder, and returns it with what the last one said.
func run(t *testing.T, bin, params string) (folder, said string) {
	folder = t.TempDir()
	data, err := os.ReadFile(filepath.Join(project, "data/seattle-weather.csv"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "data"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "data/seattle-weather.csv"), data, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "params.yaml"), []byte(params), 0o644))
	return folder, start(t, bin, folder)
}

func start(t *testing.T, bin, folder string) (said string) {
	for _, program := range programs() {
		command := exec.Command(filepath.Join(bin, program))
		command.Dir = folder
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		said = string(out)
	}
	return said
}

// digests returns a line for each file in a folder, in the order of their names.
func digests(t *testing.T, folder string) []string {
	var lines []string
	root := os.DirFS(folder)
	require.NoError(t, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, path)
		lines = append(lines, digest(text)+"  "+path)
		return err
	}))
	require.Greater(t, len(lines), 12)
	return lines
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
