package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/dvc"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// facts tells of paths of the workspace what flow sees there and what DVC does.
type facts struct {
	target Target
	made   map[string]bool // what migrate wrote, which DVC has not seen
	intake *intake
	known  map[string]*fact
	md5s   map[digest.ID]string // of raw bytes
}

// fact is what one path holds.
type fact struct {
	content digest.Content
	tree    cache.Tree
	sums    map[bool]string // by whether it is the legacy one
	files   int             // that DVC sees in a directory
	problem error           // why flow can't take it
}

func newFacts(target Target, plan *Plan, in *intake) *facts {
	f := &facts{target: target, made: map[string]bool{}, intake: in, known: map[string]*fact{}, md5s: map[digest.ID]string{}}
	for _, file := range plan.Files {
		f.made[file.Name] = true
	}
	for hash, object := range in.have {
		if !hash.Legacy {
			f.md5s[object.id] = hash.MD5
		}
	}
	return f
}

// at looks at a path, once.
func (f *facts) at(ctx context.Context, name string) (*fact, error) {
	if known := f.known[name]; known != nil {
		return known, nil
	}
	is := &fact{sums: map[bool]string{}}
	var special *workspace.SpecialError
	var escape *workspace.EscapeError
	is.tree, is.content, is.problem = f.target.Workspace.Tree(ctx, name)
	if is.problem != nil && !errors.As(is.problem, &special) && !errors.As(is.problem, &escape) {
		return nil, fmt.Errorf("look at %s: %w", name, is.problem)
	}
	f.known[name] = is
	return is, nil
}

// holds reports whether a path of the workspace holds what DVC recorded.
func (f *facts) holds(ctx context.Context, name string, item dvc.Item) (bool, error) {
	is, err := f.at(ctx, name)
	dir := item.Hash.Dir || len(item.Below) > 0
	if err != nil || !is.content.Exists() || is.problem != nil || dir != (is.content.Mode == digest.Dir) {
		return false, err
	}
	want := item.Hash.MD5
	if want == "" {
		want = dvc.SumDir(item.Below)
	}
	got, err := f.sum(ctx, name, is, item.Hash.Legacy)
	return got == want, err
}

// sum returns the digest that DVC would give a path.
func (f *facts) sum(ctx context.Context, name string, is *fact, legacy bool) (string, error) {
	if known, found := is.sums[legacy]; found {
		return known, nil
	}
	var sum string
	var err error
	if is.content.Mode == digest.Dir {
		sum, err = f.sumDir(ctx, name, is, legacy)
	} else {
		sum, err = f.sumFile(ctx, name, is.content, legacy)
	}
	if err == nil {
		is.sums[legacy] = sum
	}
	return sum, err
}

// sumDir sees a directory as DVC does: files, and links to files as the files that they
// lead to; no empty folders, and not what was not there before.
func (f *facts) sumDir(ctx context.Context, name string, is *fact, legacy bool) (string, error) {
	var files []dvc.FileHash
	for _, entry := range is.tree {
		full := path.Join(name, entry.Path)
		if f.made[full] || entry.Mode == digest.Dir {
			continue
		}
		sum, err := f.sumFile(ctx, full, digest.Content{ID: entry.ID, Mode: entry.Mode}, legacy)
		if err != nil {
			return "", err
		}
		if sum != "" {
			files = append(files, dvc.FileHash{Path: entry.Path, MD5: sum})
		}
	}
	is.files = len(files)
	return dvc.SumDir(files), nil
}

// sumFile returns a file's digest; "" for a link that leads to no file.
func (f *facts) sumFile(ctx context.Context, name string, content digest.Content, legacy bool) (string, error) {
	regular := content.Mode != digest.Link
	if known, found := f.md5s[content.ID]; found && regular && !legacy {
		return known, nil
	}
	file, err := f.target.Root.Open(name)
	if err != nil && !regular {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	var sum string
	if info.Size() < dvc.Chunk {
		content, readErr := io.ReadAll(io.LimitReader(file, dvc.Chunk))
		sum, err = dvc.SumBytes(content, legacy), readErr
	} else {
		sum, err = dvc.Sum(ctx, file, legacy)
	}
	if err == nil && regular && !legacy {
		f.md5s[content.ID] = sum
	}
	return sum, err
}

// content returns what a path held when DVC recorded it, as flow names it: what is there
// now, if that is still the same, else what DVC's cache has. It is false when neither
// tells. With keep, flow's cache has all of it afterwards.
func (f *facts) content(ctx context.Context, name string, item dvc.Item, keep bool) (digest.Content, bool, error) {
	same, err := f.holds(ctx, name, item)
	if err != nil {
		return digest.Content{}, false, err
	}
	if !same {
		return f.recorded(ctx, item)
	}
	is, err := f.at(ctx, name)
	if err != nil || !keep {
		return is.content, true, err
	}
	content, err := f.target.Workspace.Save(ctx, name, workspace.SaveOptions{Copy: true})
	if errors.Is(err, fs.ErrNotExist) {
		return digest.Content{}, false, nil
	}
	return content, true, err
}

// recorded returns a content from what was taken over. Of the modes of a directory's
// files DVC knows nothing.
func (f *facts) recorded(ctx context.Context, item dvc.Item) (digest.Content, bool, error) {
	if !item.Hash.Dir && len(item.Below) == 0 {
		object, found := f.intake.have[item.Hash]
		content := digest.Content{ID: object.id, Mode: digest.File, Size: object.size}
		if item.Exec {
			content.Mode = digest.Exec
		}
		return content, found, nil
	}
	files, err := f.intake.list(ctx, item)
	if err != nil || files == nil {
		return digest.Content{}, false, err
	}
	tree := make(cache.Tree, 0, len(files))
	for _, file := range files {
		object, found := f.intake.have[fileHash(item, file)]
		if !found {
			return digest.Content{}, false, nil
		}
		tree = append(tree, cache.FileEntry(file.Path, digest.File, object.id, object.size))
	}
	if err := tree.Validate(); err != nil {
		f.intake.corrupt[item.Hash] = err
		return digest.Content{}, false, nil
	}
	batch := f.target.Cache.Begin()
	defer batch.Abort()
	if _, err := batch.AddBytes(tree.Encode()); err != nil {
		return digest.Content{}, false, err
	}
	return tree.Content(), true, batch.Commit(ctx)
}

// placeOf returns where an item of a stage's record is, from the project's root.
func placeOf(stage *stages.Stage, item dvc.Item) string {
	if path.IsAbs(item.Path) {
		return item.Path
	}
	return path.Join(stage.Wdir, item.Path)
}
