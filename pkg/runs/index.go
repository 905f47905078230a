package runs

import (
	"runtime"
	"sync"
	"time"

	"flow/pkg/digest"
)

// The index holds the ended runs of a history in a form that is read fast, beside the
// time at which each run's folder was last changed: a run whose folder has another time
// is read anew. Whatever is wrong with the index, it is as good as none.
//
//	flow runs v1 \n
//	32 bytes               the digest of all that follows
//	for each run           its id, the time of its folder, its record (see codec.go)
const (
	indexFile   = "index"
	indexHeader = "flow runs v1\n"
	// unsettled is how young a folder's time may not be to be trusted: it might change
	// again within the same tick of the clock.
	unsettled = 2 * time.Second
	// stale is how many runs may be missing in the index before it is written again.
	stale = 100
)

// indexed is a run of the index.
type indexed struct {
	run   *Run
	stamp int64
}

// readIndex returns what the index holds, by id.
func (h *History) readIndex() map[string]indexed {
	text, err := h.root.Read(h.dir + "/" + indexFile)
	if err != nil || len(text) < len(indexHeader)+32 || string(text[:len(indexHeader)]) != indexHeader {
		return nil
	}
	body := text[len(indexHeader)+32:]
	if sum := digest.Sum(body); string(sum[:]) != string(text[len(indexHeader):len(indexHeader)+32]) {
		return nil
	}
	d := &decoder{text: string(body)}
	all := map[string]indexed{}
	for d.at < len(d.text) && !d.bad {
		stamp := d.int()
		run := d.run()
		all[run.ID] = indexed{run, stamp}
	}
	if d.bad {
		return nil
	}
	return all
}

// writeIndex keeps runs for the next time. When it can't, they are read again.
func (h *History) writeIndex(all []indexed) {
	e := &encoder{}
	for _, one := range all {
		e.int(one.stamp)
		e.run(one.run)
	}
	sum := digest.Sum(e.text)
	text := append([]byte(indexHeader), sum[:]...)
	_ = h.root.ReplaceSoon(h.dir+"/"+indexFile, append(text, e.text...), 0o644)
}

// readAll reads the runs with some ids, those of the index from there. One that can't be
// read is nil.
func (h *History) readAll(ids []string) []*Run {
	known := h.readIndex()
	all, stamps := make([]*Run, len(ids)), make([]int64, len(ids))
	folder, err := h.root.Sub(h.dir)
	if err != nil {
		return all
	}
	defer folder.Close()
	begun := time.Now()
	var fresh []int
	for i, id := range ids {
		if info, err := folder.Lstat(id); err == nil && begun.Sub(info.ModTime()) > unsettled {
			stamps[i] = info.ModTime().UnixNano()
		}
		if one, found := known[id]; found && stamps[i] != 0 && one.stamp == stamps[i] {
			all[i] = one.run
			continue
		}
		fresh = append(fresh, i)
	}
	h.readEach(ids, fresh, all)
	settled := 0
	for _, i := range fresh {
		if all[i] != nil && !all[i].Ended.IsZero() && stamps[i] != 0 {
			settled++
		}
	}
	if settled >= stale {
		var keep []indexed
		for i, run := range all {
			if run != nil && !run.Ended.IsZero() && stamps[i] != 0 {
				keep = append(keep, indexed{run, stamps[i]})
			}
		}
		h.writeIndex(keep)
	}
	return all
}

// readEach reads those of some runs, several at a time.
func (h *History) readEach(ids []string, which []int, into []*Run) {
	var group sync.WaitGroup
	limit := make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))
	for _, i := range which {
		limit <- struct{}{}
		group.Go(func() {
			defer func() { <-limit }()
			into[i], _ = h.Read(ids[i])
		})
	}
	group.Wait()
}
