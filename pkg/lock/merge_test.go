package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/digest"
)

// entryOf returns an entry that is only equal to those of the same number.
func entryOf(name string, number int) *Entry {
	id := digest.Sum([]byte(fmt.Sprint(name, number)))
	return &Entry{
		Cmd:  []string{fmt.Sprintf("run %s %d", name, number)},
		Deps: []Item{{"raw", digest.Content{ID: digest.Sum([]byte("raw")), Mode: digest.File, Size: 3}}},
		Outs: []Item{{name + ".out", digest.Content{ID: id, Mode: digest.Exec, Size: int64(number)}}},
	}
}

func contentOf(name string, number int) digest.Content {
	return digest.Content{ID: digest.Sum([]byte(fmt.Sprint(name, number))), Mode: digest.Dir, Size: int64(number), Files: 1}
}

// history is a base and two branches that changed different names, and their union.
type history struct{ base, ours, theirs, union *File }

func histories(t *rapid.T) history {
	h := history{New(), New(), New(), New()}
	for i := range rapid.IntRange(0, 12).Draw(t, "names") {
		name := fmt.Sprintf("n%d", i)
		who := rapid.SampledFrom([]string{"nobody", "ours", "theirs", "both"}).Draw(t, "who")
		was := rapid.IntRange(0, 2).Draw(t, "was") // 0: not there
		is := rapid.IntRange(0, 3).Draw(t, "is")
		data := rapid.Bool().Draw(t, "data")
		put := func(f *File, number int) {
			switch {
			case number == 0:
			case data:
				f.Data[name] = contentOf(name, number)
			default:
				f.Stages[name] = entryOf(name, number)
			}
		}
		changed := map[bool]int{true: is, false: was}
		put(h.base, was)
		put(h.ours, changed[who == "ours" || who == "both"])
		put(h.theirs, changed[who == "theirs" || who == "both"])
		put(h.union, changed[who != "nobody"])
	}
	return h
}

// TestMerge_disjointEditsAreTheUnion: whatever two branches change of different names,
// or alike, both have, whichever is merged into the other.
func TestMerge_disjointEditsAreTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := histories(t)
		there, contests := Merge(h.base, h.ours, h.theirs)
		back, more := Merge(h.base, h.theirs, h.ours)
		require.Empty(t, contests)
		require.Empty(t, more)
		require.Equal(t, string(h.union.Encode()), string(there.Encode()))
		require.Equal(t, string(there.Encode()), string(back.Encode()))

		text, open := MergeTexts(Name, h.base.Encode(), h.ours.Encode(), h.theirs.Encode())
		require.Zero(t, open)
		require.Equal(t, string(h.union.Encode()), string(text))
	})
}

func TestMerge_contested(t *testing.T) {
	base, ours, theirs := New(), New(), New()
	base.Stages["a"], ours.Stages["a"], theirs.Stages["a"] = entryOf("a", 1), entryOf("a", 2), entryOf("a", 3)
	base.Stages["gone"], theirs.Stages["gone"] = entryOf("gone", 1), entryOf("gone", 2)
	base.Data["d"], ours.Data["d"], theirs.Data["d"] = contentOf("d", 1), contentOf("d", 2), contentOf("d", 3)
	ours.Data["new"], theirs.Data["new"] = contentOf("new", 1), contentOf("new", 2)
	base.Data["e"], ours.Data["e"] = contentOf("e", 1), contentOf("e", 2)
	theirs.Data["other"] = contentOf("other", 1)

	merged, contests := Merge(base, ours, theirs)
	var names []string
	for _, contest := range contests {
		names = append(names, contest.Name())
	}
	require.Equal(t, []string{"d", "e", "new", "a", "gone"}, names)
	require.Empty(t, merged.Stages)
	require.Equal(t, []string{"other"}, slices.Collect(maps.Keys(merged.Data)))

	text, open := MergeTexts(Name, base.Encode(), ours.Encode(), theirs.Encode())
	require.Equal(t, 3, open)
	require.Equal(t, 3, strings.Count(string(text), oursLine))
	_, err := Decode(Name, text)
	require.ErrorContains(t, err, "conflict markers")

	// What flow marked reads as the three that it came from, but for what is settled.
	again, err := ReadConflict(Name, text)
	require.NoError(t, err)
	require.True(t, again.Chosen)
	merged, contests = again.Merge()
	require.Len(t, contests, 3)
	for i, contest := range contests {
		require.Equal(t, names[i], contest.Name())
		merged.Take(contest.Theirs)
	}
	require.Equal(t, map[string]digest.Content{"d": contentOf("d", 3), "new": contentOf("new", 2), "other": contentOf("other", 1)}, merged.Data)
}

// TestMergeTexts_unreadable: a side that can't be read is not lost.
func TestMergeTexts_unreadable(t *testing.T) {
	text, open := MergeTexts(Name, nil, []byte("flow: 9\n"), New().Encode())
	require.Equal(t, 1, open)
	require.Contains(t, string(text), "flow: 9\n=======\n")
	require.Contains(t, string(text), "flow: 1\n")
}
