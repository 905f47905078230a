// Package project finds a project on disk and opens its parts.
package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/values"
	"flow/pkg/workspace"
)

// State is the name of flow's own folder in a project.
const State = ".flow"

// ConfigFile holds the settings that git shares.
const ConfigFile = State + "/config"

// Project is an open project.
type Project struct {
	Root      *disk.Root
	Config    *Config
	Cache     *cache.Cache
	Workspace *workspace.Workspace
	Ledger    *lock.Ledger
	Runs      *runs.History
	Git       bool // the project is in a git repository

	// Partial says that what is wrong with some stages leaves the others alone.
	Partial bool
	near    string // what a remote that is a folder is relative to; "" for the root
	foreign bool   // another project than the one that the person is at

	// Settings are values that params and vars have instead of those in their files.
	Settings []values.Setting

	// Declared are the files that the pipeline came from, or would if they were there:
	// known once it was read, as far as that went.
	Declared []string
}

// Find returns the root of the project that a folder is in: the nearest folder,
// upwards, that holds .flow; where there is none, the highest that holds pipeline.yaml,
// below the root of the git repository.
func Find(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	if _, err := os.Stat(absolute); err != nil {
		return "", diag.At(diag.Pos{}, "there is no folder %s", absolute)
	}
	highest := ""
	for at, above := absolute, false; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, State)) {
			return at, nil
		}
		if !above && exists(filepath.Join(at, stages.File)) {
			highest = at
		}
		above = above || exists(filepath.Join(at, ".git"))
		if at != filepath.Dir(at) {
			continue
		}
		if highest == "" {
			return "", diag.At(diag.Pos{}, "%s is in no flow project: there is no %s and no %s here or above", absolute, stages.File, State).
				WithHint("start one here: flow init")
		}
		return highest, nil
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Open opens the project that a folder is in. It writes nothing but an empty folder
// for the cache, where it can.
func Open(dir string) (*Project, error) {
	found, err := Find(dir)
	if err != nil {
		return nil, err
	}
	root, err := disk.OpenRoot(found)
	if err != nil {
		return nil, fmt.Errorf("open the project: %w", err)
	}
	root.SetTemps(State + "/tmp")
	p := &Project{Root: root, Git: inGit(root.Dir())}
	if p.Config, err = LoadConfig(root); err != nil {
		return nil, err
	}
	if err := p.openCache(); err != nil {
		return nil, err
	}
	p.Workspace, err = workspace.Open(root, p.Cache, workspace.Options{IndexDir: State + "/index"})
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	p.Ledger = lock.NewLedger(root, lock.Name, State)
	p.Runs = runs.Open(root, State)
	return p, nil
}

// inGit looks for .git here and above.
func inGit(dir string) bool {
	for at := dir; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, ".git")) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}

// CacheDir returns the absolute path of the cache's folder.
func (p *Project) CacheDir() string {
	dir := p.Config.CacheDir()
	if dir == "" {
		return p.Root.Path(State + "/cache")
	}
	if rest, found := strings.CutPrefix(dir, "~/"); found {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return filepath.Join(p.Root.Dir(), dir)
}

func (p *Project) openCache() error {
	links, err := p.Config.Links()
	if err != nil {
		return err
	}
	dir := p.CacheDir()
	if err := makeDurable(dir); err != nil && !errors.Is(err, fs.ErrPermission) && !isReadOnly(err) {
		return fmt.Errorf("make the cache's folder: %w", err)
	}
	root, err := disk.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		root, err = p.Root, nil // a project that can only be read and has no cache yet
	}
	if err != nil {
		return fmt.Errorf("open the cache: %w", err)
	}
	if p.Config.SharedCache() && root != p.Root {
		root.ShareWithGroup()
		if err := openForGroup(root); err != nil {
			return err
		}
	}
	p.Cache, err = cache.Open(root, cache.Options{Links: links})
	return err
}

// makeDurable makes a folder that is there after a power loss, too: a lock that names
// what is in the cache must not outlive the cache's own name.
func makeDurable(dir string) error {
	there := dir
	for !exists(there) && there != filepath.Dir(there) {
		there = filepath.Dir(there)
	}
	below, err := filepath.Rel(there, dir)
	if err != nil || there == dir {
		return err
	}
	root, err := disk.OpenRoot(there)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.MkdirDurable(filepath.ToSlash(below), 0o755)
}

// openForGroup lets the group into the cache's folder. One that another person made is
// theirs to open.
func openForGroup(root *disk.Root) error {
	info, err := root.Lstat(".")
	if err != nil || info.Mode()&fs.ModeSetgid != 0 && info.Mode().Perm()&0o070 == 0o070 {
		return err
	}
	if err := root.Chmod(".", info.Mode().Perm()|0o770|fs.ModeSetgid); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("share the cache: %w", err)
	}
	return nil
}

// abandoned is how old something unfinished must be for nobody to be at work on it.
const abandoned = 24 * time.Hour

// Prepare makes what a command that changes the project needs: the state folder,
// which ignores itself in git but for the shared config.
func (p *Project) Prepare() error {
	if err := p.Root.MkdirAll(State+"/tmp/stage", 0o755); err != nil {
		return fmt.Errorf("prepare %s: %w", State, err)
	}
	_, _ = p.Root.Sweep(State+"/tmp", abandoned) // what it can't remove is in nobody's way
	ignore := State + "/.gitignore"
	if p.Root.Exists(ignore) {
		return nil
	}
	if err := p.Root.Replace(ignore, []byte("/*\n!/config\n"), 0o644); err != nil {
		return fmt.Errorf("prepare %s: %w", State, err)
	}
	return nil
}

// Scratch is where work of this project that was killed leaves what is unfinished. It is
// somebody's while stages run.
func (p *Project) Scratch() cache.Scratch {
	return cache.Scratch{Root: p.Root, Dir: State + "/tmp", Lock: atWork}
}

// Engine opens the engine over the project's pipeline.
func (p *Project) Engine() (*engine.Engine, error) {
	go p.Ledger.Read() // beside the pipeline: who asks for it then finds it read, or tells what is wrong
	pipeline, err := p.Pipeline()
	if err != nil {
		return nil, err
	}
	graph, err := pipeline.Graph()
	if err != nil {
		return nil, err
	}
	totals, devices, err := p.Config.Totals()
	if err != nil {
		return nil, err
	}
	e := &engine.Engine{
		Totals: totals, Devices: devices,
		Pipeline: pipeline, Graph: graph, Root: p.Root, Workspace: p.Workspace, Cache: p.Cache, Ledger: p.Ledger,
		Runner: &Runner{}, Probe: probe, State: State, Git: p.Git, Settings: p.Settings,
	}
	e.Expected = p.Runs.Expected
	if p.Git {
		e.GitTracked = p.Tracked
	}
	return e, nil
}

// Remember writes down what a reading command has learnt about the files, where the
// project can be written.
func (p *Project) Remember() {
	if p.Prepare() == nil {
		_ = p.Workspace.Flush()
		_ = p.Cache.Flush()
	}
}

// DescribeLinks says in which ways files come out of the cache, in the order in
// which they are tried.
func (p *Project) DescribeLinks() string {
	var kinds []string
	for _, kind := range p.Cache.Links() {
		kinds = append(kinds, string(kind))
	}
	return strings.Join(kinds, ", then ")
}
