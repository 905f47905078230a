package bucket

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"flow/pkg/diag"
	"flow/pkg/disk"
)

// rclone is a Bucket in whatever the person's rclone program can reach. One rclone runs
// as long as the bucket is used, and is spoken to over HTTP on this machine, with a
// password that only the two know.
type rclone struct {
	program string
	config  string
	fs      string // as rclone names it: NAME:path

	mu     sync.Mutex
	daemon *rcloneDaemon
}

var _ Bucket = (*rclone)(nil)

var rcloneSettings = []Setting{
	{Name: "program", Desc: "the rclone to run; default: that on PATH", Private: true},
	{Name: "config", Desc: "rclone's config file; default: rclone's own", Private: true},
}

func openRclone(spec Spec, _ *url.URL) (Bucket, error) {
	where := strings.TrimPrefix(strings.TrimPrefix(spec.URL, "rclone:"), "//")
	name, _, found := strings.Cut(where, ":")
	if !found || name == "" || strings.HasPrefix(where, "-") || strings.ContainsAny(name, ",/\\ =\"'") {
		return nil, diag.At(diag.Pos{}, "the URL of remote %s names no remote of rclone's", spec.Name).
			WithHint("it is rclone:NAME:path, with a NAME that `rclone listremotes` shows")
	}
	return &rclone{program: firstOf(expandHome(spec.Settings["program"]), "rclone"), config: expandHome(spec.Settings["config"]), fs: where}, nil
}

// rcloneDaemon is a running rclone.
type rcloneDaemon struct {
	web
	cmd   *exec.Cmd
	ended chan struct{}
	moves bool // a blob can be given another name there
}

// serving is how rclone tells where it listens.
var serving = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Serving remote control on (http://\S+?)/?\s*$`) })

// started returns the running rclone, started if there is none.
func (r *rclone) started(ctx context.Context) (*rcloneDaemon, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.daemon != nil {
		select {
		case <-r.daemon.ended:
		default:
			return r.daemon, nil
		}
	}
	program, err := exec.LookPath(r.program)
	if err != nil {
		return nil, diag.At(diag.Pos{}, "the program %s is not on PATH; it is what reaches %s", r.program, r.fs).
			WithHint("install it from your system's packages, then describe the remote: rclone config")
	}
	d, err := startRclone(ctx, program, r.config)
	if err != nil {
		return nil, err
	}
	if err := d.look(ctx, r.fs); err != nil {
		d.end()
		return nil, err
	}
	r.daemon = d
	return d, nil
}

func startRclone(ctx context.Context, program, config string) (*rcloneDaemon, error) {
	secret := make([]byte, 16)
	rand.Read(secret)
	password := hex.EncodeToString(secret)
	args := []string{"rcd", "--rc-addr", "127.0.0.1:0", "--rc-serve", "--log-level", "NOTICE"}
	if config != "" {
		args = append(args, "--config", config)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "RCLONE_RC_USER=flow", "RCLONE_RC_PASS="+password, "RCLONE_RC_NO_AUTH=false")
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if _, err := cmd.StdinPipe(); err != nil { // one that asks gets no answer
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	d := &rcloneDaemon{cmd: cmd, ended: make(chan struct{})}
	address := make(chan string, 1)
	said := &tail{}
	go func() {
		defer close(d.ended)
		for scanner := bufio.NewScanner(log); scanner.Scan(); {
			fmt.Fprintln(said, scanner.Text())
			if match := serving().FindStringSubmatch(scanner.Text()); match != nil {
				address <- match[1]
			}
		}
		cmd.Wait()
	}()
	return d, d.listening(ctx, address, said, password)
}

// listening waits until rclone says where it listens.
func (d *rcloneDaemon) listening(ctx context.Context, address <-chan string, said *tail, password string) error {
	select {
	case at := <-address:
		base, err := url.Parse(at)
		if err != nil {
			d.end()
			return err
		}
		d.web = web{client: newClient(), base: base, sign: func(_ context.Context, request *http.Request, _ call) error {
			request.SetBasicAuth("flow", password)
			return nil
		}}
		return nil
	case <-d.ended:
		return hopeless{fmt.Errorf("rclone did not start: %s", said.last())}
	case <-time.After(30 * time.Second):
		d.end()
		return errors.New("rclone does not say where it listens; its version may be too old")
	case <-ctx.Done():
		d.end()
		return context.Cause(ctx)
	}
}

func (d *rcloneDaemon) end() { d.cmd.Process.Kill() }

// look asks what the place can do.
func (d *rcloneDaemon) look(ctx context.Context, fs string) error {
	var told struct {
		Features map[string]any
	}
	if err := d.rc(ctx, "operations/fsinfo", map[string]any{"fs": fs}, &told); err != nil {
		return err
	}
	d.moves, _ = told.Features["Move"].(bool)
	return nil
}

// rcloneError is what rclone says when it could not do something.
type rcloneError struct{ message string }

func (e *rcloneError) Error() string { return "rclone: " + e.message }

// Lasting reports whether it is of no use to try again: what rclone's config lacks stays
// lacking.
func (e *rcloneError) Lasting() bool {
	return strings.Contains(e.message, "didn't find section in config file") || strings.Contains(e.message, "not found in config")
}

// Hint says how to find out more.
func (e *rcloneError) Hint() string {
	if e.Lasting() {
		return "`rclone listremotes` shows what rclone knows; `rclone config` adds to it"
	}
	return ""
}

// rc calls rclone.
func (d *rcloneDaemon) rc(ctx context.Context, what string, args map[string]any, into any) error {
	text, err := json.Marshal(args)
	if err != nil {
		return err
	}
	return d.post(ctx, call{method: http.MethodPost, name: what, header: http.Header{"Content-Type": {"application/json"}}, body: bytes.NewReader(text), size: int64(len(text))}, into)
}

// post is do, for answers in JSON. rclone tells errors in JSON, too.
func (d *rcloneDaemon) post(ctx context.Context, c call, into any) error {
	where := *d.base
	where.Path += "/" + c.name
	where.RawQuery = c.query.Encode()
	request, err := http.NewRequestWithContext(ctx, c.method, where.String(), io.NewSectionReader(c.body, 0, c.size))
	if err != nil {
		return err
	}
	request.Header, request.ContentLength = c.header, c.size
	_ = d.sign(ctx, request, c)
	answer, err := d.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		var told struct{ Error string }
		_ = json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&told)
		if answer.StatusCode == http.StatusNotFound || strings.Contains(told.Error, "not found") && strings.Contains(told.Error, "object") {
			return absent(c.name)
		}
		return &rcloneError{told.Error}
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func (r *rclone) Stat(ctx context.Context, name string) (int64, error) {
	d, err := r.started(ctx)
	if err != nil {
		return 0, err
	}
	var told struct {
		Item *struct {
			Size  int64
			IsDir bool
		}
	}
	if err := d.rc(ctx, "operations/stat", map[string]any{"fs": r.fs, "remote": name}, &told); err != nil {
		return 0, err
	}
	if told.Item == nil || told.Item.IsDir {
		return 0, absent(name)
	}
	return told.Item.Size, nil
}

func (r *rclone) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	d, err := r.started(ctx)
	if err != nil {
		return nil, err
	}
	return d.get(ctx, "["+r.fs+"]/"+name, from, size, nil)
}

func (r *rclone) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	d, err := r.started(ctx)
	if err != nil {
		return err
	}
	base := path.Base(name)
	if d.moves {
		base = disk.TempPrefix + hex.EncodeToString([]byte(base[:min(8, len(base))])) + fmt.Sprintf("%x", time.Now().UnixNano())
	}
	head, tail, kind := formAround(base)
	whole := &around{head: head, content: content, size: size, tail: tail}
	err = d.post(ctx, call{method: http.MethodPost, name: "operations/uploadfile", query: url.Values{"fs": {r.fs}, "remote": {path.Dir(name)}},
		header: http.Header{"Content-Type": {kind}}, body: whole, size: whole.length()}, nil)
	if err == nil && d.moves {
		err = d.rc(ctx, "operations/movefile", map[string]any{"srcFs": r.fs, "srcRemote": path.Join(path.Dir(name), base), "dstFs": r.fs, "dstRemote": name}, nil)
	}
	return err
}

// formAround returns what stands before and behind a file in a form.
func formAround(name string) (head, tail []byte, kind string) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	_, _ = form.CreateFormFile("file", name)
	head = bytes.Clone(b.Bytes())
	_ = form.Close()
	return head, b.Bytes()[len(head):], form.FormDataContentType()
}

// around is a content with something before and behind it.
type around struct {
	head, tail []byte
	content    io.ReaderAt
	size       int64
}

func (a *around) length() int64 { return int64(len(a.head)) + a.size + int64(len(a.tail)) }

func (a *around) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) {
		var got int
		var err error
		where := at + int64(n)
		switch inside := where - int64(len(a.head)); {
		case inside < 0:
			got = copy(p[n:], a.head[where:])
		case inside < a.size:
			got, err = a.content.ReadAt(p[n:min(int64(len(p)), int64(n)+a.size-inside)], inside)
			if err == io.EOF && got > 0 {
				err = nil
			}
		case inside < a.size+int64(len(a.tail)):
			got = copy(p[n:], a.tail[inside-a.size:])
		default:
			return n, io.EOF
		}
		n += got
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (r *rclone) List(ctx context.Context, folder string, each func(Blob) error) error {
	d, err := r.started(ctx)
	if err != nil {
		return err
	}
	var told struct {
		List []struct {
			Path    string
			Size    int64
			ModTime time.Time
		}
	}
	err = d.rc(ctx, "operations/list", map[string]any{"fs": r.fs, "remote": folder,
		"opt": map[string]any{"recurse": true, "filesOnly": true, "noMimeType": true}}, &told)
	var failed *rcloneError
	if errors.As(err, &failed) && strings.Contains(failed.message, "directory not found") || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, blob := range told.List {
		if disk.IsTemp(blob.Path) {
			if !blob.ModTime.IsZero() && time.Since(blob.ModTime) > leftover { // an interrupted Put left it
				_ = r.Delete(ctx, blob.Path)
			}
			continue
		}
		if err := each(Blob{blob.Path, blob.Size, blob.ModTime}); err != nil {
			return err
		}
	}
	return nil
}

func (r *rclone) Delete(ctx context.Context, name string) error {
	d, err := r.started(ctx)
	if err != nil {
		return err
	}
	err = d.rc(ctx, "operations/deletefile", map[string]any{"fs": r.fs, "remote": name}, nil)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Close ends rclone.
func (r *rclone) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.daemon != nil {
		r.daemon.end()
		<-r.daemon.ended
		r.daemon = nil
	}
	return nil
}
