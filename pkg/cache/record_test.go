package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/digest"
)

func someRecord() *record {
	id := digest.Sum([]byte("x"))
	return &record{
		action: Action{Lines: []string{"flow action v1", Line("cmd", "a\nb"), "", " odd ", "out model.pkl"}},
		results: []Result{
			{Time: time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC), Stage: "train", Outs: []ResultOut{
				{Path: "model.pkl", Content: digest.Content{ID: id, Mode: digest.File, Size: 1}},
				{Path: "my plots", Content: digest.Content{ID: id, Mode: digest.Dir, Size: 10, Files: 3}},
			}},
			{Time: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)},
		},
	}
}

func TestRecord_isReadable(t *testing.T) {
	hex := digest.Sum([]byte("x")).String()
	above := "flow record v1\n" +
		"flow action v1\n" +
		"cmd \"a\\nb\"\n" +
		"\"\"\n" +
		"\" odd \"\n" +
		"out model.pkl\n" +
		"\n" +
		"result 2026-01-02T15:04:05.123456789Z train\n" +
		"got file " + hex + " 1 0 model.pkl\n" +
		"got dir " + hex + " 10 3 my plots\n" +
		"result 2026-01-03T00:00:00Z \"\"\n"
	require.Equal(t, above+"end "+digest.Sum([]byte(above)).String()+"\n", string(someRecord().encode()))
}

func TestRecord_roundTrip(t *testing.T) {
	decoded, err := decodeRecord(someRecord().encode())
	require.NoError(t, err)
	require.Equal(t, someRecord(), decoded)
	rapid.Check(t, func(t *rapid.T) {
		r := &record{action: Action{Lines: rapid.SliceOf(texts()).Draw(t, "lines")}}
		for range rapid.IntRange(0, 3).Draw(t, "results") {
			nanos := rapid.Int64Range(0, 4e18).Draw(t, "time")
			r.results = append(r.results, Result{Time: time.Unix(0, nanos).UTC(), Stage: texts().Draw(t, "stage")})
		}
		decoded, err := decodeRecord(r.encode())
		require.NoError(t, err)
		require.Equal(t, r.action.Key(), decoded.action.Key())
		require.Equal(t, r.results, decoded.results)
	})
}

func TestRecord_tornOrAlteredIsNone(t *testing.T) {
	text := someRecord().encode()
	for cut := range text {
		_, err := decodeRecord(text[:cut])
		require.Error(t, err, "cut at %d", cut)
	}
	for at := range text {
		altered := append([]byte(nil), text...)
		altered[at] ^= 1
		_, err := decodeRecord(altered)
		require.Error(t, err, "altered at %d", at)
	}
	_, err := decodeRecord(append(text, text...))
	require.Error(t, err)
	_, err = decodeRecord(make([]byte, len(text)))
	require.Error(t, err)
}

func TestRecord_hostileNamesAreRefused(t *testing.T) {
	for _, path := range []string{"../x", "/etc/passwd", "", ".git/hooks/post-checkout", ".flow/config", "a\x00"} {
		r := someRecord()
		r.results[0].Outs[0].Path = path
		_, err := decodeRecord(r.encode())
		require.Error(t, err, "%q", path)
	}
}

func TestRecord_keepsTheNewestResults(t *testing.T) {
	r := &record{}
	for i := range 2 * keptResults {
		r.add(Result{Stage: "s", Time: time.Unix(int64(i), 0), Outs: []ResultOut{{Path: "o",
			Content: digest.Content{ID: digest.Sum([]byte{byte(i)}), Mode: digest.File}}}})
	}
	require.Len(t, r.results, keptResults)
	require.Equal(t, time.Unix(2*keptResults-1, 0), r.newest())

	again := r.results[0]
	again.Time = time.Unix(1000, 0)
	r.add(again)
	require.Len(t, r.results, keptResults)
	require.Equal(t, again, r.results[keptResults-1])
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte("flow action v1\ncmd a\nout x\n\nresult 2026-01-02T15:04:05Z s\n"))
	f.Add(someRecord().encode()[len(recordHeader):])
	f.Fuzz(func(t *testing.T, body []byte) {
		// The sum is made right, or nothing beyond it would be tried.
		text := append([]byte(recordHeader), body...)
		text = append(text, recordEnd+digest.Sum(text).String()+"\n"...)
		for _, text := range [][]byte{body, text} {
			if r, err := decodeRecord(text); err == nil {
				require.Equal(t, string(text), string(r.encode()))
			}
		}
	})
}

func TestDiffLines(t *testing.T) {
	was := Action{Lines: []string{"flow action v1", "cmd a", "cmd b", "env X=1", "dep d/1 file blake3:1", `dep "d 2" file blake3:1`, "param p.yaml lr 0.1", "out x"}}
	is := Action{Lines: []string{"flow action v1", "cmd a", "cmd c", "env X=2", "dep d/1 file blake3:2", `dep "d 2" file blake3:1`, "param p.yaml n 1", "out x"}}
	require.Equal(t, []LineDiff{
		{Was: "cmd b", Is: "cmd c"},
		{Was: "env X=1", Is: "env X=2"},
		{Was: "dep d/1 file blake3:1", Is: "dep d/1 file blake3:2"},
		{Is: "param p.yaml n 1"},
		{Was: "param p.yaml lr 0.1"},
	}, DiffLines(was, is))
	require.Empty(t, DiffLines(was, was))
}

func TestDiffLines_oftenTheSameLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"cmd a", "cmd b", "dep x 1", "dep x 2", "dep y 1", ""}), 0, 8)
		was, is := lines.Draw(t, "was"), lines.Draw(t, "is")
		left := map[string]int{}
		for _, line := range was {
			left[line]++
		}
		for _, diff := range DiffLines(Action{Lines: was}, Action{Lines: is}) {
			left[diff.Was]--
			left[diff.Is]++
		}
		for _, line := range is {
			left[line]--
		}
		delete(left, "") // stands for no line in a difference
		for line, n := range left {
			require.Zero(t, n, line)
		}
	})
}
