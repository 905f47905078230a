package runs

import (
	"encoding/binary"
	"math"
	"time"

	"flow/pkg/digest"
	"flow/pkg/document"
	"flow/pkg/event"
	"flow/pkg/values"
)

// encoder writes runs one after the other. A text that came before is told by its number.
type encoder struct {
	text  []byte
	texts map[string]uint64
}

func (e *encoder) int(n int64) { e.text = binary.AppendVarint(e.text, n) }

func (e *encoder) float(x float64) {
	e.text = binary.LittleEndian.AppendUint64(e.text, math.Float64bits(x))
}

func (e *encoder) bool(yes bool) {
	if yes {
		e.int(1)
		return
	}
	e.int(0)
}

// str writes the text's number, or 0, its length and itself.
func (e *encoder) str(s string) {
	if e.texts == nil {
		e.texts = map[string]uint64{}
	}
	number := e.texts[s]
	e.text = binary.AppendUvarint(e.text, number)
	if number == 0 {
		e.texts[s] = uint64(len(e.texts) + 1)
		e.text = append(binary.AppendUvarint(e.text, uint64(len(s))), s...)
	}
}

func (e *encoder) strs(list []string) {
	e.int(int64(len(list)))
	for _, s := range list {
		e.str(s)
	}
}

// time writes a moment with how far its clock is from UTC, as a record has it.
func (e *encoder) time(t time.Time) {
	if e.bool(!t.IsZero()); t.IsZero() {
		return
	}
	_, offset := t.Zone()
	e.int(t.Unix())
	e.int(int64(t.Nanosecond()))
	e.int(int64(offset))
}

func (e *encoder) id(id digest.ID) {
	if e.bool(!id.IsZero()); !id.IsZero() {
		e.text = append(e.text, id[:]...)
	}
}

func (e *encoder) values(all Values) {
	e.int(int64(len(all)))
	for _, file := range all.Files() {
		e.str(file)
		leaves := all.Leaves(file)
		e.int(int64(len(leaves)))
		for _, leaf := range leaves {
			e.str(leaf.Key)
			e.int(int64(leaf.Value.Kind))
			e.str(leaf.Value.Text)
		}
	}
}

func (e *encoder) outs(outs []Out) {
	e.int(int64(len(outs)))
	for i := range outs {
		out := &outs[i]
		e.str(out.Path)
		e.id(out.ID)
		e.int(int64(out.Mode))
		e.int(out.Size)
		e.int(int64(out.Files))
	}
}

func (e *encoder) run(r *Run) {
	e.str(r.ID)
	e.str(r.Name)
	e.str(string(r.State))
	e.time(r.Started)
	e.time(r.Ended)
	e.str(r.Error)
	e.str(r.User)
	e.str(r.Host)
	e.int(int64(r.PID))
	e.strs(r.Targets)
	e.strs(r.Settings)
	if e.bool(r.Git != nil); r.Git != nil {
		e.str(r.Git.Commit)
		e.str(r.Git.Branch)
		e.bool(r.Git.Dirty)
	}
	e.int(int64(len(r.Stages)))
	for i := range r.Stages {
		e.stage(&r.Stages[i])
	}
	e.values(r.Params)
	e.values(r.Metrics)
	e.id(r.Lock)
	e.id(r.Snapshot)
	e.int(int64(len(r.Left)))
	for _, left := range r.Left {
		e.str(left.Path)
		e.int(left.Size)
		e.str(left.Why)
	}
	e.outs(r.Held)
	e.strs(r.Tags)
	e.str(r.Note)
	if e.bool(r.From != nil); r.From != nil {
		e.str(r.From.Remote)
		e.time(r.From.At)
		e.int(int64(len(r.From.Logs)))
		for _, log := range r.From.Logs {
			e.str(log.Name)
			e.id(log.Hash)
			e.int(log.Size)
		}
	}
}

func (e *encoder) stage(s *Stage) {
	e.str(s.Name)
	e.bool(s.Source)
	e.str(string(s.Status))
	e.time(s.Started)
	e.time(s.Ended)
	e.int(int64(len(s.Reasons)))
	for _, r := range s.Reasons {
		e.str(string(r.Kind))
		e.str(r.Subject)
		e.str(r.Was)
		e.str(r.Is)
		e.str(r.Detail)
	}
	e.str(s.Because)
	e.str(s.Action)
	if u := s.Usage; u != nil {
		e.bool(true)
		e.float(u.Wall)
		e.float(u.CPU)
		e.int(u.MaxRSS)
		e.int(u.Read)
		e.int(u.Written)
		e.int(int64(u.Attempts))
		e.int(int64(u.Code))
		e.str(u.Signal)
	} else {
		e.bool(false)
	}
	e.str(s.Error)
	if e.bool(s.Log != nil); s.Log != nil {
		e.str(s.Log.Key)
		e.int(s.Log.Lines)
		e.int(s.Log.Bytes)
		e.int(s.Log.Cut)
	}
	e.outs(s.Outs)
}

// decoder reads what an encoder wrote. What it reads is parts of the text.
type decoder struct {
	text  string
	at    int
	bad   bool // something was no such text
	texts []string
}

func (d *decoder) fail() { d.bad, d.at = true, len(d.text) }

func (d *decoder) uint() uint64 {
	var n uint64
	for shift := 0; d.at < len(d.text) && shift < 64; shift += 7 {
		b := d.text[d.at]
		d.at++
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	d.fail()
	return 0
}

func (d *decoder) int() int64 {
	n := d.uint()
	return int64(n>>1) ^ -int64(n&1)
}

// count returns how many of something follow, each of which takes a byte at least.
func (d *decoder) count() int {
	n := d.int()
	if n < 0 || n > int64(len(d.text)-d.at) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) string {
	if n < 0 || n > len(d.text)-d.at {
		d.fail()
		return ""
	}
	d.at += n
	return d.text[d.at-n : d.at]
}

func (d *decoder) bool() bool { return d.int() != 0 }

func (d *decoder) float() float64 {
	bytes := d.take(8)
	if d.bad {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64([]byte(bytes)))
}

func (d *decoder) str() string {
	number := d.uint()
	if number > 0 {
		if number > uint64(len(d.texts)) {
			d.fail()
			return ""
		}
		return d.texts[number-1]
	}
	length := d.uint()
	if length > uint64(len(d.text)) {
		d.fail()
		return ""
	}
	s := d.take(int(length))
	d.texts = append(d.texts, s)
	return s
}

func (d *decoder) strs() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.str()
	}
	return list
}

func (d *decoder) time() time.Time {
	if !d.bool() {
		return time.Time{}
	}
	at := time.Unix(d.int(), d.int())
	offset := int(d.int())
	if offset == 0 {
		return at.UTC()
	}
	if _, here := at.Zone(); here == offset {
		return at
	}
	return at.In(time.FixedZone("", offset))
}

func (d *decoder) id() (id digest.ID) {
	if d.bool() {
		copy(id[:], d.take(len(id)))
	}
	return id
}

func (d *decoder) values() Values {
	n := d.count()
	if n == 0 {
		return nil
	}
	all := make(Values, n)
	for range n {
		file, count := d.str(), d.count()
		all[file] = make(map[string]values.Value, count)
		for range count {
			key := d.str()
			kind := document.Kind(d.int())
			all[file][key] = values.Value{Kind: kind, Text: d.str()}
		}
	}
	return all
}

func (d *decoder) outs() []Out {
	n := d.count()
	if n == 0 {
		return nil
	}
	outs := make([]Out, n)
	for i := range outs {
		outs[i].Path = d.str()
		outs[i].Content = digest.Content{ID: d.id(), Mode: digest.Mode(d.int()), Size: d.int(), Files: int(d.int())}
	}
	return outs
}

func (d *decoder) run() *Run {
	r := &Run{ID: d.str(), Name: d.str(), State: State(d.str()), Started: d.time(), Ended: d.time(), Error: d.str()}
	r.Origin = Origin{User: d.str(), Host: d.str(), PID: int(d.int()), Targets: d.strs(), Settings: d.strs()}
	if d.bool() {
		r.Git = &Git{Commit: d.str(), Branch: d.str(), Dirty: d.bool()}
	}
	if n := d.count(); n > 0 {
		r.Stages = make([]Stage, n)
		for i := range r.Stages {
			d.stage(&r.Stages[i])
		}
	}
	r.Params, r.Metrics = d.values(), d.values()
	r.Lock, r.Snapshot = d.id(), d.id()
	for range d.count() {
		r.Left = append(r.Left, Left{Path: d.str(), Size: d.int(), Why: d.str()})
	}
	r.Held = d.outs()
	r.Tags, r.Note = d.strs(), d.str()
	if d.bool() {
		r.From = &From{Remote: d.str(), At: d.time()}
		for range d.count() {
			r.From.Logs = append(r.From.Logs, LogFile{Name: d.str(), Hash: d.id(), Size: d.int()})
		}
	}
	return r
}

func (d *decoder) stage(s *Stage) {
	s.Name, s.Source, s.Status, s.Started, s.Ended = d.str(), d.bool(), event.Status(d.str()), d.time(), d.time()
	if n := d.count(); n > 0 {
		s.Reasons = make([]event.Reason, n)
		for i := range s.Reasons {
			s.Reasons[i] = event.Reason{Kind: event.Kind(d.str()), Subject: d.str(), Was: d.str(), Is: d.str(), Detail: d.str()}
		}
	}
	s.Because, s.Action = d.str(), d.str()
	if d.bool() {
		s.Usage = &Usage{Wall: d.float(), CPU: d.float(), MaxRSS: d.int(), Read: d.int(), Written: d.int(), Attempts: int(d.int()), Code: int(d.int()), Signal: d.str()}
	}
	s.Error = d.str()
	if d.bool() {
		s.Log = &Log{Key: d.str(), Lines: d.int(), Bytes: d.int(), Cut: d.int()}
	}
	s.Outs = d.outs()
}
