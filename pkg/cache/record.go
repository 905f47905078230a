package cache

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// record is an action and what it made, as kept in one file:
//
//	flow record v1
//	flow action v1
//	cmd python train.py
//	dep data/clean.csv file blake3:2c8d…
//	out model.pkl
//
//	result 2026-01-02T15:04:05.123456789Z train
//	got file blake3:90ab… 1024 0 model.pkl
//	end blake3:77f0…
//
// The first line names the format. The action's lines follow, up to an empty line. Each
// result is a line with its time in UTC and its stage, and a line for each out: mode,
// digest, size in bytes, number of files, path. The oldest result is first. Texts are
// quoted as in a tree. The last line is the digest of all bytes above it: a record that
// was torn or altered is no record.
type record struct {
	action  Action
	results []Result
}

const (
	recordHeader = "flow record v1\n"
	recordEnd    = "end "
	keptResults  = 16 // of one action, the newest
)

// add puts a result behind the others. One with the same outs makes way for it.
func (r *record) add(result Result) {
	kept := r.results[:0:0]
	for _, old := range r.results {
		if !old.sameOuts(result) {
			kept = append(kept, old)
		}
	}
	kept = append(kept, result)
	r.results = kept[max(0, len(kept)-keptResults):]
}

// newest returns the time of the last result.
func (r *record) newest() time.Time {
	if len(r.results) == 0 {
		return time.Time{}
	}
	return r.results[len(r.results)-1].Time
}

func (r *record) encode() []byte {
	text := append([]byte(recordHeader), r.action.text(func(string) bool { return true })...)
	text = append(text, '\n')
	for _, result := range r.results {
		text = append(text, "result "+result.Time.UTC().Format(time.RFC3339Nano)+" "...)
		text = append(appendLast(text, result.Stage), '\n')
		for _, out := range result.Outs {
			content := out.Content
			text = fmt.Appendf(text, "got %s %s %d %d ", content.Mode, content.ID, content.Size, content.Files)
			text = append(appendLast(text, out.Path), '\n')
		}
	}
	return append(text, recordEnd+digest.Sum(text).String()+"\n"...)
}

// decodeRecord reads what encode wrote, and nothing else.
func decodeRecord(text []byte) (*record, error) {
	body, err := checkedBody(text)
	if err != nil {
		return nil, err
	}
	r := &record{}
	for number := 2; ; number++ {
		line, rest, found := strings.Cut(body, "\n")
		body = rest
		if line == "" && found {
			break
		}
		action, ok := readLast(line)
		if !found || !ok {
			return nil, fmt.Errorf("line %d is not of an action", number)
		}
		r.action.Lines = append(r.action.Lines, action)
	}
	for body != "" {
		line, rest, found := strings.Cut(body, "\n")
		body = rest
		if !found || !r.decodeLine(line) {
			return nil, fmt.Errorf("%.200q is not of a result", line)
		}
	}
	if !bytes.Equal(r.encode(), text) {
		return nil, fmt.Errorf("flow would write it otherwise")
	}
	return r, nil
}

// checkedBody returns what stands between the first and the last line, if the last
// one's digest is right.
func checkedBody(text []byte) (string, error) {
	if !bytes.HasPrefix(text, []byte(recordHeader)) {
		return "", fmt.Errorf("the first line is not %q", strings.TrimSpace(recordHeader))
	}
	above := bytes.LastIndex(text, []byte("\n"+recordEnd)) + 1
	if above < len(recordHeader) || string(text[above:]) != recordEnd+digest.Sum(text[:above]).String()+"\n" {
		return "", fmt.Errorf("it is torn or altered: its last line is not its digest")
	}
	return string(text[len(recordHeader):above]), nil
}

// decodeLine reads a line of a result.
func (r *record) decodeLine(line string) bool {
	word, line, _ := strings.Cut(line, " ")
	switch word {
	case "result":
		when, stage, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, when)
		if err != nil {
			return false
		}
		stage, ok := readLast(stage)
		r.results = append(r.results, Result{Time: at.UTC(), Stage: stage})
		return ok
	case "got":
		out, ok := decodeOut(line)
		if !ok || len(r.results) == 0 {
			return false
		}
		last := &r.results[len(r.results)-1]
		last.Outs = append(last.Outs, out)
		return true
	}
	return false
}

func decodeOut(line string) (ResultOut, bool) {
	fields := strings.SplitN(line, " ", 5)
	if len(fields) != 5 {
		return ResultOut{}, false
	}
	mode, modeErr := digest.ParseMode(fields[0])
	id, idErr := digest.Parse(fields[1])
	size, sizeOK := parseSize(fields[2])
	files, filesErr := strconv.Atoi(fields[3])
	path, pathOK := readLast(fields[4])
	if modeErr != nil || idErr != nil || !sizeOK || filesErr != nil || !pathOK {
		return ResultOut{}, false
	}
	out := ResultOut{Path: path, Content: digest.Content{ID: id, Mode: mode, Size: size, Files: files}}
	return out, out.validate() == nil
}

// validate refuses an out that could not have been, or that must not be written.
func (o ResultOut) validate() error {
	if err := disk.CheckName(o.Path); err != nil {
		return fmt.Errorf("out %.200q: %w", o.Path, err)
	}
	c := o.Content
	if !c.Exists() || c.ID.IsZero() || c.Size < 0 || c.Files < 0 || c.Files > 0 && c.Mode != digest.Dir {
		return fmt.Errorf("out %.200q holds nothing that can be kept: %s", o.Path, c)
	}
	return nil
}
