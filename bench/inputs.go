package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

func makeNothing(string, int) error { return nil }

// makeFiles returns what makes data/ of so many files of so many random bytes, the
// same each time.
func makeFiles(bytes int) func(dir string, size int) error {
	return func(dir string, size int) error {
		random := rand.NewChaCha8([32]byte{1})
		content := make([]byte, bytes)
		for i := range size {
			folder := filepath.Join(dir, "data", fmt.Sprintf("%04d", i/1000))
			if i%1000 == 0 {
				if err := os.MkdirAll(folder, 0o755); err != nil {
					return err
				}
			}
			_, _ = random.Read(content)
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%06d", i)), content, 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

// makeLarge makes one file data of so many MiB.
func makeLarge(dir string, size int) error {
	file, err := os.Create(filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	random := rand.NewChaCha8([32]byte{1})
	piece := make([]byte, 1<<20)
	for range size {
		_, _ = random.Read(piece)
		if _, err := file.Write(piece); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return file.Close()
}

// edge is one stage: it copies what it reads into what it writes.
type edge struct {
	name string
	from []string
}

// makeChain makes stages of which each reads what the one before wrote.
func makeChain(dir string, size int) error {
	edges := make([]edge, size)
	for i := range edges {
		from := "in/0"
		if i > 0 {
			from = "out/" + strconv.Itoa(i-1)
		}
		edges[i] = edge{name: strconv.Itoa(i), from: []string{from}}
	}
	return makeStages(dir, edges)
}

// makeFlat makes stages that don't depend on each other.
func makeFlat(dir string, size int) error {
	edges := make([]edge, size)
	for i := range edges {
		edges[i] = edge{name: strconv.Itoa(i), from: []string{"in/" + strconv.Itoa(i)}}
	}
	return makeStages(dir, edges)
}

// makeLayers makes 10 layers of stages; each reads two of the layer above, the first
// layer a file of its own.
func makeLayers(dir string, size int) error {
	width := max(1, size/10)
	edges := make([]edge, width*10)
	for i := range edges {
		from := []string{"in/" + strconv.Itoa(i)}
		if i >= width {
			above := i - i%width - width
			from = []string{"out/" + strconv.Itoa(i-width), "out/" + strconv.Itoa(above+(i+1)%width)}
			if from[0] == from[1] {
				from = from[:1]
			}
		}
		edges[i] = edge{name: strconv.Itoa(i), from: from}
	}
	return makeStages(dir, edges)
}

// makeStages writes the same stages for every tool, and what the first of them read.
func makeStages(dir string, edges []edge) error {
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o755); err != nil {
		return err
	}
	for i, e := range edges {
		for _, from := range e.from {
			if filepath.Dir(from) != "in" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, from), fmt.Appendf(nil, "%d\n", i), 0o644); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "size"), []byte(strconv.Itoa(len(edges))), 0o644); err != nil {
		return err
	}
	for name, write := range map[string]func(*bufio.Writer, []edge){
		"pipeline.yaml": writePipeline, "build.ninja": writeNinja, "Makefile": writeMake, "Snakefile": writeSnake,
	} {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		w := bufio.NewWriter(file)
		write(w, edges)
		if err := errors.Join(w.Flush(), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

func writePipeline(w *bufio.Writer, edges []edge) {
	fmt.Fprintln(w, "stages:")
	for _, e := range edges {
		fmt.Fprintf(w, "  s%s:\n    cmd: cp %s out/%s\n    deps:\n", e.name, e.from[0], e.name)
		for _, from := range e.from {
			fmt.Fprintf(w, "      - %s\n", from)
		}
		fmt.Fprintf(w, "    outs:\n      - out/%s\n", e.name)
	}
}

func writeNinja(w *bufio.Writer, edges []edge) {
	fmt.Fprintln(w, "rule copy\n  command = cp $from $out")
	for _, e := range edges {
		fmt.Fprintf(w, "build out/%s: copy", e.name)
		for _, from := range e.from {
			fmt.Fprintf(w, " %s", from)
		}
		fmt.Fprintf(w, "\n  from = %s\n", e.from[0])
	}
}

func writeMake(w *bufio.Writer, edges []edge) {
	fmt.Fprint(w, "all:")
	for _, e := range edges {
		fmt.Fprintf(w, " out/%s", e.name)
	}
	fmt.Fprintln(w)
	for _, e := range edges {
		fmt.Fprintf(w, "out/%s:", e.name)
		for _, from := range e.from {
			fmt.Fprintf(w, " %s", from)
		}
		fmt.Fprintf(w, "\n\tcp %s out/%s\n", e.from[0], e.name)
	}
}

func writeSnake(w *bufio.Writer, edges []edge) {
	fmt.Fprintln(w, "rule all:\n    input:")
	for _, e := range edges {
		fmt.Fprintf(w, "        'out/%s',\n", e.name)
	}
	for _, e := range edges {
		fmt.Fprintf(w, "rule s%s:\n    input: '%s'\n    output: 'out/%s'\n    shell: 'cp {input} {output}'\n", e.name, e.from[0], e.name)
	}
}
