package store

import (
	"bufio"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/pack"
)

// manySmall is how many small objects a batch gives files of their own before it begins to
// pack them.
const manySmall = 256

// packing is a pack that is being written.
type packing struct {
	*pack.Writer
	temp *disk.Temp
	to   *bufio.Writer
}

func newPacking(root *disk.Root, dir string) (*packing, error) {
	temp, err := newTemp(root, dir)
	if err != nil {
		return nil, err
	}
	w := &packing{temp: temp, to: bufio.NewWriterSize(temp, 1<<20)}
	if w.Writer, err = pack.NewWriter(w.to); err != nil {
		temp.Discard()
		return nil, err
	}
	return w, nil
}

// finish writes the pack's end and closes the temp, which stays.
func (w *packing) finish() (digest.ID, error) {
	id, err := w.Writer.Finish()
	if err != nil {
		return id, err
	}
	if err := w.to.Flush(); err != nil {
		return id, err
	}
	return id, w.temp.Close()
}

// packed is a pack that waits for Commit.
type packed struct {
	id   digest.ID
	temp string // local to below
	of   *pack.Writer
}

// Many says that many objects will be added: the small ones go into packs from the first on.
func (b *Batch) Many() {
	b.packMu.Lock()
	defer b.packMu.Unlock()
	b.small = manySmall
}

// intoPack puts a small object into the batch's pack; false when it is to have a file of its
// own.
func (b *Batch) intoPack(id digest.ID, content []byte) (bool, error) {
	if b.files.loose || len(content) > pack.SmallObject {
		return false, nil
	}
	below, err := b.open() // before packMu, as it takes mu
	if err != nil {
		return false, err
	}
	b.packMu.Lock()
	defer b.packMu.Unlock()
	if b.small < manySmall {
		b.small++
		return false, nil
	}
	if b.packing == nil {
		if b.packing, err = newPacking(below, "."); err != nil {
			return false, err
		}
	}
	if _, err := b.packing.Add(id, content); err != nil {
		return false, err
	}
	if b.packing.Size() >= pack.FullPack {
		return true, b.endPack()
	}
	return true, nil
}

// endPack ends the pack that is being written. The caller holds packMu.
func (b *Batch) endPack() error {
	w := b.packing
	if w == nil {
		return nil
	}
	b.packing = nil
	defer w.temp.Discard()
	id, err := w.finish()
	if err != nil {
		return err
	}
	b.packs = append(b.packs, packed{id: id, temp: w.temp.Name(), of: w.Writer})
	return w.temp.Keep()
}

// wholePacks ends the pack that is being written, and returns all.
func (b *Batch) wholePacks() ([]packed, error) {
	b.packMu.Lock()
	defer b.packMu.Unlock()
	err := b.endPack()
	return b.packs, err
}

// isPacked reports whether the batch has put an object into a pack.
func (b *Batch) isPacked(id digest.ID) bool {
	b.packMu.Lock()
	defer b.packMu.Unlock()
	if b.packing != nil {
		if _, found := b.packing.Find(id); found {
			return true
		}
	}
	for _, one := range b.packs {
		if _, found := one.of.Find(id); found {
			return true
		}
	}
	return false
}

// publishPacks gives durable packs their names. The caller holds mu.
func (b *Batch) publishPacks() error {
	b.packMu.Lock()
	defer b.packMu.Unlock()
	for len(b.packs) > 0 {
		one := b.packs[0]
		if err := b.rename(one.temp, packsDir+"/"+one.id.Hex()); err != nil {
			return err
		}
		b.packs = b.packs[1:]
		b.files.packs.forget()
	}
	return nil
}

// dropPacks removes what was not committed. The caller holds mu.
func (b *Batch) dropPacks() {
	b.packMu.Lock()
	defer b.packMu.Unlock()
	if b.packing != nil {
		b.packing.temp.Discard()
		b.packing = nil
	}
	for _, one := range b.packs {
		b.below.Remove(one.temp)
	}
	b.packs = nil
}
