package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// Digest returns what a path holds: the zero Content when nothing is there. Files are
// read only when their stat doesn't tell. A symlink is not followed: its target's text
// is its content.
//
// The error is an *EscapeError for a link, also one deep in a directory, that leads
// out of the root; a *SpecialError for what is neither file nor folder nor link; a
// *ChangingError for a file that would not hold still.
func (w *Workspace) Digest(ctx context.Context, name string) (digest.Content, error) {
	if content, found := w.seen(name); found {
		return content, nil
	}
	_, content, err := w.digest(ctx, name)
	if err == nil {
		w.see(name, content)
	}
	return content, err
}

// digest is Digest, and a directory's scan.
func (w *Workspace) digest(ctx context.Context, name string) (*scan, digest.Content, error) {
	var s *scan
	var content digest.Content
	var err error
	for range tries {
		s, content, err = w.digestNow(ctx, name)
		if !isAbsent(err) && !errors.Is(err, syscall.EINVAL) {
			return s, content, err
		} // it went, or became another thing, as a link that can't be read any more
	}
	if isAbsent(err) {
		err = &ChangingError{Path: name}
	}
	return nil, digest.Content{}, err
}

func (w *Workspace) digestNow(ctx context.Context, name string) (*scan, digest.Content, error) {
	at, err := w.find(name)
	if err != nil {
		return nil, digest.Content{}, err
	}
	defer at.close()
	if at.stat.kind == digest.Dir {
		return w.scanTree(ctx, name, at, &scan{take: w.hash, lean: true})
	}
	content, err := w.digestFile(ctx, name, at, w.hash, false)
	return nil, content, err
}

// Tree is Digest, and what a directory holds. The Tree of anything else is nil.
func (w *Workspace) Tree(ctx context.Context, name string) (cache.Tree, digest.Content, error) {
	s, content, err := w.digest(ctx, name)
	if err != nil || s == nil {
		return nil, content, err
	}
	return s.flatten(), content, nil
}

type take func(ctx context.Context, h *hand, f folder, path string, e *entry) error

// digestFile is Digest of what is no directory.
func (w *Workspace) digestFile(ctx context.Context, name string, at place, take take, always bool) (digest.Content, error) {
	e, err := w.inspectFile(name, at)
	if err != nil {
		return digest.Content{}, err
	}
	if e.stat.regular() && e.same && !always {
		return e.content(), nil // as it is remembered
	}
	if e.stat.regular() {
		h := w.hands.Get().(*hand)
		defer w.hands.Put(h)
		if err := take(ctx, h, at.folder, name, e); err != nil {
			return digest.Content{}, w.fail("read", name, err)
		}
	}
	return w.rememberFile(name, e), nil
}

// inspectFile is scan.inspect for what is no directory.
func (w *Workspace) inspectFile(name string, at place) (*entry, error) {
	e := &entry{name: at.base, stat: at.stat, old: -1}
	if kind := special(e.stat.kind); kind != "" {
		return nil, &SpecialError{Path: name, Kind: kind}
	}
	if e.stat.kind == digest.Link {
		if err := w.link(at.folder, name, e); err != nil {
			return nil, w.fail("read link", name, err)
		}
	}
	if was, found := w.files.recall(name); found && e.stat.regular() {
		e.recognise(was, w.clock.now().UnixNano())
	}
	return e, nil
}

func (w *Workspace) rememberFile(name string, e *entry) digest.Content {
	if !e.stat.regular() {
		w.files.forget(name)
	} else {
		w.files.remember(name, record{stat: e.stat, id: e.id, trusted: e.trusted})
	}
	return e.content()
}

// content is what an entry that is no directory holds.
func (e *entry) content() digest.Content {
	if e.stat.kind == digest.None {
		return digest.Content{}
	}
	return digest.Content{ID: e.id, Mode: e.stat.kind, Size: e.stat.size}
}

// scanTree scans a directory with the help of its index, and keeps what was learnt.
func (w *Workspace) scanTree(ctx context.Context, name string, at place, s *scan) (*scan, digest.Content, error) {
	t := w.tree(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	s.w, s.name, s.old, s.now = w, name, t.load(), w.clock.now().UnixNano()
	if err := s.run(ctx, at.folder, at.base); err != nil {
		return nil, digest.Content{}, err
	}
	var content digest.Content
	if s.same() {
		content = s.old.content
	} else {
		content = s.flatten().Content()
	}
	if !s.same() || s.stale.Load() {
		t.learn(s.encode(name, content))
	}
	t.release()
	return s, content, nil
}

const tries = 3

// hash reads a file, and again when it changed meanwhile: a large one on all cores.
func (w *Workspace) hash(ctx context.Context, h *hand, f folder, path string, e *entry) error {
	return w.steadily(ctx, f, path, e, func(from folder, name string) (bool, error) {
		src, err := from.open(name)
		if err != nil {
			return false, err
		}
		defer src.Close()
		if opened, err := src.stat(); err != nil || !e.unchanged(opened) {
			return false, err
		}
		if from, ok := src.(io.ReaderAt); ok && e.stat.size >= digest.Large {
			e.id, err = digest.SumLarge(ctx, from, e.stat.size)
			if errors.Is(err, digest.ErrCut) {
				return false, nil
			}
			return true, err
		}
		size, err := h.sum(ctx, src)
		e.id = h.hasher.Sum()
		return size == e.stat.size, err
	})
}

// steadily has a file read until nothing shows that it changed while it was, but not
// for ever. The read function says false when it saw a change itself.
func (w *Workspace) steadily(ctx context.Context, f folder, path string, e *entry, read func(f folder, name string) (bool, error)) error {
	from, name := w.source(f, e)
	for try := range tries {
		if try > 0 {
			if err := w.lookAgain(ctx, from, name, try, e, path); err != nil || !e.stat.regular() {
				return err
			}
		}
		trusted := w.beginning(e.stat)
		steady, err := read(from, name)
		if err != nil && !isAbsent(err) && !becameOther(err) {
			return err
		}
		if err != nil || !steady {
			continue
		}
		after, err := from.stat(name)
		if err == nil && e.unchanged(after) {
			e.trusted = trusted
			return nil
		}
	}
	return &ChangingError{Path: path}
}

// lookAgain takes the stat anew, after a moment for the writer to end.
func (w *Workspace) lookAgain(ctx context.Context, from folder, name string, try int, e *entry, path string) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Duration(try) * 10 * time.Millisecond):
	}
	now, err := from.stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		e.stat = stat{}
		return nil
	}
	if err != nil {
		return err
	}
	if e.linked {
		now.kind = digest.File
	}
	if !now.regular() {
		return fmt.Errorf("it was a file a moment ago: %w", &ChangingError{Path: path})
	}
	e.stat = now
	return nil
}

// unchanged reports whether a stat is still the entry's.
func (e *entry) unchanged(now stat) bool {
	if e.linked {
		now.kind = digest.File
	}
	return e.stat.same(now)
}

// worthWaiting is from which size on waiting for the clock to tick costs less than
// reading the file again the next time.
const worthWaiting = 32 << 20

func (w *Workspace) beginning(s stat) bool {
	if s.size >= worthWaiting {
		return w.clock.settle(s)
	}
	return w.clock.begin(s)
}

// sum hashes all that r gives.
func (h *hand) sum(ctx context.Context, r io.Reader) (int64, error) {
	h.hasher.Reset()
	var size int64
	for {
		if err := ctx.Err(); err != nil {
			return size, context.Cause(ctx)
		}
		n, err := r.Read(h.buffer)
		h.hasher.Write(h.buffer[:n])
		size += int64(n)
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}
