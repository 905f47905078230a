package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// errMissing is a program that a workload can't do without.
var errMissing = errors.New("a server is not installed")

// bench is one call of this program.
type bench struct {
	options
	folder string
	path   string   // PATH for the contenders, flow's own folder first
	jobs   string   // flow's words for two jobs; "" while it has none
	env    []string // what the contenders find in the environment
}

// Sample is what one run took.
type Sample struct {
	Wall time.Duration `json:"wall"`
	CPU  time.Duration `json:"cpu"`
	Peak int64         `json:"peak"` // bytes: of the largest of its processes
}

// newBench builds flow and finds the peers.
func newBench(o options) (*bench, error) {
	folder := o.folder
	var err error
	if folder == "" {
		folder, err = os.MkdirTemp("", "flow-bench-")
	} else {
		folder, err = filepath.Abs(folder)
		err = errors.Join(err, os.MkdirAll(folder, 0o755))
	}
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, folder: folder, path: filepath.Join(folder, "bin") + string(os.PathListSeparator) + os.Getenv("PATH")}
	if o.list {
		return b, nil
	}
	if err := os.MkdirAll(filepath.Join(folder, "bin"), 0o755); err != nil {
		return nil, err
	}
	if err := b.programs(); err != nil {
		return nil, err
	}
	help, err := b.command(folder, []string{"flow", "repro", "--help"}).Output()
	if err != nil {
		return nil, fmt.Errorf("flow repro --help: %w", err)
	}
	if strings.Contains(string(help), "--jobs") {
		b.jobs = "-j2"
	}
	return b, nil
}

// programs puts flow, and the other flow it is measured against, first in the path.
func (b *bench) programs() error {
	flow := filepath.Join(b.folder, "bin", "flow")
	if b.flow == "" {
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", flow, "flow/cmd/flow")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build flow: %w\n%s", err, out)
		}
	}
	for name, program := range map[string]string{"flow": b.flow, "flow-against": b.against} {
		if program == "" {
			continue
		}
		absolute, err := filepath.Abs(program)
		if err != nil {
			return err
		}
		link := filepath.Join(b.folder, "bin", name)
		_ = os.Remove(link)
		if err := os.Symlink(absolute, link); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) close() {
	if b.options.folder == "" {
		b.remove(b.folder)
		return
	}
	b.remove(b.old())
}

// old is where what was made before lies until the end.
func (b *bench) old() string { return filepath.Join(b.folder, "old") }

// sizes returns at which sizes a workload is measured.
func (b *bench) sizes(w Workload) []int {
	size := int(float64(w.Size) * b.scale)
	if w.Size > 0 {
		size = max(1, size)
	}
	if !b.grow || size < 64 {
		return []int{size}
	}
	return []int{size / 64, size / 16, size / 4, size}
}

// workload measures one workload, its contenders in turn.
func (b *bench) workload(w Workload, size int) (Table, error) {
	table := Table{Workload: w.Name, About: w.About, Goal: w.Goal, Cache: "warm", Size: size}
	if b.cold {
		table.Cache = "cold"
	}
	if w.Serve != nil {
		s, err := w.Serve()
		if errors.Is(err, errMissing) {
			table.Missing = []string{err.Error()}
			return table, nil
		}
		if err != nil {
			return table, err
		}
		defer s.stop()
		b.env = s.env
		defer func() { b.env = nil }()
	}
	var there []*turn
	for _, who := range b.contenders(w) {
		if !b.has(who) || b.script(&turn{dir: b.folder}, "probe", who.Probe) != nil {
			table.Missing = append(table.Missing, who.Tool)
			continue
		}
		one := &turn{Contender: who, dir: filepath.Join(b.folder, w.Name, who.Tool)}
		defer b.remove(one.dir)
		if err := b.prepare(w, one, table.Size); err != nil {
			return table, err
		}
		there = append(there, one)
	}
	for n := range b.runs + 1 {
		for _, one := range there {
			sample, err := b.once(one)
			if err != nil {
				return table, fmt.Errorf("%s: %w", one.Tool, err)
			}
			if n > 0 {
				one.samples = append(one.samples, sample)
			}
		}
	}
	for _, one := range there {
		table.Rows = append(table.Rows, newRow(one, there[0].samples))
	}
	return table, nil
}

// contenders adds the other flow.
func (b *bench) contenders(w Workload) []Contender {
	who := w.Who
	if b.against == "" {
		return who
	}
	other := who[0]
	flow := regexp.MustCompile(`(^|[^.\w])flow `)
	for _, text := range []*string{&other.Setup, &other.Reset, &other.Run, &other.Check} {
		*text = flow.ReplaceAllString(*text, "${1}flow-against ")
	}
	other.Tool, other.Needs = "flow-against", "flow-against"
	return append([]Contender{who[0], other}, who[1:]...)
}

// turn is a contender at work.
type turn struct {
	Contender
	dir     string
	words   []string
	samples []Sample
}

func (b *bench) has(who Contender) bool {
	program := who.Needs
	if program == "" {
		program = who.Tool
	}
	for _, folder := range filepath.SplitList(b.path) {
		if info, err := os.Stat(filepath.Join(folder, program)); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}

func (b *bench) prepare(w Workload, one *turn, size int) error {
	b.remove(one.dir)
	if err := os.MkdirAll(one.dir, 0o755); err != nil {
		return err
	}
	if err := w.Make(one.dir, size); err != nil {
		return fmt.Errorf("make the inputs: %w", err)
	}
	one.words = splitWords(strings.ReplaceAll(one.Run, "FLOWJOBS", b.jobs))
	return b.script(one, "set up", one.Setup)
}

// once is one run: reset, run, check.
func (b *bench) once(one *turn) (Sample, error) {
	if err := b.aside(one); err != nil {
		return Sample{}, fmt.Errorf("%s: reset: %w", one.Tool, err)
	}
	if err := b.script(one, "reset", one.Reset); err != nil {
		return Sample{}, err
	}
	if b.cold {
		if err := dropCaches(); err != nil {
			return Sample{}, err
		}
	}
	command := b.command(one.dir, one.words)
	started := time.Now()
	err := command.Run()
	wall := time.Since(started)
	if err != nil {
		return Sample{}, fmt.Errorf("%s: %w", one.Run, err)
	}
	state := command.ProcessState
	return Sample{Wall: wall, CPU: state.UserTime() + state.SystemTime(), Peak: peak(state)}, b.script(one, "check", one.Check)
}

// aside moves away what the run before made, to be removed at the end: ext4 looks much longer
// for the inode of a new file when others were freed in the seconds before.
func (b *bench) aside(one *turn) error {
	for _, name := range one.Aside {
		from := filepath.Join(one.dir, name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(b.old(), 0o755); err != nil {
			return err
		}
		to, err := os.MkdirTemp(b.old(), one.Tool+"-")
		if err != nil {
			return err
		}
		if err := os.Rename(from, filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) script(one *turn, what, script string) error {
	if script == "" {
		return nil
	}
	command := b.command(one.dir, []string{"sh", "-c", script})
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s\n%s", what, err, script, out)
	}
	return nil
}

// command returns a command whose program is found as the contenders see it.
func (b *bench) command(dir string, words []string) *exec.Cmd {
	command := exec.Command(words[0], words[1:]...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "PATH="+b.path, "GIT_CONFIG_GLOBAL=/dev/null", "NO_COLOR=1"), b.env...)
	command.Err = nil
	for _, folder := range filepath.SplitList(b.path) {
		program := filepath.Join(folder, words[0])
		if info, err := os.Stat(program); err == nil && !info.IsDir() {
			command.Path = program
			break
		}
	}
	return command
}

func (b *bench) remove(dir string) {
	_ = exec.Command("chmod", "-R", "u+w", dir).Run() // objects are read-only, and so may be folders
	_ = os.RemoveAll(dir)
}

// splitWords splits at spaces; '…' is one word.
func splitWords(text string) []string {
	var words []string
	for i, part := range strings.Split(text, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// dropCaches makes the system forget what it has read.
func dropCaches() error {
	if err := exec.Command("sync").Run(); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3\n"), 0); err != nil {
		return fmt.Errorf("drop the page cache: %w", err)
	}
	return nil
}
