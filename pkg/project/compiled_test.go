package project

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/stages"
	"flow/pkg/wire"
)

// large is a pipeline that is worth compiling: a stage for each key of params.yaml's models, and
// what an included file declares.
const large = `vars: [maybe.yaml]
include: [{file: parts/more.yaml}]
stages:
  train:
    foreach: ${models}
    do: {cmd: "echo ${item} > out-${key}", outs: ["out-${key}"]}
`

func largeProject(t *testing.T) string {
	dir := t.TempDir()
	put(t, dir, "pipeline.yaml", large+strings.Repeat("# some words about the pipeline\n", worthCompiling/32))
	put(t, dir, "params.yaml", "models: {a: 1, b: 2}\n")
	put(t, dir, "maybe.yaml", "x: 1\n")
	put(t, dir, "parts/more.yaml", "stages:\n  last: {cmd: echo, deps: [out-a]}\n")
	return dir
}

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// openTwice reads the pipeline as commands do, one after the other: the second finds what
// the first one left.
func openTwice(t *testing.T, dir string) *stages.Pipeline {
	t.Helper()
	var pipeline *stages.Pipeline
	for range 2 {
		p, err := Open(dir)
		require.NoError(t, err)
		require.NoError(t, p.Prepare())
		pipeline, err = p.Pipeline()
		require.NoError(t, err)
	}
	return pipeline
}

func scripts(pipeline *stages.Pipeline) string {
	var all []string
	for _, stage := range pipeline.Stages {
		all = append(all, stage.Name+": "+strings.Join(stage.Cmd, "; "))
	}
	return strings.Join(all, "\n")
}

func TestPipeline_compiledFollowsEveryEdit(t *testing.T) {
	dir := largeProject(t)
	require.Equal(t, "train@a: echo 1 > out-a\ntrain@b: echo 2 > out-b\nlast: echo", scripts(openTwice(t, dir)))
	require.FileExists(t, filepath.Join(dir, compiledFile))

	put(t, dir, "params.yaml", "models: {a: 1, b: 3}\n")
	require.Contains(t, scripts(openTwice(t, dir)), "echo 3 > out-b")

	put(t, dir, "parts/more.yaml", "stages:\n  first: {cmd: echo 1}\n")
	require.Contains(t, scripts(openTwice(t, dir)), "first: echo 1")

	put(t, dir, "sub/pipeline.yaml", "stages:\n  other: {cmd: echo 2}\n")
	require.Contains(t, scripts(openTwice(t, dir)), "sub/pipeline.yaml:other: echo 2")

	text, err := os.ReadFile(filepath.Join(dir, "pipeline.yaml"))
	require.NoError(t, err)
	put(t, dir, "pipeline.yaml", strings.Replace(string(text), "echo ${item}", "echo -n ${item}", 1))
	require.Contains(t, scripts(openTwice(t, dir)), "echo -n 1 > out-a")

	require.NoError(t, os.Remove(filepath.Join(dir, "maybe.yaml")))
	p, err := Open(dir)
	require.NoError(t, err)
	_, err = p.Pipeline()
	require.ErrorContains(t, err, "maybe.yaml", "what is not there any more is missed")
}

func TestPipeline_compiledIsDamaged(t *testing.T) {
	dir := largeProject(t)
	wanted := scripts(openTwice(t, dir))
	path := filepath.Join(dir, compiledFile)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := 0; at < len(whole); at += 7 {
		damaged := append([]byte{}, whole...)
		damaged[at] ^= 0x55
		require.NoError(t, os.WriteFile(path, damaged, 0o644))
		require.Equal(t, wanted, scripts(pipelineOf(t, dir)), "byte %d", at)
		require.NoError(t, os.WriteFile(path, whole[:at], 0o644))
		require.Equal(t, wanted, scripts(pipelineOf(t, dir)), "cut at byte %d", at)
	}
}

// TestPipeline_compiledElsewhere: what somebody else compiled, for the same pipeline.yaml
// to the byte, says nothing here.
func TestPipeline_compiledElsewhere(t *testing.T) {
	dir, other := largeProject(t), largeProject(t)
	openTwice(t, dir)
	openTwice(t, other)
	forged := forge(t, filepath.Join(dir, compiledFile))
	require.NoError(t, os.WriteFile(filepath.Join(dir, compiledFile), forged, 0o644))
	require.Contains(t, scripts(pipelineOf(t, dir)), "rm -rf", "it is the file that counts, where it was made")
	require.NoError(t, os.WriteFile(filepath.Join(other, compiledFile), forged, 0o644))
	require.NotContains(t, scripts(pipelineOf(t, other)), "rm -rf")
}

func pipelineOf(t *testing.T, dir string) *stages.Pipeline {
	t.Helper()
	p, err := Open(dir)
	require.NoError(t, err)
	pipeline, err := p.Pipeline()
	require.NoError(t, err)
	return pipeline
}

// forge puts other scripts into a compiled pipeline, in good order.
func forge(t *testing.T, path string) []byte {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	size := binary.LittleEndian.Uint32(data)
	var head compiledHead
	require.NoError(t, wire.Decode(data[4:4+size], &head))
	pipeline := &stages.Pipeline{}
	require.NoError(t, pipeline.UnmarshalBinary(data[4+size:]))
	for _, stage := range pipeline.Stages {
		stage.Cmd = []string{"rm -rf ~"}
	}
	rest, err := pipeline.MarshalBinary()
	require.NoError(t, err)
	head.Sum = digest.Sum(rest)
	text, err := wire.Encode(head)
	require.NoError(t, err)
	return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...), rest...)
}
