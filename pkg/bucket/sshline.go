package bucket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"

	"github.com/pkg/sftp"

	"flow/pkg/diag"
)

// sshLine is a running ssh that speaks sftp.
type sshLine struct {
	client *sftp.Client
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr tail
	ended  chan struct{}
	once   sync.Once
}

// dial starts ssh and waits until the server answers.
func dial(ctx context.Context, argv []string) (*sshLine, error) {
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, diag.At(diag.Pos{}, "the program %s is not on PATH; it is what connects to sftp remotes", argv[0]).
			WithHint("install OpenSSH's client")
	}
	line := &sshLine{cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	line.cmd.Stderr = &line.stderr
	stdin, err := line.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := line.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	line.stdin = stdin
	if err := line.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	stop := context.AfterFunc(ctx, line.end)
	line.client, err = sftp.NewClientPipe(stdout, stdin, sftp.UseConcurrentWrites(true), sftp.MaxConcurrentRequestsPerFile(64))
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	go func() {
		line.cmd.Wait()
		close(line.ended)
	}()
	if err != nil {
		line.end()
		<-line.ended
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, line.refused()
	}
	return line, nil
}

// refused says why ssh did not connect, in its own words.
func (l *sshLine) refused() error {
	said := l.said()
	err := fmt.Errorf("ssh could not connect%s", said)
	for _, lasting := range []string{"Permission denied", "Host key verification failed", "Could not resolve hostname", "subsystem request failed", "Bad owner", "no such identity"} {
		if strings.Contains(said, lasting) {
			return sshRefused{err}
		}
	}
	return err
}

// sshRefused is a connection that fails the same way next time.
type sshRefused struct{ error }

// Lasting says that it is of no use to try again.
func (sshRefused) Lasting() bool { return true }

// Hint says how to find out more.
func (sshRefused) Hint() string {
	return "try `ssh HOST` by hand: what works there works here; host keys must be known, and keys without a passphrase or in the agent"
}

// said returns the last line that ssh wrote.
func (l *sshLine) said() string {
	if text := l.stderr.last(); text != "" {
		return ": " + text
	}
	return ""
}

// end ends ssh.
func (l *sshLine) end() {
	l.once.Do(func() {
		l.stdin.Close()
		l.cmd.Process.Kill()
	})
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-4096):]
	return len(p), nil
}

func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.text), []byte("\n"))
	return string(bytes.TrimSpace(lines[len(lines)-1]))
}
