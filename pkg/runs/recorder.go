package runs

import (
	"context"
	"errors"
	"os"
	"os/user"
	"sync"
	"time"

	"flow/pkg/digest"
	"flow/pkg/event"
)

// Source tells a Recorder what no event tells. Its methods are called one after the
// other.
type Source interface {
	// Begin is called before a run's first stage is at work, so that nothing that it runs
	// from has changed yet.
	Begin(ctx context.Context) (Begun, error)
	// End is called when all stages have ended; it fills in what the run left.
	End(ctx context.Context, run *Run) error
	// Close is called when the record is written.
	Close()
}

// Begun is what a run runs from. What is not known is zero.
type Begun struct {
	Git      *Git
	Params   Values
	Snapshot digest.ID
	Left     []Left
}

// Recorder is a Sink that keeps a run in the history. A run that does nothing leaves
// nothing. What goes wrong stops no run: Close tells it.
//
// Emit only puts events into a list; one goroutine takes them from there and writes.
type Recorder struct {
	Keep int // how many runs without a tag to keep; 0: all

	history  *History
	source   Source
	run      *Run
	prepared *Begun // by Prepare
	wake     chan struct{}
	closing  chan struct{}
	done     chan struct{}

	mu      sync.Mutex
	begun   bool
	pending []event.Event
	size    int // of the lines in pending
	lost    int // lines that found no room since the list was taken
	err     error
}

// NewRecorder returns the recorder of the run with an id; see NewID.
func NewRecorder(history *History, id string, targets []string, source Source) *Recorder {
	return &Recorder{history: history, source: source, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
		run: &Run{ID: id, State: Running, Started: time.Now(), Origin: ThisOrigin(targets)}}
}

// Set notes a value that a param has in this run instead of the one in its file.
func (r *Recorder) Set(setting string) { r.run.Settings = append(r.run.Settings, setting) }

// ThisOrigin tells who runs this process, where.
func ThisOrigin(targets []string) Origin {
	o := Origin{PID: os.Getpid(), Targets: targets}
	o.Host, _ = os.Hostname()
	if o.User = os.Getenv("USER"); o.User == "" {
		if now, err := user.Current(); err == nil {
			o.User = now.Username
		}
	}
	return o
}

// maxPending is how many bytes of lines wait to be written. When a disk is slower than
// a command for that long, lines are lost rather than the command held up.
const maxPending = 64 << 20

// Emit takes an event.
func (r *Recorder) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if line, isLine := e.(event.OutputLine); isLine {
		if r.size > maxPending {
			r.lost++
			return
		}
		r.size += len(line.Text)
	}
	r.pending = append(r.pending, e)
	if !r.begun && makesRun(e) {
		r.begun = true
		go r.work()
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// makesRun reports whether an event tells of something that was done.
func makesRun(e event.Event) bool {
	switch e := e.(type) {
	case event.StageStarted:
		return true
	case event.StageFinished:
		return e.Status != event.Fresh && e.Status != event.Skipped
	}
	return false
}

// Prepare takes in what the run runs from. Without it, that is done when the first stage
// has begun, and may catch what that stage changes.
func (r *Recorder) Prepare(ctx context.Context) {
	got, err := r.source.Begin(ctx)
	r.fail(err)
	r.prepared = &got
}

// Close waits until all is written, and returns what went wrong. Nothing may be emitted
// any more.
func (r *Recorder) Close() error {
	close(r.closing)
	if !r.begun {
		if r.prepared != nil {
			r.source.Close()
		}
		return nil
	}
	<-r.done
	return r.err
}

// Begun reports whether there is a run.
func (r *Recorder) Begun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun
}

// gather is how long events are gathered before they are written.
const gather = 20 * time.Millisecond

// work writes what comes, until it is closed.
func (r *Recorder) work() {
	defer close(r.done)
	ctx := context.Background()
	begun := make(chan Begun, 1)
	if r.prepared != nil {
		begun <- *r.prepared
	} else {
		go func() {
			got, err := r.source.Begin(ctx)
			r.fail(err)
			begun <- got
		}()
	}
	defer r.source.Close()
	writing, err := r.history.begin(r.run)
	if err != nil {
		r.fail(err)
		<-begun
		<-r.closing
		return
	}
	t := newTracker(r.history, r.run)
	for open := true; open; {
		select {
		case <-r.wake:
		case <-r.closing:
			open = false
		}
		select {
		case <-time.After(gather):
		case <-r.closing:
		}
		r.fail(t.take(r.next()))
		if t.due() {
			r.fail(writing.save())
		}
	}
	r.fail(t.take(r.next()))
	r.fail(t.close())
	got := <-begun
	r.run.Git, r.run.Params, r.run.Snapshot, r.run.Left = got.Git, got.Params, got.Snapshot, got.Left
	r.fail(r.source.End(ctx, r.run))
	r.fail(writing.end())
	r.fail(r.history.learn(ctx, r.run))
	r.fail(r.history.Prune(r.Keep))
}

// next takes what is pending.
func (r *Recorder) next() ([]event.Event, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, lost := r.pending, r.lost
	r.pending, r.size, r.lost = nil, 0, 0
	return events, lost
}

// fail keeps what went wrong, the first few times.
func (r *Recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || r.err != nil && len(r.err.Error()) > 1000 {
		return
	}
	r.err = errors.Join(r.err, err)
}
