package pack_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/pack"
)

// write packs contents and returns the pack's bytes, its name, and the offsets at which
// an object ended.
func write(t testing.TB, contents [][]byte) (raw []byte, id digest.ID, ends []int64) {
	t.Helper()
	var buffer bytes.Buffer
	w, err := pack.NewWriter(&buffer)
	require.NoError(t, err)
	for _, content := range contents {
		e, err := w.Add(digest.Sum(content), content)
		require.NoError(t, err)
		require.Equal(t, content, buffer.Bytes()[e.Offset:e.Offset+int64(e.Size)])
		ends = append(ends, w.Size())
	}
	id, err = w.Finish()
	require.NoError(t, err)
	require.EqualValues(t, buffer.Len(), w.Size())
	return buffer.Bytes(), id, ends
}

func some(n int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	contents := [][]byte{{}}
	for range n - 1 {
		content := make([]byte, 16+random.IntN(300))
		for i := range content {
			content[i] = byte(random.Uint32())
		}
		contents = append(contents, content)
	}
	return contents
}

func open(t testing.TB, raw []byte) *pack.Pack {
	t.Helper()
	p, err := pack.Open(bytes.NewReader(raw), int64(len(raw)))
	require.NoError(t, err)
	return p
}

func TestPack_givesBackWhatWasPut(t *testing.T) {
	for _, n := range []int{1, 2, 1000} {
		contents := some(n)
		raw, id, _ := write(t, contents)
		p := open(t, raw)
		require.Equal(t, id, p.ID())
		require.Equal(t, n, p.Len())
		for _, content := range contents {
			e, found := p.Find(digest.Sum(content))
			require.True(t, found)
			got, err := p.Load(e)
			require.NoError(t, err)
			require.Equal(t, content, got)
		}
		_, found := p.Find(digest.Sum([]byte("not there")))
		require.False(t, found)
	}
}

func TestPack_empty(t *testing.T) {
	raw, _, _ := write(t, nil)
	require.Zero(t, open(t, raw).Len())
}

func TestPack_holdsAnObjectOnce(t *testing.T) {
	content := []byte("twice")
	once, id, _ := write(t, [][]byte{content})
	twice, sameID, _ := write(t, [][]byte{content, content})
	require.Equal(t, once, twice)
	require.Equal(t, id, sameID)
}

func TestPack_anyDamageIsNoticed(t *testing.T) {
	contents := some(5)
	raw, _, _ := write(t, contents)
	for at := range raw {
		damaged := slices.Clone(raw)
		damaged[at] ^= 0x20
		p, err := pack.Open(bytes.NewReader(damaged), int64(len(damaged)))
		if err != nil {
			require.ErrorIs(t, err, pack.ErrNoPack)
			continue
		}
		for i := range p.Len() {
			content, err := p.Load(p.At(i))
			if err != nil {
				require.ErrorIs(t, err, pack.ErrNoPack)
				continue
			}
			require.Equal(t, p.At(i).ID, digest.Sum(content))
		}
	}
	for size := range raw {
		_, err := pack.Open(bytes.NewReader(raw[:size]), int64(size))
		require.ErrorIs(t, err, pack.ErrNoPack, "cut at %d", size)
	}
}

func TestScan_findsWhatIsWholeOfACutPack(t *testing.T) {
	contents := some(6)
	raw, _, ends := write(t, contents)
	for size := range len(raw) + 1 {
		want := 0
		for want < len(ends) && ends[want] <= int64(size) {
			want++
		}
		var got [][]byte
		reach, err := pack.Scan(bytes.NewReader(raw[:size]), func(e pack.Entry, content []byte) error {
			require.True(t, bytes.Equal(content, raw[e.Offset:e.Offset+int64(e.Size)]))
			got = append(got, append([]byte{}, content...))
			return nil
		})
		require.NoError(t, err)
		require.Len(t, got, want, "cut at %d", size)
		if want > 0 {
			require.Equal(t, ends[want-1], reach)
		}
	}
}

// TestScan_passesOverWhatIsDamaged: a wrong byte costs the object that it is in, unless it is
// one of a size, and no other reads otherwise.
func TestScan_passesOverWhatIsDamaged(t *testing.T) {
	contents := some(12)
	raw, _, ends := write(t, contents)
	for at := range int(ends[len(ends)-1]) {
		damaged := slices.Clone(raw)
		damaged[at] ^= 0x20
		found := 0
		_, err := pack.Scan(bytes.NewReader(damaged), func(e pack.Entry, content []byte) error {
			require.Equal(t, e.ID, digest.Sum(content))
			found++
			return nil
		})
		require.NoError(t, err)
		switch of := slices.IndexFunc(ends, func(end int64) bool { return int64(at) < end }); {
		case at < 16:
			require.Equal(t, len(contents), found)
		case int64(at) >= ends[of]-int64(len(contents[of])):
			require.Equal(t, len(contents)-1, found, "byte %d", at)
		}
	}
}

func TestWriter_refusesWhatIsTooLarge(t *testing.T) {
	w, err := pack.NewWriter(&bytes.Buffer{})
	require.NoError(t, err)
	content := make([]byte, pack.MaxObject+1)
	_, err = w.Add(digest.Sum(content), content)
	require.ErrorContains(t, err, "too large")
}

// FuzzOpen: whatever the bytes are, nothing is read from them that its digest does not
// name, and what Scan finds is what the digests say.
func FuzzOpen(f *testing.F) {
	raw, _, _ := write(f, some(4))
	f.Add(raw)
	f.Add(raw[:len(raw)-3])
	f.Add([]byte("flow pack v1\n\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := pack.Open(bytes.NewReader(raw), int64(len(raw))); err == nil {
			for i := range p.Len() {
				e := p.At(i)
				found, there := p.Find(e.ID)
				require.True(t, there)
				require.Equal(t, e, found)
				if content, err := p.Load(e); err == nil {
					require.Equal(t, e.ID, digest.Sum(content))
				}
			}
		}
		_, err := pack.Scan(bytes.NewReader(raw), func(e pack.Entry, content []byte) error {
			require.Equal(t, e.ID, digest.Sum(content))
			return nil
		})
		require.NoError(t, err)
	})
}

func BenchmarkWrite(b *testing.B) {
	content := make([]byte, 1024)
	var ids []digest.ID
	for i := range 1000 {
		ids = append(ids, digest.Sum(fmt.Append(nil, i)))
	}
	b.SetBytes(1024 * 1000)
	for b.Loop() {
		var buffer bytes.Buffer
		w, _ := pack.NewWriter(&buffer)
		for _, id := range ids {
			if _, err := w.Add(id, content); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	raw, _, _ := write(b, some(10_000))
	p := open(b, raw)
	ids := make([]digest.ID, p.Len())
	for i := range ids {
		ids[i] = p.At(i).ID
	}
	n := 0
	for b.Loop() {
		if _, found := p.Find(ids[n%len(ids)]); !found {
			b.Fatal("it is there")
		}
		n++
	}
}

func BenchmarkLoad(b *testing.B) {
	raw, _, _ := write(b, some(10_000))
	p := open(b, raw)
	n := 0
	for b.Loop() {
		if _, err := p.Load(p.At(n % p.Len())); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
