package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"flow/pkg/bucket"
	"flow/pkg/digest"
)

// A remote has no locks, and its objects may be taken away (see Collect in package
// transfer) while others push. So that no push ever relies on an object that goes, all
// that look at what is there in order to leave it out, or to remove it, say so in a blob:
//
//	holds/<random>.push    somebody pushes
//	holds/<random>.gc      somebody collects
//	holds/<digest>-<random>.claim   what a push that has ended relies on
//
// Who pushes puts its blob, then looks at the others; while one collects, it waits. Who
// collects puts its blob, then looks; while anybody else holds the remote, it takes its
// blob away and waits. As each puts before it looks, no two of them that exclude each
// other ever both go on. A hold is renewed while it lasts, so that one whose process died
// ends by itself; who could not renew its own in time must not rely on what it saw: a push
// looks again, a collection stops. Times are the place's own, which it tells of a blob
// that was put just now.
//
// What a push relied on outlasts it as a claim, which a collection honours for its grace
// period: a commit that names it may take a while to get to who collects.
const holdsDir = "holds"

// Kinds of blobs among the holds.
const (
	pushing    = "push"
	collecting = "gc"
	claiming   = "claim"
)

const (
	renewed  = 2 * time.Minute     // how often a hold is renewed
	relied   = 10 * time.Minute    // how old the last renewal may be for its owner to rely on it
	dead     = 20 * time.Minute    // how old it must be for others not to heed it
	claimed  = 14 * 24 * time.Hour // how long claims are kept
	fresh    = 6 * time.Hour       // how young a claim must be not to be put again
	inPauses = 3 * time.Second     // how often who waits looks
)

// Clock is the time that the holds go by; tests have their own.
type Clock struct {
	Now   func() time.Time // on this machine; it goes on while that sleeps
	Pause func(ctx context.Context, d time.Duration) error
	Renew bool // holds are renewed while they last
}

// SetClock has the holds go by another clock than this machine's.
func (r *Remote) SetClock(c Clock) { r.clock = c }

var machine = Clock{Now: func() time.Time { return time.Now().Round(0) }, Renew: true, Pause: func(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}}

// Hold is this process's say in what happens to a remote's objects.
type Hold struct {
	r    *Remote
	name string
	done chan struct{}
	once sync.Once
	busy sync.WaitGroup // renewing it

	mu    sync.Mutex
	last  time.Time // when it was put, by this machine
	count int
	now   time.Time // when it was put first, by the place
}

// Now is the time of the place when the hold began.
func (h *Hold) Now() time.Time { return h.now }

// Lost reports whether the hold was not renewed in time, so that others may not heed it.
func (h *Hold) Lost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.r.clock.Now().Sub(h.last) > relied
}

// Release ends the hold.
func (h *Hold) Release(ctx context.Context) error {
	h.once.Do(func() { close(h.done) })
	h.busy.Wait()
	return h.r.bucket.Delete(ctx, h.name)
}

func (h *Hold) put(ctx context.Context) error {
	h.mu.Lock()
	h.count++
	host, _ := os.Hostname()
	text := fmt.Appendf(nil, "flow hold v1\n%s, process %d\n%d\n", host, os.Getpid(), h.count)
	h.mu.Unlock()
	began := h.r.clock.Now()
	if err := h.r.bucket.Put(ctx, h.name, bytes.NewReader(text), int64(len(text))); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = began
	return nil
}

// keep renews the hold until it is released.
func (h *Hold) keep(ctx context.Context) {
	ticker := time.NewTicker(renewed)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = h.put(ctx) // Lost tells
		case <-h.done:
			return
		}
	}
}

// Pushing holds the remote for a push: nothing that is there goes until the hold is
// released, which Close does. It waits while somebody collects, and tells so once. A
// process holds a remote once; what was known of its packs is looked up again.
func (r *Remote) Pushing(ctx context.Context, waiting func(string)) (*Hold, error) {
	r.holding.Lock()
	defer r.holding.Unlock()
	if r.hold != nil && !r.hold.Lost() {
		return r.hold, nil
	}
	if r.hold != nil {
		_ = r.hold.Release(ctx)
		r.hold = nil
	}
	hold, err := r.take(ctx, pushing, waiting)
	r.hold = hold
	return hold, err
}

// Collecting holds the remote for whoever removes objects: nobody pushes until the hold is
// released. It waits for those who do, and tells so once.
func (r *Remote) Collecting(ctx context.Context, waiting func(string)) (*Hold, error) {
	return r.take(ctx, collecting, waiting)
}

// letGo releases the hold of a push.
func (r *Remote) letGo() {
	r.holding.Lock()
	defer r.holding.Unlock()
	if r.hold != nil {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		_ = r.hold.Release(ctx) // else it ends by itself
		r.hold = nil
	}
}

// errUnseen says that a hold went, or is not shown: after a long sleep of this machine, when
// others took it for dead.
var errUnseen = errors.New("it does not show what was put there just now")

// take puts a hold and waits until it counts.
func (r *Remote) take(ctx context.Context, kind string, waiting func(string)) (*Hold, error) {
	h := &Hold{r: r, name: holdsDir + "/" + random() + "." + kind, done: make(chan struct{})}
	told := false
	for unseen := 0; ; {
		if err := h.put(ctx); err != nil {
			return nil, fmt.Errorf("hold remote %s: %w", r.Name, err)
		}
		other, err := r.look(ctx, h, kind)
		if unseen++; errors.Is(err, errUnseen) && unseen < 10 {
			continue
		}
		if err == nil && other == "" {
			r.forget()
			if r.clock.Renew {
				h.busy.Go(func() { h.keep(context.WithoutCancel(ctx)) })
			}
			return h, nil
		}
		if err == nil && !told && waiting != nil {
			waiting(fmt.Sprintf("remote %s: %s", r.Name, r.owner(ctx, other)))
			told = true
		}
		if err != nil || kind == collecting {
			if gone := r.bucket.Delete(context.WithoutCancel(ctx), h.name); err == nil {
				err = gone
			}
		}
		if err == nil {
			err = r.clock.Pause(ctx, inPauses+time.Duration(randomByte())*10*time.Millisecond)
		}
		if err != nil {
			_ = r.bucket.Delete(context.WithoutCancel(ctx), h.name)
			return nil, err
		}
	}
}

// look returns a hold that keeps another one from counting; "" for none. What nobody heeds
// any more, it removes.
func (r *Remote) look(ctx context.Context, h *Hold, kind string) (string, error) {
	blobs, err := r.holds(ctx)
	if err != nil {
		return "", err
	}
	now := time.Time{}
	for _, blob := range blobs {
		if blob.Name == h.name {
			now = blob.Modified
		}
	}
	if now.IsZero() {
		return "", fmt.Errorf("remote %s: %w", r.Name, errUnseen)
	}
	if h.now.IsZero() {
		h.now = now
	}
	other := ""
	claims := map[string]time.Duration{}
	for _, blob := range blobs {
		age := now.Sub(blob.Modified)
		switch is := strings.TrimPrefix(path.Ext(blob.Name), "."); {
		case blob.Name == h.name:
		case is == claiming:
			digest, _, _ := strings.Cut(path.Base(blob.Name), "-")
			claims[digest] = age
			if age > claimed && kind == pushing {
				_ = r.bucket.Delete(ctx, blob.Name)
			}
		case is != pushing && is != collecting:
		case age > dead:
			if age > 24*time.Hour {
				_ = r.bucket.Delete(ctx, blob.Name)
			}
		case kind == collecting || is == collecting:
			other = blob.Name
		}
	}
	r.claims, r.claimsAt = claims, r.clock.Now()
	return other, nil
}

func (r *Remote) holds(ctx context.Context) ([]bucket.Blob, error) {
	var blobs []bucket.Blob
	err := r.bucket.List(ctx, holdsDir, func(blob bucket.Blob) error {
		blobs = append(blobs, blob)
		return nil
	})
	if errors.Is(err, bucket.ErrNoList) {
		err = fmt.Errorf("remote %s: %w", r.Name, bucket.ErrReadOnly)
	}
	return blobs, err
}

// owner says whose hold one is, as far as that is known.
func (r *Remote) owner(ctx context.Context, name string) string {
	what := "somebody pushes"
	if strings.HasSuffix(name, collecting) {
		what = "somebody collects"
	}
	text, err := r.read(ctx, name, -1)
	if err != nil {
		return what
	}
	if lines := strings.SplitN(string(text), "\n", 3); len(lines) == 3 && len(lines[1]) < 200 {
		return what + " (" + strings.Map(func(c rune) rune {
			if c < ' ' || c == 0x7f {
				return -1
			}
			return c
		}, lines[1]) + ")"
	}
	return what
}

const claimHeader = "flow claim v1\n"

// Claim leaves behind what a push relies on.
func (r *Remote) Claim(ctx context.Context, contents []digest.Content) error {
	text := []byte(claimHeader)
	for _, c := range contents {
		text = fmt.Appendf(text, "%s %s\n", c.Mode, c.ID.Hex())
	}
	sum := digest.Sum(text).Hex()[:32]
	if age, there := r.claims[sum]; there && age+r.clock.Now().Sub(r.claimsAt) < fresh {
		return nil
	}
	err := r.bucket.Put(ctx, holdsDir+"/"+sum+"-"+random()+"."+claiming, bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return fmt.Errorf("claim what was pushed to remote %s: %w", r.Name, err)
	}
	return nil
}

// Claims returns what pushes relied on that ended less than a while ago. A claim may stand
// for a later push, too, that found it there.
func (r *Remote) Claims(ctx context.Context, now time.Time, within time.Duration) ([]digest.Content, error) {
	blobs, err := r.holds(ctx)
	if err != nil {
		return nil, err
	}
	var contents []digest.Content
	for _, blob := range blobs {
		if path.Ext(blob.Name) != "."+claiming || now.Sub(blob.Modified) > within+fresh {
			continue
		}
		text, err := r.read(ctx, blob.Name, blob.Size)
		if err != nil {
			return nil, err
		}
		some, err := decodeClaim(string(text))
		if err != nil {
			return nil, fmt.Errorf("remote %s: %s: %w", r.Name, blob.Name, err)
		}
		contents = append(contents, some...)
	}
	return contents, nil
}

func decodeClaim(text string) ([]digest.Content, error) {
	rest, found := strings.CutPrefix(text, claimHeader)
	if !found || rest != "" && !strings.HasSuffix(rest, "\n") {
		return nil, errors.New("it is no claim, or was cut")
	}
	var contents []digest.Content
	for line := range strings.Lines(rest) {
		word, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		mode, err := digest.ParseMode(word)
		if err != nil {
			return nil, err
		}
		id, err := digest.ParseHex(name)
		if err != nil {
			return nil, err
		}
		contents = append(contents, digest.Content{ID: id, Mode: mode})
	}
	return contents, nil
}

func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func randomByte() byte {
	var b [1]byte
	_, _ = rand.Read(b[:])
	return b[0]
}
