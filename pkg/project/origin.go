package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/bucket"
	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
	"flow/pkg/workspace"
)

// Origin is where data comes from that is no remote of flow's: a file, or with a slash at
// the end of its URL, all that is in a folder.
type Origin struct {
	bucket bucket.Bucket
	name   string // of the file; "" for a folder
}

// OpenOrigin opens what a URL leads to. remote://NAME/path is below a remote's URL, with
// that remote's settings.
func (p *Project) OpenOrigin(address string) (*Origin, error) {
	folder, name := address[:strings.LastIndex(address, "/")+1], address[strings.LastIndex(address, "/")+1:]
	spec := bucket.Spec{Name: "of the URL", URL: strings.TrimSuffix(folder, "/"), Dir: p.Root.Dir(), Settings: map[string]string{}}
	if below, found := strings.CutPrefix(folder, "remote://"); found {
		remoteName, below, _ := strings.Cut(below, "/")
		var err error
		if spec, err = p.RemoteSpec(remoteName); err != nil {
			return nil, err
		}
		spec.URL = strings.TrimSuffix(strings.TrimSuffix(spec.URL, "/")+"/"+below, "/")
	}
	if spec.URL == "" {
		spec.URL = "."
		if strings.HasPrefix(address, "/") {
			spec.URL = "/"
		}
	}
	opened, err := bucket.Open(spec)
	if err != nil {
		return nil, err
	}
	return &Origin{bucket: opened, name: name}, nil
}

// Close ends the connections.
func (o *Origin) Close() error { return bucket.Close(o.bucket) }

// Get brings what an origin holds into the cache.
func (p *Project) Get(ctx context.Context, o *Origin) (digest.Content, error) {
	lock, err := p.Cache.LockShared(ctx, "flow update", nil)
	if err != nil {
		return digest.Content{}, err
	}
	defer lock.Unlock()
	batch := p.Cache.Begin()
	defer batch.Abort()
	content := digest.Content{Mode: digest.File}
	if o.name != "" {
		content.ID, content.Size, err = p.getOne(ctx, o, batch, o.name)
	} else {
		content, err = p.getFolder(ctx, o, batch)
	}
	if err != nil {
		return digest.Content{}, err
	}
	return content, batch.Commit(ctx)
}

func (p *Project) getFolder(ctx context.Context, o *Origin, batch *store.Batch) (digest.Content, error) {
	var names []string
	if err := o.bucket.List(ctx, "", func(blob bucket.Blob) error {
		names = append(names, blob.Name)
		return nil
	}); err != nil {
		return digest.Content{}, err
	}
	if len(names) == 0 {
		return digest.Content{}, fmt.Errorf("there is nothing in the folder: %w", fs.ErrNotExist)
	}
	slices.Sort(names)
	var tree cache.Tree
	for _, name := range names {
		id, size, err := p.getOne(ctx, o, batch, name)
		if err != nil {
			return digest.Content{}, err
		}
		tree = append(tree, cache.FileEntry(name, digest.File, id, size))
	}
	if err := tree.Validate(); err != nil {
		return digest.Content{}, fmt.Errorf("what is there can't be files of a project: %w", err)
	}
	_, err := batch.AddBytes(tree.Encode())
	return tree.Content(), err
}

// getOne brings one file into the cache.
func (p *Project) getOne(ctx context.Context, o *Origin, batch *store.Batch, name string) (digest.ID, int64, error) {
	body, err := o.bucket.Get(ctx, name, 0, -1)
	if err != nil {
		return digest.ID{}, 0, err
	}
	defer body.Close()
	temp, err := p.Root.Create(State + "/tmp")
	if err != nil {
		return digest.ID{}, 0, err
	}
	defer temp.Discard()
	if _, err := io.CopyBuffer(struct{ io.Writer }{temp}, body, make([]byte, 1<<20)); err != nil {
		return digest.ID{}, 0, fmt.Errorf("get %s: %w", name, err)
	}
	file, ok := disk.OSFile(temp.File())
	if !ok {
		return digest.ID{}, 0, fmt.Errorf("get %s: %w", name, errors.ErrUnsupported)
	}
	return batch.Add(ctx, file)
}

// PutSource makes a data source's path hold a content of the cache. What was changed there
// by hand is kept first; its content is returned.
func (p *Project) PutSource(ctx context.Context, name string, content digest.Content) (kept digest.Content, err error) {
	now, err := p.Workspace.Digest(ctx, name)
	if err != nil {
		return kept, err
	}
	if now.Exists() && !now.Same(content) {
		if whole, err := p.Cache.Has(ctx, now); err != nil || !whole {
			if kept, err = p.Workspace.Save(ctx, name, workspace.SaveOptions{Copy: true}); err != nil {
				return kept, fmt.Errorf("keep %s before it is replaced: %w", name, err)
			}
		}
	}
	_, err = p.Workspace.Checkout(ctx, name, content)
	return kept, err
}

// OriginName is the name that data gets when nobody says another.
func OriginName(address string) (string, error) {
	name := path.Base(strings.TrimSuffix(address, "/"))
	if name == "." || name == "/" || name == "" || strings.Contains(name, ":") {
		return "", diag.At(diag.Pos{}, "%s doesn't say what to call the data", bucket.Redacted(address)).WithHint("name it: flow import-url URL NAME")
	}
	return name, nil
}
