package crashtest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudo terminal.
func openTerminal(t *testing.T, columns int) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no pseudo terminals here:", err)
	}
	t.Cleanup(func() { ours.Close() })
	number, err := unix.IoctlGetUint32(int(ours.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0))
	theirs, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	setWidth(t, ours, columns)
	return ours, theirs
}

func setWidth(t *testing.T, terminal *os.File, columns int) {
	t.Helper()
	require.NoError(t, unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}))
}

// onTerminal starts flow on a terminal and returns what it has written there so far.
func (w *world) onTerminal(t *testing.T, columns int, args ...string) (r *running, terminal *os.File, said func() string) {
	t.Helper()
	ours, theirs := openTerminal(t, columns)
	r = w.command(binary, args...)
	r.cmd.Env = append(r.cmd.Env, "TERM=xterm", "NO_COLOR=1")
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = theirs, theirs, theirs
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // the kernel tells it of another size
	r.start()
	theirs.Close()
	var mu sync.Mutex
	var text strings.Builder
	go func() {
		for buf := make([]byte, 1<<12); ; {
			n, err := ours.Read(buf)
			mu.Lock()
			text.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return r, ours, func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}

// TestScreen_resized: on a terminal what runs is shown at the width that there is, also
// when that changes, and at the end only what was printed is left.
func TestScreen_resized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("pipeline.yaml", `stages:
  slow:
    cmd: |
      echo a line that is longer than forty columns are, and has an end
      until [ -e mark-go ]; do sleep 0.02; done
      echo x > a.txt
    outs: [a.txt]
  after: {cmd: cp a.txt b.txt, deps: [a.txt], outs: [b.txt]}
`)
	r, terminal, said := w.onTerminal(t, 100, "repro")
	shown := regexp.MustCompile(`slow  \d+s  a line that is longer than forty columns are, and has an end.*\s+0 of 2 done, 1 running, 1 to go`)
	w.until("what runs is shown", func() bool { return shown.MatchString(said()) })
	before := len(said())
	setWidth(t, terminal, 40)
	shown = regexp.MustCompile(`slow  \d+s  a line that is longer t[a-z ]*…`)
	w.until("it is shown anew", func() bool { return shown.MatchString(said()[before:]) })
	before = len(said())
	w.write("mark-go", "")
	e := r.wait()
	require.Equal(t, 0, e.code, "%s", said())
	w.until("all is written", func() bool { return strings.Contains(said(), "2 stages: 2 ran") })
	rest := said()[before:]
	require.Contains(t, rest, "\x1b[J", "the lines are taken away")
	end := rest[strings.LastIndex(rest, "\x1b[J"):]
	require.NotContains(t, end, "running")
}

// TestScreen_interrupted: Ctrl-C, typed on the terminal, ends the run, and nothing of
// what was shown stays.
func TestScreen_interrupted(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	r, terminal, said := w.onTerminal(t, 80, "repro")
	w.until("what runs is shown", func() bool {
		return w.exists("mark-started") && strings.Contains(said(), "1 of 3 done, 1 running, 1 to go")
	})
	_, err := terminal.WriteString("\x03")
	require.NoError(t, err)
	e := r.wait()
	require.Equal(t, 130, e.code, "%s", said())
	w.until("all is written", func() bool {
		return strings.Contains(said(), "interrupted in stage second; 1 of 3 stages done and saved")
	})
	stopped(w, e)
}

// TestScreen_closed: a terminal that goes away stops the run as a hang-up.
func TestScreen_closed(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	r, terminal, said := w.onTerminal(t, 80, "repro")
	w.until("what runs is shown", func() bool { return w.exists("mark-started") && strings.Contains(said(), "1 running") })
	terminal.Close()
	e := r.wait()
	require.Equal(t, 129, e.code)
	stopped(w, e)
}
