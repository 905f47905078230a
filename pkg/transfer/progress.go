package transfer

import (
	"sync"
	"sync/atomic"
	"time"

	"flow/pkg/event"
)

// beat is how often progress is told.
const beat = 100 * time.Millisecond

// progress counts what moves and tells of it from one goroutine.
type progress struct {
	sink    event.Sink
	last    event.Transfer
	objects atomic.Int64
	bytes   atomic.Int64
	stop    chan struct{}
	ended   sync.WaitGroup
}

func (t *Transfer) begin(verb string, objects int, bytes int64) *progress {
	p := &progress{sink: t.Sink, stop: make(chan struct{}),
		last: event.Transfer{Verb: verb, Remote: t.Remote.Name, Of: objects, OfSize: bytes}}
	if p.sink == nil || objects == 0 {
		p.sink = event.Discard
	}
	p.ended.Go(func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
				p.sink.Emit(p.now())
			}
		}
	})
	return p
}

func (p *progress) now() event.Transfer {
	now := p.last
	now.Time, now.Objects, now.Bytes = time.Now(), int(p.objects.Load()), p.bytes.Load()
	return now
}

// end tells of it for the last time.
func (p *progress) end() {
	close(p.stop)
	p.ended.Wait()
	last := p.now()
	last.Ended = true
	p.sink.Emit(last)
}

// upTo returns a function that is told how far one object has come, and counts that; it
// may go back when the object is tried again.
func (p *progress) upTo() func(at int64) {
	var mu sync.Mutex
	var reached int64
	return func(at int64) {
		mu.Lock()
		defer mu.Unlock()
		if at > reached {
			p.bytes.Add(at - reached)
			reached = at
		}
	}
}
