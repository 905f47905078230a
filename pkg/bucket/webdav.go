package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"flow/pkg/disk"
)

// webdav is a Bucket in a folder of a WebDAV server.
type webdav struct {
	web
	folders sync.Map // that are there, as far as we know
}

var _ Bucket = (*webdav)(nil)

var webdavSettings = []Setting{
	{Name: "user", Desc: "whom to sign in as"},
	{Name: "password", Desc: "to sign in with", Private: true},
	{Name: "token", Desc: "to sign in with instead, as a bearer", Private: true},
}

func openWebDAV(spec Spec, at *url.URL) (Bucket, error) {
	w, err := newWeb(spec, at)
	return &webdav{web: w}, err
}

// newWeb returns the place behind a URL that one signs in to with a password or a token.
func newWeb(spec Spec, at *url.URL) (web, error) {
	base := *at
	switch base.Scheme {
	case "webdav", "dav":
		base.Scheme = "http"
	case "webdavs", "davs":
		base.Scheme = "https"
	}
	user := firstOf(base.User.Username(), spec.Settings["user"])
	base.User = nil
	base.Path = strings.TrimSuffix(base.Path, "/")
	if base.Host == "" {
		return web{}, fmt.Errorf("the URL of remote %s names no host", spec.Name)
	}
	w := web{client: newClient(), base: &base,
		hint: "check how you sign in: flow remote modify --local " + spec.Name + " password (or token), and user"}
	password, token := spec.Settings["password"], spec.Settings["token"]
	w.sign = func(_ context.Context, request *http.Request, _ call) error {
		switch {
		case token != "":
			request.Header.Set("Authorization", "Bearer "+token)
		case user != "" || password != "":
			request.SetBasicAuth(user, password)
		}
		return nil
	}
	return w, nil
}

func (w *webdav) Stat(ctx context.Context, name string) (int64, error) {
	return w.stat(ctx, name, nil)
}

func (w *webdav) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	return w.get(ctx, name, from, size, nil)
}

func (w *webdav) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	folder := path.Dir(name)
	if err := w.makeFolder(ctx, folder); err != nil {
		return err
	}
	temp := path.Join(folder, fmt.Sprintf("%s%016x", disk.TempPrefix, rand.Uint64()))
	_, err := w.quiet(ctx, call{method: http.MethodPut, name: temp, body: content, size: size})
	if err == nil {
		err = w.move(ctx, temp, name, io.NewSectionReader(content, 0, size))
	}
	if err != nil {
		w.folders.Delete(folder) // it may be that it isn't there
		_, _ = w.quiet(context.WithoutCancel(ctx), call{method: http.MethodDelete, name: temp})
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put %s: its folder went", name) // and not that the blob isn't there
		}
	}
	return err
}

// move gives a temp its name. Many servers remove what has the name before they do so, and
// a reader may come just then: a blob that is there with the same content stays.
func (w *webdav) move(ctx context.Context, temp, name string, content io.Reader) error {
	to := *w.base
	to.Path += "/" + name
	over := func(overwrite string) error {
		_, err := w.quiet(ctx, call{method: "MOVE", name: temp, header: http.Header{"Destination": {to.String()}, "Overwrite": {overwrite}}})
		return err
	}
	err := over("F")
	var status *statusError
	if !errors.As(err, &status) || status.status != http.StatusPreconditionFailed {
		return err
	}
	if w.holds(ctx, name, content) {
		_, err = w.quiet(ctx, call{method: http.MethodDelete, name: temp})
		return err
	}
	return over("T")
}

// holds reports whether a blob is there with just this content.
func (w *webdav) holds(ctx context.Context, name string, content io.Reader) bool {
	there, err := w.Get(ctx, name, 0, -1)
	if err != nil {
		return false
	}
	defer there.Close()
	ended := func(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }
	for is, want := make([]byte, 64<<10), make([]byte, 64<<10); ; {
		n, err := io.ReadFull(there, is)
		m, wantErr := io.ReadFull(content, want)
		if n != m || !bytes.Equal(is[:n], want[:m]) {
			return false
		}
		if err != nil || wantErr != nil {
			return ended(err) && ended(wantErr)
		}
	}
}

// makeFolder makes a folder and those above it, up to where the server keeps its files.
func (w *webdav) makeFolder(ctx context.Context, folder string) error {
	if _, there := w.folders.Load(folder); there {
		return nil
	}
	err := w.mkcol(ctx, folder)
	var status *statusError
	missing := errors.Is(err, fs.ErrNotExist) || errors.As(err, &status) && status.status == http.StatusConflict
	switch {
	case missing && folder != ".":
		if err := w.makeFolder(ctx, path.Dir(folder)); err != nil {
			return err
		}
		err = w.mkcol(ctx, folder)
	case missing:
		err = w.makeBase(ctx)
	}
	if err != nil {
		return fmt.Errorf("make the folder %s: %w", folder, err)
	}
	w.folders.Store(folder, true)
	return nil
}

// mkcol makes one folder; one that is there is fine.
func (w *webdav) mkcol(ctx context.Context, folder string) error {
	name := folder
	if folder == "." {
		name = ""
	}
	_, err := w.quiet(ctx, call{method: "MKCOL", name: strings.TrimPrefix(name+"/", "/")})
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusMethodNotAllowed {
		return nil
	}
	return err
}

// makeBase makes the remote's own folder.
func (w *webdav) makeBase(ctx context.Context) error {
	parts := strings.Split(strings.Trim(w.base.Path, "/"), "/")
	for i := range parts {
		base := *w.base
		base.Path = "/" + strings.Join(parts[:i+1], "/")
		above := &webdav{web: w.web}
		above.base = &base
		err := above.mkcol(ctx, ".")
		if err != nil && i == len(parts)-1 {
			return err
		}
	}
	return nil
}

// davListing is an answer of PROPFIND.
type davListing struct {
	Response []struct {
		Href     string `xml:"href"`
		Propstat []struct {
			Size       int64     `xml:"prop>getcontentlength"`
			Modified   string    `xml:"prop>getlastmodified"`
			Collection *struct{} `xml:"prop>resourcetype>collection"`
			Status     string    `xml:"status"`
		} `xml:"propstat"`
	} `xml:"response"`
}

const davAsk = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>`

func (w *webdav) List(ctx context.Context, folder string, each func(Blob) error) error {
	var listing davListing
	err := w.decode(ctx, call{method: "PROPFIND", name: strings.TrimPrefix(folder+"/", "/"), header: http.Header{"Depth": {"1"}, "Content-Type": {"application/xml"}},
		body: strings.NewReader(davAsk), size: int64(len(davAsk))}, &listing)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, one := range listing.Response {
		name, ok := w.below(one.Href, folder)
		if !ok {
			continue
		}
		size, isFolder, modified := int64(0), strings.HasSuffix(one.Href, "/"), time.Time{}
		for _, prop := range one.Propstat {
			size = max(size, prop.Size)
			if at := httpTime(prop.Modified); !at.IsZero() {
				modified = at
			}
			isFolder = isFolder || prop.Collection != nil
		}
		switch {
		case isFolder:
			err = w.List(ctx, name, each)
		case !disk.IsTemp(name):
			err = each(Blob{name, size, modified})
		case !modified.IsZero() && time.Since(modified) > leftover: // an interrupted Put left it
			_ = w.Delete(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// httpTime reads a time as HTTP writes it; zero for what is none.
func httpTime(text string) time.Time {
	at, err := http.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// below returns the name that a link in a listing has, if it is directly in the folder.
func (w *web) below(href, folder string) (string, bool) {
	at, err := w.base.Parse(href)
	if err != nil {
		return "", false
	}
	rest, found := strings.CutPrefix(path.Clean(at.Path), w.base.Path+"/")
	if w.base.Path == "" {
		rest, found = strings.CutPrefix(path.Clean(at.Path), "/")
	}
	if !found || path.Dir(rest) != path.Clean(folder) {
		return "", false
	}
	return rest, rest != "." && rest != path.Clean(folder)
}

func (w *webdav) Delete(ctx context.Context, name string) error {
	_, err := w.quiet(ctx, call{method: http.MethodDelete, name: name})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
