package project

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// Held is a file that a project holds at a revision: git has it, or what is tracked does.
type Held struct {
	cache.TreeEntry // its path is relative to the project's root; of git's files, ID and Target are not told

	Data *Data // the data source or out that it is, or is inside of; nil for what git has
	Bare bool  // a directory whose list of files is nowhere to be had

	blob string // git's name of it
}

// Holds returns what the revision holds at and below a path, sorted: git's files, and the
// files of data sources and outs. The lists of directories that the cache does not have,
// lists may bring there. Unless it shall go deep, directories below the path are told as one.
func (r *Revision) Holds(ctx context.Context, name string, deep bool, lists func(context.Context, []Data) error) ([]Held, error) {
	data, err := r.data(ctx, nil)
	if err != nil {
		return nil, err
	}
	data = slices.DeleteFunc(data, func(d Data) bool { return !below(d.Path, name) && !below(name, d.Path) })
	whole := func(d Data) bool { return !deep && d.Path != name && below(d.Path, name) }
	if err := r.project.bringLists(ctx, slices.DeleteFunc(slices.Clone(data), whole), lists); err != nil {
		return nil, err
	}
	held, err := r.gitFiles(ctx, name)
	if err != nil {
		return nil, err
	}
	tracked := make(map[string]bool, len(data))
	for _, d := range data {
		tracked[d.Path] = true
	}
	held = slices.DeleteFunc(held, func(h Held) bool { return below(h.Path, State) || inOne(h.Path, tracked) })
	for i := range data {
		if whole(data[i]) && data[i].Content.Mode == digest.Dir {
			held = append(held, folder(&data[i], false))
			continue
		}
		inside, err := r.project.filesOf(ctx, &data[i])
		if err != nil {
			return nil, err
		}
		held = append(held, slices.DeleteFunc(inside, func(h Held) bool { return !below(h.Path, name) })...)
	}
	slices.SortFunc(held, func(a, b Held) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(held, func(a, b Held) bool { return a.Path == b.Path }), nil
}

// inDir returns a path relative to a folder that it is in.
func inDir(name, dir string) string {
	switch {
	case dir == ".":
		return name
	case name == dir:
		return "."
	}
	return strings.TrimPrefix(name, dir+"/")
}

// below reports whether a path is another one or is inside of it.
func below(name, dir string) bool {
	return name == dir || dir == "." || strings.HasPrefix(name, dir+"/")
}

// inOne reports whether a path is one of some, or is inside of one.
func inOne(name string, of map[string]bool) bool {
	for i := range len(name) {
		if name[i] == '/' && of[name[:i]] {
			return true
		}
	}
	return of[name] || of["."]
}

// bringLists has those lists of files brought that the cache lacks.
func (p *Project) bringLists(ctx context.Context, data []Data, lists func(context.Context, []Data) error) error {
	var lacking []Data
	for _, d := range data {
		if d.Content.Mode != digest.Dir {
			continue
		}
		has, err := p.Cache.Objects().Has(ctx, d.Content.ID)
		if err != nil {
			return err
		}
		if !has {
			d.Within, d.lists = func(string) bool { return false }, true
			lacking = append(lacking, d)
		}
	}
	if len(lacking) == 0 || lists == nil {
		return nil
	}
	return lists(ctx, lacking)
}

// filesOf returns the files of a data source or an out.
func (p *Project) filesOf(ctx context.Context, data *Data) ([]Held, error) {
	if data.Content.Mode != digest.Dir {
		return []Held{{TreeEntry: cache.TreeEntry{Path: data.Path, Mode: data.Content.Mode, ID: data.Content.ID, Size: data.Content.Size}, Data: data}}, nil
	}
	tree, known, err := p.cachedTree(ctx, data.Path, data.Content)
	if err != nil {
		return nil, err
	}
	if !known || len(tree) == 0 {
		return []Held{folder(data, !known)}, nil
	}
	held := make([]Held, len(tree))
	for i, entry := range tree {
		entry.Path = path.Join(data.Path, entry.Path)
		held[i] = Held{TreeEntry: entry, Data: data}
	}
	return held, nil
}

// folder returns a directory as one.
func folder(data *Data, bare bool) Held {
	entry := cache.DirEntry(data.Path)
	entry.Size = data.Content.Size
	return Held{TreeEntry: entry, Data: data, Bare: bare}
}

// gitFiles returns the files that git has at and below a path; of the workspace, those that
// are there and that git does not ignore.
func (r *Revision) gitFiles(ctx context.Context, name string) ([]Held, error) {
	switch {
	case r.Run != nil:
		tree, err := r.runTree(ctx)
		var held []Held
		for _, entry := range tree {
			if below(entry.Path, name) {
				held = append(held, Held{TreeEntry: entry})
			}
		}
		return held, err
	case r.IsWorkspace():
		return r.project.filesHere(ctx, name)
	}
	args := []string{"ls-tree", "-r", "-l", "-z", r.Commit}
	if name != "." {
		args = append(args, "--", name)
	}
	out, err := r.project.git(ctx, args...)
	if err != nil {
		return nil, err
	}
	var held []Held
	for line := range strings.SplitSeq(string(out), "\x00") {
		about, file, found := strings.Cut(line, "\t")
		words := strings.Fields(about) // mode, kind, object, size
		if !found || len(words) != 4 || words[1] != "blob" {
			continue // a submodule
		}
		size, _ := strconv.ParseInt(words[3], 10, 64)
		mode := map[string]digest.Mode{"100755": digest.Exec, "120000": digest.Link}[words[0]]
		if mode == digest.None {
			mode = digest.File
		}
		held = append(held, Held{TreeEntry: cache.TreeEntry{Path: file, Mode: mode, Size: size}, blob: words[2]})
	}
	return held, nil
}

// filesHere returns the files of the workspace that git does not ignore.
func (p *Project) filesHere(ctx context.Context, name string) ([]Held, error) {
	var names []string
	if p.Git {
		out, err := p.git(ctx, "--literal-pathspecs", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", name)
		if err != nil {
			return nil, err
		}
		names = strings.FieldsFunc(string(out), func(c rune) bool { return c == 0 })
	} else {
		var err error
		if names, err = p.filesBelow(name); err != nil {
			return nil, err
		}
	}
	var held []Held
	for _, file := range names {
		info, err := p.Root.Lstat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // git has it, and it is deleted
		}
		if err != nil {
			return nil, err
		}
		mode := digest.File
		switch {
		case info.IsDir():
			continue // a repository of its own
		case info.Mode()&fs.ModeSymlink != 0:
			mode = digest.Link
		case info.Mode()&0o111 != 0:
			mode = digest.Exec
		}
		held = append(held, Held{TreeEntry: cache.TreeEntry{Path: path.Clean(file), Mode: mode, Size: info.Size()}})
	}
	return held, nil
}

// readEach reads some of git's files, one after the other.
func (r *Revision) readEach(ctx context.Context, held []Held, each func(Held, io.Reader) error) error {
	if r.IsWorkspace() {
		for _, h := range held {
			if err := r.project.readHere(h, each); err != nil {
				return err
			}
		}
		return nil
	}
	if len(held) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, "git", "cat-file", "--batch")
	cmd.Dir = r.project.Root.Dir()
	cmd.Env = append(r.project.gitEnvironment(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var asked strings.Builder
	for _, h := range held {
		asked.WriteString(h.blob + "\n")
	}
	cmd.Stdin = strings.NewReader(asked.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	reader := bufio.NewReaderSize(out, 256<<10)
	for _, h := range held {
		if err := readAnswer(reader, h, each); err != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return errors.Join(context.Cause(ctx), err)
		}
	}
	return cmd.Wait()
}

// readAnswer reads one of git's answers: a line with the object, its kind and its size,
// then its bytes and the end of a line.
func readAnswer(from *bufio.Reader, h Held, each func(Held, io.Reader) error) error {
	line, err := from.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read %s from git: %w", h.Path, err)
	}
	words := strings.Fields(line)
	if len(words) != 3 {
		return fmt.Errorf("read %s from git: %s", h.Path, strings.TrimSpace(line))
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return fmt.Errorf("read %s from git: %w", h.Path, err)
	}
	body := io.LimitReader(from, size)
	if err := each(h, body); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("read %s from git: %w", h.Path, err)
	}
	_, err = from.Discard(1)
	return err
}

func (p *Project) readHere(h Held, each func(Held, io.Reader) error) error {
	if h.Mode == digest.Link {
		target, err := p.Root.Readlink(h.Path)
		if err != nil {
			return err
		}
		return each(h, strings.NewReader(target))
	}
	file, err := p.Root.Open(h.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	return each(h, file)
}

// aside copies what a reader gives to a file of the system's temporary folder, which the
// caller closes and removes.
func aside(from io.Reader) (*os.File, error) {
	temp, err := os.CreateTemp("", "flow-git-")
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(temp, from); err != nil {
		temp.Close()
		os.Remove(temp.Name())
		return nil, err
	}
	return temp, nil
}
