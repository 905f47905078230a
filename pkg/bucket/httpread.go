package bucket

import (
	"context"
	"errors"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"flow/pkg/disk"
)

// readable is a Bucket on a web server, which can only be read: a folder of a remote that
// is served as it is.
type readable struct{ web }

var _ Bucket = (*readable)(nil)

func openHTTP(spec Spec, at *url.URL) (Bucket, error) {
	w, err := newWeb(spec, at)
	return &readable{w}, err
}

func (r *readable) Stat(ctx context.Context, name string) (int64, error) {
	return r.stat(ctx, name, nil)
}

func (r *readable) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	return r.get(ctx, name, from, size, nil)
}

// Put is not for a web server.
func (r *readable) Put(context.Context, string, io.ReaderAt, int64) error { return ErrReadOnly }

// Delete is not for a web server.
func (r *readable) Delete(context.Context, string) error { return ErrReadOnly }

// link is what a page of a folder has for each thing in it.
var link = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)<a\s[^>]*href\s*=\s*["']([^"'?#]+)["']`) })

// List reads the pages that web servers make for folders. Sizes are not on them: they are
// told as -1.
func (r *readable) List(ctx context.Context, folder string, each func(Blob) error) error {
	page, err := r.page(ctx, folder)
	if errors.Is(err, fs.ErrNotExist) && folder != "" {
		if _, err := r.page(ctx, ""); err != nil {
			return ErrNoList
		}
		return nil
	}
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, match := range link().FindAllStringSubmatch(page, -1) {
		href := html.UnescapeString(match[1])
		if !strings.Contains(href, "://") && !strings.HasPrefix(href, "/") {
			base := strings.TrimSuffix(r.base.EscapedPath()+"/"+folder, "/")
			href = base + "/" + href
		}
		name, ok := r.below(href, firstOf(folder, "."))
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		if strings.HasSuffix(href, "/") {
			err = r.List(ctx, name, each)
		} else if !disk.IsTemp(name) {
			err = each(Blob{Name: name, Size: -1})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// page is the page of a folder.
func (r *readable) page(ctx context.Context, folder string) (string, error) {
	answer, err := r.do(ctx, call{method: http.MethodGet, name: strings.TrimPrefix(folder+"/", "/")})
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if !strings.Contains(answer.Header.Get("Content-Type"), "html") {
		return "", ErrNoList
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	return string(text), err
}
