package workspace

import (
	"sync"
	"time"

	"flow/pkg/disk"
)

// clock tells whether a file's stat is old enough to be trusted.
//
// A stat that is equal to one that was remembered proves nothing if the file could
// have changed after it was read and still carry the same times: within one tick of
// the clock that the file system stamps with. That clock is asked, by writing to a
// file of our own and looking at its stamp, before the content is read. What bears an
// older stamp then can't be changed later without getting a newer one. Ticks of any
// length, and steps of the wall clock, make no difference to that.
//
// Where that clock may be another machine's, the file must be older by a margin. So it
// must by the wall clock when it is on another file system than the probe.
type clock struct {
	root *disk.Root
	dir  string
	now  func() time.Time

	mu     sync.Mutex
	probe  *disk.Temp
	failed bool
	dev    uint64
	slack  int64 // how much older than the probe a file must be; 0 by a local clock
	last   int64 // the stamp that was last seen on the probe
	asked  int64 // by the wall clock, when begin was last called
}

const (
	margin   = 2 * time.Second // FAT keeps times so coarsely
	tickWait = 20 * time.Millisecond
)

// begin is called before a file's content is read. It reports whether the stat that
// was taken before can be trusted, if it is the same after the reading.
func (c *clock) begin(s stat) bool {
	if s.ctime <= 0 || c.inFuture(s) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now().UnixNano()
	if now < c.asked { // it was set back: what it stamps now is older than what it stamped
		c.last = 0
	}
	c.asked = now
	if c.older(s) {
		return true
	}
	if c.tick(s) {
		return c.older(s)
	}
	return s.newest() < now-margin.Nanoseconds()
}

// older reports whether a file was last changed before the probe was last stamped.
func (c *clock) older(s stat) bool {
	return s.dev == c.dev && s.newest() < c.last-c.slack
}

// settle is begin, and waits out the tick where that is worth it.
func (c *clock) settle(s stat) bool {
	deadline := time.Now().Add(tickWait)
	for !c.begin(s) {
		if !c.ticks(s) || c.inFuture(s) || time.Now().After(deadline) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

// inFuture reports whether the wall clock has not come to a file's time yet. Such a
// stat is never trusted: who sets times ahead may do so again.
func (c *clock) inFuture(s stat) bool { return s.newest() > c.now().UnixNano() }

// ticks reports whether a moment's wait may make a difference.
func (c *clock) ticks(s stat) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.probe != nil && c.slack == 0 && s.dev == c.dev
}

// tick has the probe stamped; false when it tells nothing of the file system that s
// is on.
func (c *clock) tick(s stat) bool {
	if c.probe == nil && !c.failed {
		c.open()
	}
	if c.probe == nil || s.dev != c.dev {
		return false
	}
	if _, err := c.probe.Write([]byte{0}); err != nil {
		c.drop()
		return false
	}
	got, ok := c.look()
	if !ok {
		c.drop()
		return false
	}
	c.last = got.mtime
	return true
}

func (c *clock) open() {
	c.failed = true
	if c.root.MkdirAll(c.dir, 0o755) != nil {
		return
	}
	c.root.Sweep(c.dir, leftover) // probes of those who were killed
	probe, err := c.root.Create(c.dir)
	if err != nil {
		return
	}
	c.probe = probe
	got, ok := c.look()
	file, real := disk.OSFile(probe.File())
	if !ok || !real || got.ctime == 0 {
		c.drop()
		return
	}
	c.failed, c.dev, c.slack = false, got.dev, margin.Nanoseconds()
	if localClock(file) {
		c.slack = 0
	}
}

// look takes the probe's stat. That the kernel sees it looked at makes the next write
// get a stamp of its own, where the kernel can give finer ones than its tick.
func (c *clock) look() (stat, bool) {
	info, err := c.probe.File().Stat()
	if err != nil {
		return stat{}, false
	}
	return identify(c.probe.File(), statOf(info)), true
}

func (c *clock) drop() {
	c.probe.Discard()
	c.probe, c.failed = nil, true
}

// close removes the probe; it is made again when it is needed.
func (c *clock) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probe != nil {
		c.probe.Discard()
		c.probe = nil
	}
}
