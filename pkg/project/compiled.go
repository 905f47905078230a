package project

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"

	"flow/pkg/digest"
	"flow/pkg/stages"
	"flow/pkg/wire"
)

// compiledFile is the pipeline as it was decoded last: see compiled.
const compiledFile = State + "/compiled"

// worthCompiling is from how many bytes of pipeline files on their decoded form is kept:
// below, reading YAML costs about as much.
const worthCompiling = 16 << 10

// compiled is the decoded form of a pipeline, kept. It is used only while it is certain to
// be what decoding would give: by the same program, with the same options, from files of
// the same names and contents; also those that were looked for and are not there.
//
// No cloned repository or archive brings one along: its key holds what the stats of the
// pipeline files are on this machine, down to the nanosecond in which they were made.
type compiled struct {
	p    *Project
	key  digest.ID
	read []compiledRead
}

// compiledHead stands in front of the pipeline, behind its own size.
type compiledHead struct {
	Key  digest.ID
	Sum  digest.ID // of the pipeline's bytes
	Read []compiledRead
}

// compiledRead is a file that was asked for when the pipeline was decoded.
type compiledRead struct {
	Name string
	Sum  digest.ID // zero: it was not there
}

// compiled returns the place for the decoded form of what these files declare; nil when
// it isn't kept.
func (p *Project) compiled(files []stages.Source) *compiled {
	size := 0
	for _, file := range files {
		size += len(file.Text)
	}
	if size < worthCompiling || len(p.Settings) > 0 {
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	info, err := os.Stat(program)
	if err != nil {
		return nil
	}
	hash := digest.New()
	fmt.Fprintf(hash, "%q %d %d %v\n", program, info.Size(), info.ModTime().UnixNano(), p.options().Flags)
	for _, file := range files {
		stamp, err := p.Workspace.Stamp(context.Background(), file.File)
		if err != nil || stamp == "" {
			return nil
		}
		fmt.Fprintf(hash, "%q %s %s\n", file.File, digest.Sum(file.Text), stamp)
	}
	return &compiled{p: p, key: hash.Sum()}
}

// stored is what was kept, whether it still counts or not.
type stored struct {
	compiledHead
	pipeline *stages.Pipeline
}

// stored reads what was kept. It is decoded while others find out whether it counts, and
// what is returned waits for that.
func (p *Project) stored() func() *stored {
	data, err := p.Root.Read(compiledFile)
	if err != nil {
		return func() *stored { return nil }
	}
	decoded := make(chan *stored, 1)
	go func() { decoded <- decodeStored(data) }()
	return func() *stored { return <-decoded }
}

// decodeStored is nil when something is wrong with what was kept, which is a reason to
// read the pipeline's files, and none to complain.
func decodeStored(data []byte) *stored {
	if len(data) < 4 {
		return nil
	}
	size := binary.LittleEndian.Uint32(data)
	if uint64(size) > uint64(len(data)-4) {
		return nil
	}
	was := &stored{pipeline: &stages.Pipeline{}}
	head, rest := data[4:4+size], data[4+size:]
	if wire.Decode(head, &was.compiledHead) != nil || digest.Sum(rest) != was.Sum || was.pipeline.UnmarshalBinary(rest) != nil {
		return nil
	}
	return was
}

// counts reports whether what was kept is what decoding would give.
func (c *compiled) counts(was *stored) bool {
	if was == nil || was.Key != c.key {
		return false
	}
	for _, read := range was.Read {
		if text, err := c.p.readDeclared(read.Name); sumOf(text, err) != read.Sum {
			return false
		}
	}
	return true
}

// reading returns readDeclared, and takes down what it is asked for.
func (c *compiled) reading() stages.Files {
	return func(name string) ([]byte, error) {
		text, err := c.p.readDeclared(name)
		c.read = append(c.read, compiledRead{name, sumOf(text, err)})
		return text, err
	}
}

func sumOf(text []byte, err error) digest.ID {
	if err != nil {
		return digest.ID{}
	}
	return digest.Sum(text)
}

// keep writes what decoding gave, where flow has its folder. With broken parts there is
// something to mend first.
func (c *compiled) keep(pipeline *stages.Pipeline) {
	if len(pipeline.Broken) > 0 || !c.p.Root.Exists(State+"/.gitignore") {
		return
	}
	data, err := pipeline.MarshalBinary()
	if err != nil {
		return
	}
	head, err := wire.Encode(compiledHead{Key: c.key, Sum: digest.Sum(data), Read: c.read})
	if err != nil {
		return
	}
	size := binary.LittleEndian.AppendUint32(nil, uint32(len(head)))
	_ = c.p.Root.ReplaceSoon(compiledFile, slices.Concat(size, head, data), 0o644) // without it, all is as it was
}
