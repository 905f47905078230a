package lock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

func sample() *File {
	id := digest.Sum([]byte("x"))
	return &File{
		Data:    map[string]digest.Content{"data/raw.csv": {ID: id, Mode: digest.File, Size: 3}, "data/theirs": {ID: id, Mode: digest.File, Size: 3}},
		Commits: map[string]string{"data/theirs": strings.Repeat("0c5f2a71", 5)},
		Stages: map[string]*Entry{
			"train": {
				Cmd:    []string{"python train.py"},
				Wdir:   "sub",
				Env:    map[string]string{"SEED": "0", "NAME": "a b"},
				Deps:   []Item{{"data/clean", digest.Content{ID: id, Mode: digest.Dir, Size: 9, Files: 2}}, {"train.py", digest.Content{ID: id, Mode: digest.Exec, Size: 1}}},
				Params: Params{"params.yaml": {"train.lr": "0.1", "train.name": `"0.1"`, "train.layers": "[1,2]", "train.nan": "NaN", "train.none": "null"}},
				Outs:   []Item{{"model.bin", digest.Content{ID: id, Mode: digest.File, Size: 7}}},
			},
			"two": {Cmd: []string{"a\nb: c # d", "echo 'x'"}, Shell: []string{"sh", "-c"}},
		},
	}
}

func TestEncode_readsBackBothWays(t *testing.T) {
	text := sample().Encode()
	fast, ok := readCanonical(text)
	require.True(t, ok, "what flow writes is read the fast way")
	require.Equal(t, sample(), fast)
	slow, err := parse(Name, text)
	require.NoError(t, err)
	require.Equal(t, sample(), (&decoder{file: Name}).decodeFile(slow))
}

func TestEncode_isDeterministicAndOneFactALine(t *testing.T) {
	first := string(sample().Encode())
	for range 20 {
		require.Equal(t, first, string(sample().Encode()))
	}
	require.Contains(t, first, "      data/clean:\n        hash: blake3:")
	require.Contains(t, first, "        train.lr: 0.1\n")
	require.Contains(t, first, "        train.name: \"0.1\"\n")
	require.True(t, strings.HasSuffix(first, trailer))
}

func TestDecode_faults(t *testing.T) {
	whole := string(sample().Encode())
	for name, test := range map[string]struct{ text, says string }{
		"empty":                     {"", "empty"},
		"all NUL":                   {strings.Repeat("\x00", 512), "NUL"},
		"cut":                       {whole[:len(whole)/2], "cut"},
		"cut in its first line":     {header[:20], "cut"},
		"cut behind its first line": {header, "cut"},
		"cut at a line":             {whole[:strings.Index(whole, "  two:")], "cut"},
		"conflict":                  {strings.Replace(whole, "  two:", "<<<<<<< HEAD\n  two:", 1), "conflict markers"},
		"newer":                     {strings.Replace(whole, "flow: 1", "flow: 9", 1), "newer flow"},
		"unknown key":               {strings.Replace(whole, "    wdir:", "    wdri:", 1), "wdri"},
		"bad digest":                {strings.Replace(whole, "hash: blake3:", "hash: md5:", 1), "digest"},
		"path traversal":            {strings.Replace(whole, "model.bin", "../../etc/passwd", 1), "can't be used"},
		"absolute path":             {strings.Replace(whole, "model.bin", "/etc/passwd", 1), "can't be used"},
		"into .git":                 {strings.Replace(whole, "model.bin", ".git/hooks/post-checkout", 1), "can't be used"},
		"negative size":             {strings.Replace(whole, "size: 7", "size: -7", 1), "below 0"},
		"negative number of files":  {strings.Replace(whole, "nfiles: 2", "nfiles: -2", 1), "below 0"},
		"no hash":                   {strings.Replace(whole, "        hash: "+digest.Sum([]byte("x")).String()+"\n        mode: dir\n", "        mode: dir\n", 1), "no hash"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(Name, []byte(test.text))
			require.ErrorContains(t, err, test.says)
			require.NotEmpty(t, diag.All(err)[0].Hint, "it says what to do")
		})
	}
}

func TestDecode_acceptsWhatPeopleDo(t *testing.T) {
	text := strings.ReplaceAll(string(sample().Encode()), "\n", "\r\n")
	file, err := Decode(Name, []byte(text))
	require.NoError(t, err)
	require.Equal(t, sample(), file)

	text = strings.Replace(string(sample().Encode()), "cmd: python train.py", "cmd: 'python train.py' # by hand", 1)
	file, err = Decode(Name, []byte(text))
	require.NoError(t, err)
	require.Equal(t, sample(), file)
}

// TestEncode_roundTrip: whatever the texts are, they come back.
func TestEncode_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"true", "null", "~", "1e3", "0x1f", "- a", "a: b", "a #b", "yes", ".5", "[1]", "{}", "&a", "*a", "!x", "'", `"`, "\t", " ", ".inf", "2020-01-01", "a\nb\n"}))
		entry := &Entry{Cmd: rapid.SliceOfN(text, 1, 3).Draw(t, "cmd"), Env: map[string]string{}}
		for i, value := range rapid.SliceOfN(text, 1, 3).Draw(t, "env") {
			entry.Env[fmt.Sprint("V", i)] = value
		}
		file := New()
		file.Stages["s"] = entry
		for _, script := range entry.Cmd {
			if strings.ContainsRune(script, 0xFFFD) || !isText(script) {
				t.Skip("not a text")
			}
		}
		read, err := Decode(Name, file.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(read.Stages["s"].Cmd, "\x00") != strings.Join(entry.Cmd, "\x00") {
			t.Fatalf("wrote %q, read %q", entry.Cmd, read.Stages["s"].Cmd)
		}
		for name, value := range entry.Env {
			if isText(value) && read.Stages["s"].Env[name] != value {
				t.Fatalf("wrote %q, read %q", value, read.Stages["s"].Env[name])
			}
		}
	})
}

// isText: JSON can't hold what is not UTF-8.
func isText(s string) bool { return strings.ToValidUTF8(s, "") == s }

func openLedger(t *testing.T) (*Ledger, string) {
	dir := t.TempDir()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	require.NoError(t, root.MkdirAll(".flow/tmp", 0o755))
	return NewLedger(root, Name, ".flow"), dir
}

func TestLedger_journalCountsBeforeItIsSettled(t *testing.T) {
	ctx := context.Background()
	ledger, dir := openLedger(t)
	require.NoError(t, ledger.Add(ctx, Record{Stage: "a", Entry: &Entry{Cmd: []string{"true"}}}))
	file, err := ledger.Read()
	require.NoError(t, err)
	require.Contains(t, file.Stages, "a")
	require.NoFileExists(t, filepath.Join(dir, Name), "the file is not written for each stage")

	changed, err := ledger.Settle(ctx, nil)
	require.NoError(t, err)
	require.True(t, changed)
	require.FileExists(t, filepath.Join(dir, Name))
	file, err = ledger.Read()
	require.NoError(t, err)
	require.Contains(t, file.Stages, "a")

	changed, err = ledger.Settle(ctx, nil)
	require.NoError(t, err)
	require.False(t, changed, "the same content is not written again")
}

// TestLedger_journalCutAnywhere: whatever a crash leaves of the journal, what is read
// is the records up to there, and nothing else.
func TestLedger_journalCutAnywhere(t *testing.T) {
	ctx := context.Background()
	ledger, dir := openLedger(t)
	var names []string
	for i := range 4 {
		name := fmt.Sprint("s", i)
		names = append(names, name)
		require.NoError(t, ledger.Add(ctx, Record{Stage: name, Entry: &Entry{Cmd: []string{"echo " + name}}}))
	}
	journal := filepath.Join(dir, ".flow", "journal")
	whole, err := os.ReadFile(journal)
	require.NoError(t, err)
	for cut := range len(whole) {
		require.NoError(t, os.WriteFile(journal, whole[:cut], 0o644))
		file, err := ledger.Read()
		require.NoError(t, err, "cut at %d", cut)
		lines := strings.Count(string(whole[:cut]), "\n")
		require.Len(t, file.Stages, max(0, lines-1), "cut at %d", cut)
		for _, name := range names[:max(0, lines-1)] {
			require.Contains(t, file.Stages, name)
		}
	}
	require.NoError(t, os.WriteFile(journal, whole[:len(whole)-3], 0o644))
	require.NoError(t, ledger.Add(ctx, Record{Stage: "after", Entry: &Entry{Cmd: []string{"x"}}}))
	file, err := ledger.Read()
	require.NoError(t, err)
	require.Contains(t, file.Stages, "after", "a torn tail does not swallow what comes after it")
	require.Contains(t, file.Stages, "s2")
}

// TestLedger_behindADamagedLine: what is recorded after a line that can't be read is
// not lost behind it.
func TestLedger_behindADamagedLine(t *testing.T) {
	ctx := context.Background()
	ledger, dir := openLedger(t)
	require.NoError(t, ledger.Add(ctx, Record{Stage: "before", Entry: &Entry{Cmd: []string{"x"}}}))
	journal := filepath.Join(dir, ".flow", "journal")
	text, err := os.ReadFile(journal)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(journal, append(text, "garbage\n"...), 0o644))
	require.NoError(t, ledger.Add(ctx, Record{Stage: "after", Entry: &Entry{Cmd: []string{"x"}}}))
	file, err := NewLedger(ledger.root, Name, ".flow").Read()
	require.NoError(t, err)
	require.Contains(t, file.Stages, "before")
	require.Contains(t, file.Stages, "after")
}

// TestLedger_flippedByte: a record that is not what was written does not count.
func TestLedger_flippedByte(t *testing.T) {
	ctx := context.Background()
	ledger, dir := openLedger(t)
	require.NoError(t, ledger.Add(ctx, Record{Stage: "a", Entry: &Entry{Cmd: []string{"x"}, Outs: sample().Stages["train"].Outs}}))
	journal := filepath.Join(dir, ".flow", "journal")
	text, err := os.ReadFile(journal)
	require.NoError(t, err)
	for at := range text {
		broken := append([]byte(nil), text...)
		broken[at] ^= 1 << (at % 7)
		require.NoError(t, os.WriteFile(journal, broken, 0o644))
		file, err := NewLedger(ledger.root, Name, ".flow").Read()
		require.NoError(t, err)
		require.Empty(t, file.Stages, "byte %d", at)
	}
}

// TestLedger_seesWhatOthersRecord: two ledgers over one project agree at once, through
// records, settling and git's replacing the file.
func TestLedger_seesWhatOthersRecord(t *testing.T) {
	ctx := context.Background()
	one, dir := openLedger(t)
	two := NewLedger(one.root, Name, ".flow")
	for i := range 20 {
		name := fmt.Sprint("s", i)
		ledgers := []*Ledger{one, two}
		require.NoError(t, ledgers[i%2].Add(ctx, Record{Stage: name, Entry: &Entry{Cmd: []string{name}}}))
		if i%7 == 3 {
			_, err := ledgers[i%2].Settle(ctx, nil)
			require.NoError(t, err)
		}
		for _, ledger := range ledgers {
			entry, err := ledger.Stage(name)
			require.NoError(t, err)
			require.NotNil(t, entry, "%s", name)
			file, err := ledger.Read()
			require.NoError(t, err)
			require.Len(t, file.Stages, i+1)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, Name), New().Encode(), 0o644))
	entry, err := one.Stage("s19")
	require.NoError(t, err)
	require.Nil(t, entry)
}

func TestLedger_journalOfAnotherLockIsVoid(t *testing.T) {
	ctx := context.Background()
	ledger, dir := openLedger(t)
	require.NoError(t, ledger.Add(ctx, Record{Stage: "mine", Entry: &Entry{Cmd: []string{"true"}}}))
	other := New()
	other.Stages["theirs"] = &Entry{Cmd: []string{"true"}}
	require.NoError(t, os.WriteFile(filepath.Join(dir, Name), other.Encode(), 0o644)) // as git checkout does
	file, err := ledger.Read()
	require.NoError(t, err)
	require.NotContains(t, file.Stages, "mine")
	require.Contains(t, file.Stages, "theirs")
}

func TestLedger_settleDropsWhatIsGone(t *testing.T) {
	ctx := context.Background()
	ledger, _ := openLedger(t)
	require.NoError(t, ledger.Add(ctx, Record{Stage: "a", Entry: &Entry{Cmd: []string{"true"}}}, Record{Stage: "gone", Entry: &Entry{Cmd: []string{"true"}}}))
	_, err := ledger.Settle(ctx, func(stage, _ string) bool { return stage != "gone" })
	require.NoError(t, err)
	file, err := ledger.Read()
	require.NoError(t, err)
	require.Len(t, file.Stages, 1)
}

// FuzzDecode: no text makes the reader panic, every mistake has a file, what is read is
// written and read again as the same, and where the fast reader answers, it answers as
// YAML's does.
func FuzzDecode(f *testing.F) {
	f.Add(sample().Encode())
	f.Add([]byte("flow: 1\nstages:\n  a:\n    cmd: x\n"))
	f.Add([]byte("flow: 1\nstages: {a: {cmd: [x, 'y']}}\n"))
	f.Add([]byte("flow: 1\nstages:\n  a:\n    cmd: \x80\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		bothWays(t, text)
		file, err := Decode(Name, text)
		if err != nil {
			for _, problem := range diag.All(err) {
				require.Equal(t, Name, problem.Pos.File, "%v", problem)
			}
			return
		}
		again, err := Decode(Name, file.Encode())
		require.NoError(t, err)
		require.Equal(t, string(file.Encode()), string(again.Encode()))
	})
}

func bothWays(t *testing.T, text []byte) (fast bool) {
	file, ok := readCanonical(text)
	if !ok {
		return false
	}
	root, err := parse(Name, text)
	require.NoError(t, err, "%q", text)
	d := &decoder{file: Name}
	require.Equal(t, d.decodeFile(root), file, "%q", text)
	require.Empty(t, d.problems, "%q", text)
	return true
}

// TestReadCanonical_agreesWithYAML edits what flow wrote, line by line.
func TestReadCanonical_agreesWithYAML(t *testing.T) {
	whole := string(sample().Encode())
	lines := strings.SplitAfter(whole, "\n")
	values := []string{"", "b", `"b\n"`, "1", "[1,2]", "-1", "'x'", "b # c", "b: c", "|", "&b c", "~", " b", "b ", "{}", `{"b":1}`, "true", "0x1f", "a,b", "@a", "12:30", "b:", "#", "- a", "\"\x7f\"", "\"é\""}
	for i, line := range lines {
		bothWays(t, []byte(strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")))
		bothWays(t, []byte(strings.Replace(whole, line, "  "+line, 1)))
		bothWays(t, []byte(strings.Replace(whole, line, line+line, 1)))
		key, _, found := strings.Cut(line, ": ")
		for _, value := range values {
			if found {
				bothWays(t, []byte(strings.Replace(whole, line, key+": "+value+"\n", 1)))
			}
			bothWays(t, []byte(strings.Replace(whole, line, key+":"+value+"\n", 1)))
		}
	}
}

// TestReadCanonical_big: room that is made for many at a time is nobody else's.
func TestReadCanonical_big(t *testing.T) {
	file := New()
	for i := range 2000 {
		entry := &Entry{Cmd: []string{fmt.Sprint("run ", i)}}
		for j := range i % 7 {
			item := Item{fmt.Sprintf("in/%d", j), digest.Content{ID: digest.Sum([]byte{byte(i), byte(j)}), Mode: digest.File, Size: int64(j)}}
			entry.Deps, entry.Outs = append(entry.Deps, item), append(entry.Outs, Item{fmt.Sprintf("out/%d", j), item.Content})
		}
		file.Stages[fmt.Sprint("s", i)] = entry
	}
	read, fast := readCanonical(file.Encode())
	require.True(t, fast)
	require.Equal(t, file, read)
	for _, entry := range read.Stages {
		entry.Cmd, entry.Deps, entry.Outs = append(entry.Cmd, "x"), append(entry.Deps, Item{}), append(entry.Outs, Item{})
	}
	for name, entry := range file.Stages {
		require.Equal(t, append(entry.Cmd, "x"), read.Stages[name].Cmd)
		require.Equal(t, append(entry.Outs, Item{}), read.Stages[name].Outs)
	}
}

func BenchmarkDecode(b *testing.B) {
	file := New()
	for i := range 10_000 {
		content := digest.Content{ID: digest.Sum([]byte{byte(i)}), Mode: digest.File, Size: 1}
		file.Stages[fmt.Sprint("s", i)] = &Entry{
			Cmd: []string{fmt.Sprint("cat in > out/", i)}, Deps: []Item{{"in", content}}, Outs: []Item{{fmt.Sprint("out/", i), content}},
		}
	}
	text := file.Encode()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(Name, text); err != nil {
			b.Fatal(err)
		}
	}
}
