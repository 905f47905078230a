package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/stages"
	"flow/pkg/store"
	"flow/pkg/transfer"
)

// Foreign is another project, or a git repository without one, at a revision. What is
// taken from it goes into a cache.
type Foreign struct {
	*Project // its Cache is where what is taken goes
	Repo     stages.Repo
	Revision *Revision
	Path     string          // of what is wanted, in the project
	Moved    transfer.Result // what was taken so far

	clone  string       // what Close removes; "" for a folder that is used as it is
	beside *cache.Cache // of the folder; nil for a clone
}

// ForeignOptions says how another project is opened.
type ForeignOptions struct {
	Base   string       // what a folder is relative to
	Into   *cache.Cache // where what is taken goes; nil: its own cache
	Commit bool         // a commit is wanted, not the files of a folder as they are
}

// OpenForeign opens the project that has a path of a repository: in its folder, or in a
// clone, which Close removes. Nothing of a clone is run, and its settings count as those
// of a stranger.
func OpenForeign(ctx context.Context, repo stages.Repo, options ForeignOptions) (*Foreign, error) {
	if problem := repo.Whole().Problem(); problem != "" {
		return nil, diag.At(diag.Pos{}, "%s: %q", problem, repo.Redacted())
	}
	f := &Foreign{Repo: repo, Moved: transfer.Result{Remote: repo.Redacted()}}
	location := repo.URL
	if repo.Folder() && !filepath.IsAbs(location) {
		location = filepath.Join(options.Base, location)
	}
	err := f.open(ctx, location, options)
	if err == nil && f.Revision.Run != nil {
		err = diag.At(diag.Pos{}, "%q is a run of the project in %s; name a commit, a branch or a tag", repo.Rev, repo.Redacted())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Foreign) open(ctx context.Context, location string, options ForeignOptions) error {
	rev := f.Repo.Rev
	if rev == "" && options.Commit {
		rev = "HEAD"
	}
	if info, err := os.Stat(location); f.Repo.Folder() && err == nil && info.IsDir() && !isBare(location) {
		if err := f.openFolder(location, options); err != nil {
			return err
		}
		var err error
		f.Revision, err = f.Project.Revision(ctx, rev)
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoGit) {
			return f.noRevision(rev)
		}
		return err
	}
	if f.Repo.Folder() && !isBare(location) {
		problem := diag.At(diag.Pos{}, "there is no repository %s", f.Repo.Redacted())
		problem.Err = errNoRepository
		return problem
	}
	return f.openClone(ctx, location, rev, options)
}

// What another project lacks when it can't be opened.
var (
	errNoRepository = errors.New("no such repository")
	errNoRevision   = errors.New("no such revision")
)

func (f *Foreign) noRevision(rev string) error {
	problem := diag.At(diag.Pos{}, "the repository %s has no revision %q", f.Repo.Redacted(), f.describeRev(rev))
	problem.Err = errNoRevision
	return problem
}

// isBare reports whether a folder is a git repository without files.
func isBare(location string) bool {
	return exists(filepath.Join(location, "HEAD")) && exists(filepath.Join(location, "objects")) && exists(filepath.Join(location, "refs"))
}

// openFolder opens the project in a folder: the nearest one around the path that is
// wanted, else the one that the folder is in; else the git repository.
func (f *Foreign) openFolder(location string, options ForeignOptions) error {
	f.Path = path.Clean(f.Repo.Path)
	for dir := f.Path; dir != "."; dir = path.Dir(dir) {
		if at := filepath.Join(location, filepath.FromSlash(dir)); exists(filepath.Join(at, State)) {
			location, f.Path = at, inDir(f.Path, dir)
			break
		}
	}
	home, err := Open(location)
	if err == nil {
		home.foreign = true
		f.Project, f.beside = home, home.Cache
		if options.Into != nil {
			copied := *home
			copied.Cache = options.Into
			f.Project = &copied
		}
		return nil
	}
	if !exists(filepath.Join(location, ".git")) {
		return err
	}
	return f.guest(location, options, &Config{})
}

// guest makes a project of a git repository, of whose files none is needed.
func (f *Foreign) guest(dir string, options ForeignOptions, config *Config) error {
	root, err := disk.OpenRoot(dir)
	if err != nil {
		return err
	}
	root.SetTemps(State + "/tmp")
	into := options.Into
	if into == nil {
		if f.clone == "" {
			if f.clone, err = os.MkdirTemp("", "flow-clone-"); err != nil {
				return err
			}
		}
		own := filepath.Join(f.clone, "cache")
		if err := os.MkdirAll(own, 0o777); err != nil {
			return err
		}
		cacheRoot, err := disk.OpenRoot(own)
		if err != nil {
			return err
		}
		if into, err = cache.Open(cacheRoot, cache.Options{}); err != nil {
			return err
		}
	}
	f.Project = guestProject(root, into, config)
	return nil
}

// Close removes the clone.
func (f *Foreign) Close() error {
	if f.clone == "" {
		return nil
	}
	return os.RemoveAll(f.clone)
}

// Take brings what the project holds at the path into the cache, and returns it. Without
// download, only what must be read to know what it is.
func (f *Foreign) Take(ctx context.Context, options MoveOptions, download bool) (digest.Content, error) {
	held, err := f.Revision.Holds(ctx, f.Path, true, f.Lists(options))
	if err != nil {
		return digest.Content{}, err
	}
	if len(held) == 0 {
		return digest.Content{}, engine.Missing(diag.At(diag.Pos{}, "%s has no %s%s", f.Repo.Redacted(), f.Repo.Path, f.at())).
			WithHint("%s", f.hint(ctx))
	}
	for _, h := range held {
		if h.Bare {
			return digest.Content{}, engine.Missing(diag.At(diag.Pos{}, "%s: the list of its files is neither in a cache nor on a remote of %s", h.Path, f.Repo.Redacted()))
		}
	}
	if err := f.readGit(ctx, held); err != nil {
		return digest.Content{}, err
	}
	if download {
		if err := f.bring(ctx, wanted(held), options); err != nil {
			return digest.Content{}, err
		}
	}
	return f.whole(ctx, held)
}

// hint says why a path may not be there.
func (f *Foreign) hint(ctx context.Context) string {
	if held, err := f.Revision.gitFiles(ctx, f.Path+".dvc"); err == nil && len(held) > 0 {
		return "DVC tracks it there, and flow gets what flow tracks: flow migrate, in that project"
	}
	return "what it has: flow ls " + f.Repo.Redacted()
}

// Lists returns what brings the lists of directories for Holds.
func (f *Foreign) Lists(options MoveOptions) func(context.Context, []Data) error {
	return func(ctx context.Context, data []Data) error { return f.bring(ctx, data, options) }
}

func (f *Foreign) at() string {
	if f.Revision.IsWorkspace() {
		return ""
	}
	return " at " + f.Revision.Commit[:8]
}

// wanted returns the data that some files are of, with what of it is meant.
func wanted(held []Held) []Data {
	byPath := map[string]map[string]bool{}
	var data []Data
	for _, h := range held {
		if h.Data == nil {
			continue
		}
		if byPath[h.Data.Path] == nil {
			byPath[h.Data.Path] = map[string]bool{}
			data = append(data, *h.Data)
		}
		byPath[h.Data.Path][strings.TrimPrefix(h.Path, h.Data.Path+"/")] = true
	}
	for i := range data {
		files := byPath[data[i].Path]
		data[i].Within = func(name string) bool { return files[name] }
	}
	return data
}

// bring brings data into the cache: from the cache in the project's folder, or from where
// the project has it from itself, or from its remote.
func (f *Foreign) bring(ctx context.Context, data []Data, options MoveOptions) error {
	if err := f.copyBeside(ctx, data); err != nil {
		return err
	}
	var lacking []Data
	for _, d := range data {
		whole, err := hasPart(ctx, f.Cache, d)
		if err != nil {
			return err
		}
		if !whole {
			d.Push = true
			lacking = append(lacking, d)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	if own, _ := imported(lacking); len(own) > 0 && len(f.Config.Remotes()) == 0 {
		return engine.Missing(diag.At(diag.Pos{}, "%s has no remote to get %s from", f.Repo.Redacted(), own[0].Path)).
			WithHint("who has it can push it: flow remote add, then flow push, and commit .flow/config")
	}
	results, err := f.Fetch(ctx, lacking, MoveOptions{NoRuns: true, Jobs: options.Jobs, Sink: options.Sink})
	for _, result := range results {
		f.Moved.Add(result)
	}
	if err != nil {
		return fmt.Errorf("get %s of %s: %w", lacking[0].Path, f.Repo.Redacted(), err)
	}
	return nil
}

// hasPart reports whether a cache has what is meant of some data.
func hasPart(ctx context.Context, c *cache.Cache, d Data) (bool, error) {
	if d.Content.Mode != digest.Dir || d.Within == nil {
		return c.Has(ctx, d.Content)
	}
	missing, err := c.Missing(ctx, d.Content)
	if err != nil || len(missing) == 0 {
		return err == nil, err
	}
	if len(missing) == 1 && missing[0] == d.Content.ID {
		return false, nil
	}
	tree, err := c.ReadTree(ctx, d.Content.ID)
	if err != nil {
		return false, err
	}
	lacking := map[digest.ID]bool{}
	for _, id := range missing {
		lacking[id] = true
	}
	return !slices.ContainsFunc(tree, func(entry cache.TreeEntry) bool { return lacking[entry.ID] && d.Within(entry.Path) }), nil
}

// copyBeside copies what the cache of the project's folder has.
func (f *Foreign) copyBeside(ctx context.Context, data []Data) error {
	if f.beside == nil || f.beside == f.Cache {
		return nil
	}
	for _, d := range data {
		ids := []digest.ID{d.Content.ID}
		if d.Content.Mode == digest.Dir {
			tree, err := f.beside.ReadTree(ctx, d.Content.ID)
			if errors.Is(err, store.ErrAbsent) {
				continue
			}
			if err != nil {
				return err
			}
			for _, entry := range tree {
				if (entry.Mode == digest.File || entry.Mode == digest.Exec) && (d.Within == nil || d.Within(entry.Path)) {
					ids = append(ids, entry.ID)
				}
			}
		}
		stats, err := store.Copy(ctx, f.Cache.Objects(), f.beside.Objects(), ids, store.CopyOptions{})
		f.Moved.Objects += stats.Copied
		f.Moved.Bytes += stats.Bytes
		var corrupt *store.CorruptError
		if err != nil && !errors.Is(err, store.ErrAbsent) && !errors.As(err, &corrupt) {
			return err
		}
	}
	return nil
}

// pointer is how the files begin that git LFS keeps elsewhere.
const pointer = "version https://git-lfs.github.com/spec/"

// readGit puts git's files into the cache, and notes what they are.
func (f *Foreign) readGit(ctx context.Context, held []Held) error {
	index := map[string]*Held{}
	var files []Held
	for i := range held {
		if h := &held[i]; h.Data == nil {
			index[h.Path] = h
			files = append(files, *h)
		}
	}
	batch := f.Cache.Begin()
	defer batch.Abort()
	err := f.Revision.readEach(ctx, files, func(h Held, from io.Reader) error {
		start, err := io.ReadAll(io.LimitReader(from, 1<<20))
		if err != nil {
			return fmt.Errorf("read %s: %w", h.Path, err)
		}
		switch {
		case bytes.HasPrefix(start, []byte(pointer)):
			return diag.At(diag.Pos{}, "git LFS keeps %s, which flow does not get", h.Path)
		case h.Mode == digest.Link:
			index[h.Path].TreeEntry = cache.LinkEntry(h.Path, string(start))
			return nil
		case len(start) < 1<<20:
			index[h.Path].Size = int64(len(start))
			index[h.Path].ID, err = batch.AddBytes(start)
			return err
		}
		temp, err := aside(io.MultiReader(bytes.NewReader(start), from))
		if err != nil {
			return err
		}
		defer os.Remove(temp.Name())
		defer temp.Close()
		index[h.Path].ID, index[h.Path].Size, err = batch.Add(ctx, temp)
		return err
	})
	if err != nil {
		return err
	}
	return batch.Commit(ctx)
}

// whole returns the content that some files are together: the file that was asked for, or
// a directory, whose list goes into the cache.
func (f *Foreign) whole(ctx context.Context, held []Held) (digest.Content, error) {
	if one := held[0]; len(held) == 1 && one.Path == f.Path && one.Mode != digest.Dir {
		if one.Mode == digest.Link {
			return digest.Content{}, diag.At(diag.Pos{}, "%s is a link in %s; name what it leads to", f.Repo.Path, f.Repo.Redacted())
		}
		return digest.Content{ID: one.ID, Mode: one.Mode, Size: one.Size}, nil
	}
	tree := cache.Tree{}
	for _, h := range held {
		entry := h.TreeEntry
		if entry.Mode == digest.Dir {
			entry.Size = 0
		}
		if entry.Path = inDir(entry.Path, f.Path); entry.Path == "." {
			continue // an empty folder
		}
		if target := path.Join(path.Dir(entry.Path), entry.Target); entry.Mode == digest.Link && (path.IsAbs(entry.Target) || !filepath.IsLocal(target)) {
			return digest.Content{}, diag.At(diag.Pos{}, "the link %s leads out of what was asked for: %s", h.Path, entry.Target)
		}
		tree = append(tree, entry)
	}
	if err := tree.Validate(); err != nil {
		return digest.Content{}, fmt.Errorf("what %s holds can't be files of a project: %w", f.Repo.Redacted(), err)
	}
	batch := f.Cache.Begin()
	defer batch.Abort()
	if _, err := batch.AddBytes(tree.Encode()); err != nil {
		return digest.Content{}, err
	}
	return tree.Content(), batch.Commit(ctx)
}

// Export writes a content of the cache to a place outside of any project, which must not
// be there. Files are copies, and links that lead out of it are refused.
func (f *Foreign) Export(ctx context.Context, content digest.Content, to string) error {
	copies, err := cache.Open(f.Cache.Root(), cache.Options{Links: []cache.LinkKind{cache.Reflink}})
	if err != nil {
		return err
	}
	folder, base := filepath.Dir(to), filepath.Base(to)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	root, err := disk.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	if root.Exists(base) {
		return &fs.PathError{Op: "write", Path: to, Err: fs.ErrExist}
	}
	if content.Mode != digest.Dir {
		return copies.Link(ctx, content.ID, content.Mode, root, base)
	}
	tree, err := copies.ReadTree(ctx, content.ID)
	if err != nil {
		return err
	}
	if err := root.Mkdir(base, 0o777); err != nil {
		return err
	}
	for _, entry := range tree {
		if err := export(ctx, copies, root, base, entry); err != nil {
			return errors.Join(err, root.RemoveAll(base))
		}
	}
	return nil
}

func export(ctx context.Context, from *cache.Cache, root *disk.Root, base string, entry cache.TreeEntry) error {
	name := base + "/" + entry.Path
	if entry.Mode == digest.Dir {
		return root.MkdirAll(name, 0o777)
	}
	if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	if entry.Mode != digest.Link {
		return from.Link(ctx, entry.ID, entry.Mode, root, name)
	}
	target := path.Join(path.Dir(entry.Path), entry.Target)
	if path.IsAbs(entry.Target) || !filepath.IsLocal(target) {
		return diag.At(diag.Pos{}, "the link %s leads out of what was asked for: %s", entry.Path, entry.Target)
	}
	return root.Symlink(entry.Target, name)
}
