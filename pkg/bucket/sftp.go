package bucket

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"

	"flow/pkg/diag"
	"flow/pkg/disk"
)

// sftpPlace is a Bucket in a folder of a machine that one reaches with ssh. The person's
// own ssh connects, so that their config, keys, agent and known hosts count.
type sftpPlace struct {
	argv []string // what connects
	dir  string

	folders sync.Map // that are there, as far as we know
	mu      sync.Mutex
	line    *sshLine // nil until the first call, and after it broke
}

var _ Bucket = (*sftpPlace)(nil)

var sftpSettings = []Setting{
	{Name: "user", Desc: "default: what ssh says"},
	{Name: "port", Desc: "default: what ssh says"},
	{Name: "key_file", Desc: "the private key; default: what ssh says", Private: true},
	{Name: "ssh_command", Desc: "what to run instead of ssh, such as ssh -F FILE", Private: true},
}

func openSFTP(spec Spec, at *url.URL) (Bucket, error) {
	host, user, port := at.Hostname(), firstOf(at.User.Username(), spec.Settings["user"]), firstOf(at.Port(), spec.Settings["port"])
	if host == "" || at.Path == "" || at.Path == "/" {
		return nil, diag.At(diag.Pos{}, "the URL of remote %s names no folder of a host", spec.Name).
			WithHint("it is sftp://USER@HOST/FOLDER, or sftp://HOST/~/FOLDER for one in the home folder")
	}
	for _, word := range []string{host, user, port} {
		if strings.HasPrefix(word, "-") || strings.ContainsAny(word, " \t\n") {
			return nil, diag.At(diag.Pos{}, "the URL of remote %s holds %q, which is no host, user or port", spec.Name, word)
		}
	}
	argv := strings.Fields(spec.Settings["ssh_command"])
	if len(argv) == 0 {
		argv = []string{"ssh"}
	}
	argv = append(argv, "-oConnectTimeout=30", "-oServerAliveInterval=15", "-oServerAliveCountMax=4", "-oClearAllForwardings=yes")
	if user != "" {
		argv = append(argv, "-l", user)
	}
	if port != "" {
		argv = append(argv, "-p", port)
	}
	if file := spec.Settings["key_file"]; file != "" {
		argv = append(argv, "-i", expandHome(file), "-oIdentitiesOnly=yes")
	}
	dir := path.Clean(at.Path)
	if rest, found := strings.CutPrefix(dir, "/~/"); found {
		dir = rest
	}
	return &sftpPlace{argv: append(argv, "-s", "--", host, "sftp"), dir: dir}, nil
}

func (s *sftpPlace) path(name string) string { return path.Join(s.dir, name) }

// connected returns the connection, made if there is none.
func (s *sftpPlace) connected(ctx context.Context) (*sshLine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != nil {
		return s.line, nil
	}
	line, err := dial(ctx, s.argv)
	if err == nil {
		s.line = line
	}
	return line, err
}

// drop ends a connection that is of no use any more.
func (s *sftpPlace) drop(line *sshLine) {
	s.mu.Lock()
	if s.line == line {
		s.line = nil
	}
	s.mu.Unlock()
	line.end()
}

// call does something over the connection. The protocol knows no contexts: when ctx ends
// the call is left to itself, and when that is because nothing moves, the connection ends.
func (s *sftpPlace) call(ctx context.Context, do func(*sftp.Client) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	line, err := s.connected(ctx)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- do(line.client) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errStalled) {
			s.drop(line)
		}
		return context.Cause(ctx)
	}
	if errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrClosed) {
		s.drop(line)
		return fmt.Errorf("the connection broke%s", line.said())
	}
	var status *sftp.StatusError
	if errors.As(err, &status) && status.Code == uint32(sftp.ErrSSHFxOpUnsupported) {
		return hopeless{err}
	}
	return err
}

func (s *sftpPlace) Stat(ctx context.Context, name string) (size int64, err error) {
	err = s.call(ctx, func(c *sftp.Client) error {
		info, err := c.Stat(s.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			return absent(name)
		}
		if err == nil && !info.Mode().IsRegular() {
			err = disk.ErrNotRegular
		}
		if err == nil {
			size = info.Size()
		}
		return err
	})
	return size, err
}

// window is how much is asked for at once: the library asks for it in pieces, and does
// not wait for one before it asks for the next.
const window = 2 << 20

func (s *sftpPlace) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	r := &sftpReader{s: s, ctx: ctx, at: from}
	err := s.call(ctx, func(c *sftp.Client) error {
		file, err := c.Open(s.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			return absent(name)
		}
		if err != nil {
			return err
		}
		r.file = file
		info, err := file.Stat()
		if err == nil && size < 0 {
			size = max(0, info.Size()-from)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.end = from + size
	return exactly(struct {
		io.Reader
		io.Closer
	}{bufio.NewReaderSize(r, int(min(window, size+1))), r}, size), nil
}

// sftpReader reads a file by windows.
type sftpReader struct {
	s       *sftpPlace
	ctx     context.Context
	file    *sftp.File
	at, end int64
}

func (r *sftpReader) Read(p []byte) (n int, err error) {
	if r.at >= r.end {
		return 0, io.EOF
	}
	into := make([]byte, min(int64(len(p)), r.end-r.at)) // a call that is left to itself must not write into p
	err = r.s.call(r.ctx, func(*sftp.Client) error {
		got, err := r.file.ReadAt(into, r.at)
		n = got
		if err == io.EOF {
			err = nil
			if got == 0 {
				err = io.ErrUnexpectedEOF
			}
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	copy(p, into[:n])
	r.at += int64(n)
	return n, nil
}

func (r *sftpReader) Close() error {
	go r.file.Close() // it may wait for a server that is silent
	return nil
}

func (s *sftpPlace) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	return s.call(ctx, func(c *sftp.Client) error {
		folder := path.Dir(s.path(name))
		if err := s.makeFolder(c, folder); err != nil {
			return err
		}
		temp := path.Join(folder, fmt.Sprintf("%s%016x", disk.TempPrefix, rand.Uint64()))
		err := send(ctx, c, temp, content, size)
		if err == nil {
			err = s.publish(c, temp, s.path(name))
		}
		if err != nil {
			_ = c.Remove(temp)
			s.folders.Delete(folder) // it may be that it isn't there
		}
		return err
	})
}

func (s *sftpPlace) makeFolder(c *sftp.Client, folder string) error {
	if _, there := s.folders.Load(folder); there {
		return nil
	}
	if err := c.MkdirAll(folder); err != nil {
		if info, looking := c.Stat(folder); looking != nil || !info.IsDir() {
			return fmt.Errorf("make the folder %s: %w", folder, err)
		}
	}
	s.folders.Store(folder, true)
	return nil
}

// send writes a file, and makes it durable where the server can.
func send(ctx context.Context, c *sftp.Client, name string, content io.ReaderAt, size int64) error {
	file, err := c.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.ReadFromWithConcurrency(contextReader{ctx, io.NewSectionReader(content, 0, size)}, 32)
	if err != nil {
		return err
	}
	if _, can := c.HasExtension("fsync@openssh.com"); can {
		if err := file.Sync(); err != nil {
			return err
		}
	}
	info, err := file.Stat()
	if err == nil && info.Size() != size {
		err = fmt.Errorf("of %d bytes, %d arrived", size, info.Size())
	}
	_ = file.Chmod(0o444) // where it can't be, it is as it is
	return err
}

// publish gives a file its name in one step.
func (s *sftpPlace) publish(c *sftp.Client, temp, name string) error {
	if _, can := c.HasExtension("posix-rename@openssh.com"); can {
		return c.PosixRename(temp, name)
	}
	err := c.Rename(temp, name)
	if err != nil {
		if _, looking := c.Stat(name); looking == nil { // this server doesn't replace
			_ = c.Remove(name)
			err = c.Rename(temp, name)
		}
	}
	return err
}

func (s *sftpPlace) List(ctx context.Context, folder string, each func(Blob) error) error {
	var entries []fs.FileInfo
	err := s.call(ctx, func(c *sftp.Client) (err error) {
		entries, err = c.ReadDir(s.path(folder))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var mu sync.Mutex
	safe := func(blob Blob) error {
		mu.Lock()
		defer mu.Unlock()
		return each(blob)
	}
	var below []string
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		switch {
		case entry.IsDir():
			below = append(below, name)
		case disk.IsTemp(name):
			if time.Since(entry.ModTime()) > leftover { // an interrupted Put left it
				_ = s.call(ctx, func(c *sftp.Client) error { return c.Remove(s.path(name)) })
			}
		case entry.Mode().IsRegular():
			if err := safe(Blob{name, entry.Size(), entry.ModTime()}); err != nil {
				return err
			}
		}
	}
	return inParallel(ctx, below, func(ctx context.Context, name string) error { return s.List(ctx, name, safe) })
}

// inParallel does something with every name, some at a time; the first error stops it.
func inParallel(ctx context.Context, names []string, do func(context.Context, string) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	slots := make(chan struct{}, 16)
	var workers sync.WaitGroup
	for _, name := range names {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		workers.Go(func() {
			if err := do(ctx, name); err != nil {
				stop(err)
			}
			<-slots
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

func (s *sftpPlace) Delete(ctx context.Context, name string) error {
	err := s.call(ctx, func(c *sftp.Client) error { return c.Remove(s.path(name)) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Close ends the connection.
func (s *sftpPlace) Close() error {
	s.mu.Lock()
	line := s.line
	s.line = nil
	s.mu.Unlock()
	if line != nil {
		line.end()
	}
	return nil
}
