package document

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = `# the pipeline
stages:
  create:
    cmd: python create.py   # makes it
    outs: [data/raw.csv]

  # trains
  # for long
  train:
    cmd: >-
      python train.py
      --fast
    deps:
      - data/raw.csv   # input
      # - data/old.csv

      - train.py
    params: {lr: 0.10, "epochs": 3,}
    # outs:
    #   - nothing

metrics:
- out/metrics.json
# the end
`

// edited is what changed in sample: lines that went, behind -, and lines that came.
func edited(t *testing.T, before, after string) string {
	old, new := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	start := 0
	for start < min(len(old), len(new)) && old[start] == new[start] {
		start++
	}
	end := 0
	for end < min(len(old), len(new))-start && old[len(old)-1-end] == new[len(new)-1-end] {
		end++
	}
	var out strings.Builder
	for _, line := range old[start : len(old)-end] {
		out.WriteString("-" + line)
	}
	for _, line := range new[start : len(new)-end] {
		out.WriteString("+" + line)
	}
	return out.String()
}

func TestSet(t *testing.T) {
	for _, test := range []struct {
		path  string
		value any
		want  string
	}{
		{"stages/create/cmd", "make", "-    cmd: python create.py   # makes it\n+    cmd: make   # makes it\n"},
		{"stages/create/cmd", "a: b", "-    cmd: python create.py   # makes it\n+    cmd: \"a: b\"   # makes it\n"},
		{"stages/create/cmd", "one\ntwo\n", "-    cmd: python create.py   # makes it\n+    cmd: |   # makes it\n+      one\n+      two\n"},
		{"stages/create/cmd", []string{"a", "b"}, "-    cmd: python create.py   # makes it\n+    cmd:   # makes it\n+      - a\n+      - b\n"},
		{"stages/create/outs", []string{"a", "b c"}, "-    outs: [data/raw.csv]\n+    outs:\n+      - a\n+      - b c\n"},
		{"stages/create/outs/[0]", 7, "-    outs: [data/raw.csv]\n+    outs: [7]\n"},
		{"stages/create/frozen", true, "+    frozen: true\n"},
		{"stages/train/cmd", "x", "-    cmd: >-\n-      python train.py\n-      --fast\n+    cmd: x\n"},
		{"stages/train/deps", nil, "-    deps:\n-      - data/raw.csv   # input\n-      # - data/old.csv\n-\n-      - train.py\n+    deps: null\n"},
		{"stages/train/deps", []string{}, "-    deps:\n-      - data/raw.csv   # input\n-      # - data/old.csv\n-\n-      - train.py\n+    deps: []\n"},
		{"stages/train/deps/[0]", Fields{{"path", "x"}, {"hash", "y"}}, "-      - data/raw.csv   # input\n+      - path: x   # input\n+        hash: y\n"},
		{"stages/train/deps/[2]", "new", "+      - new\n"},
		{"stages/train/params/lr", 0.5, "-    params: {lr: 0.10, \"epochs\": 3,}\n+    params: {lr: 0.5, \"epochs\": 3,}\n"},
		{"stages/train/params/seed", 1, "-    params: {lr: 0.10, \"epochs\": 3,}\n+    params: {lr: 0.10, \"epochs\": 3, seed: 1,}\n"},
		{"stages/train/frozen", true, "+    frozen: true\n"},
		{"stages/new/cmd", "x", "+  new:\n+    cmd: x\n"},
		{"data", []any{"a", Fields{{"path", "b"}}}, "+data:\n+  - a\n+  - path: b\n"},
		{"metrics", []string{"a"}, "-- out/metrics.json\n+- a\n"},
	} {
		t.Run(test.path, func(t *testing.T) {
			doc, err := Parse("f.yaml", []byte(sample))
			require.NoError(t, err)
			after, err := doc.Set(strings.Split(test.path, "/"), test.value)
			require.NoError(t, err)
			require.Equal(t, test.want, edited(t, sample, string(after.Text)))
			require.Equal(t, sample, string(doc.Text))
		})
	}
}

func TestDelete(t *testing.T) {
	for _, test := range []struct{ path, want string }{
		{"stages/create", "-  create:\n-    cmd: python create.py   # makes it\n-    outs: [data/raw.csv]\n-\n"},
		{"stages/create/outs", "-    outs: [data/raw.csv]\n"},
		{"stages/create/outs/[0]", "-    outs: [data/raw.csv]\n+    outs: []\n"},
		{"stages/train", "-  # trains\n-  # for long\n-  train:\n-    cmd: >-\n-      python train.py\n-      --fast\n-    deps:\n" +
			"-      - data/raw.csv   # input\n-      # - data/old.csv\n-\n-      - train.py\n-    params: {lr: 0.10, \"epochs\": 3,}\n-    # outs:\n-    #   - nothing\n-\n"},
		{"stages/train/deps/[0]", "-      - data/raw.csv   # input\n"},
		{"stages/train/deps/[1]", "-\n-      - train.py\n"},
		{"stages/train/cmd", "-    cmd: >-\n-      python train.py\n-      --fast\n"},
		{"stages/train/params/lr", "-    params: {lr: 0.10, \"epochs\": 3,}\n+    params: {\"epochs\": 3,}\n"},
		{"stages/train/params/epochs", "-    params: {lr: 0.10, \"epochs\": 3,}\n+    params: {lr: 0.10,}\n"},
		{"metrics/[0]", "-metrics:\n-- out/metrics.json\n+metrics: []\n"},
		{"nothing", ""},
		{"stages/none/at/all", ""},
	} {
		t.Run(test.path, func(t *testing.T) {
			doc, err := Parse("f.yaml", []byte(sample))
			require.NoError(t, err)
			after, err := doc.Delete(strings.Split(test.path, "/"))
			require.NoError(t, err)
			require.Equal(t, test.want, edited(t, sample, string(after.Text)))
		})
	}
}

func TestAppend(t *testing.T) {
	for _, test := range []struct {
		path  string
		value any
		want  string
	}{
		{"stages/train/deps", "new", "+      - new\n"},
		{"stages/train/outs", "new", "+    outs:\n+      - new\n"},
		{"stages/create/outs", "new", "-    outs: [data/raw.csv]\n+    outs: [data/raw.csv, new]\n"},
		{"metrics", "new", "+- new\n"},
		{"stages/train/deps", Fields{{"path", "a"}, {"cache", false}}, "+      - path: a\n+        cache: false\n"},
	} {
		t.Run(test.path, func(t *testing.T) {
			doc, err := Parse("f.yaml", []byte(sample))
			require.NoError(t, err)
			after, err := doc.Append(strings.Split(test.path, "/"), test.value)
			require.NoError(t, err)
			require.Equal(t, test.want, edited(t, sample, string(after.Text)))
		})
	}
}

// TestEdit_awkward edits small files. An op is "= path value", "+ path value" or "- path",
// the value read as YAML.
func TestEdit_awkward(t *testing.T) {
	for name, test := range map[string]struct{ before, op, after string }{
		"empty":                       {"", "= a/b 1", "a:\n  b: 1\n"},
		"only a comment":              {"# c", "= a 1", "# c\na: 1\n"},
		"only a mark":                 {"---\n", "+ a x", "---\na:\n  - x\n"},
		"byte order mark":             {"\ufeffa: 1\n", "= b 2", "\ufeffa: 1\nb: 2\n"},
		"CRLF":                        {"a:\r\n  - 1 # c\r\n\r\nb: 2\r\n", "+ a [x]", "a:\r\n  - 1 # c\r\n  - - x\r\n\r\nb: 2\r\n"},
		"CRLF, text of lines":         {"a: 1 # c\r\nb: 2\r\n", `= a "x\ny\n"`, "a: | # c\r\n  x\r\n  y\r\nb: 2\r\n"},
		"no last newline":             {"a: 1", "= b 2", "a: 1\nb: 2"},
		"no last newline, block":      {"a: |\n  x", "= b 2", "a: |-\n  x\nb: 2"},
		"no last newline, new block":  {"a: 1", `= a "x\ny\n"`, "a: |\n  x\n  y\n"},
		"no last newline, delete":     {"a: 1\nb: 2", "- b", "a: 1"},
		"delete the last":             {"a: 1\n\nb: 2\n", "- b", "a: 1\n"},
		"delete all":                  {"# top\na: 1\n", "- a", "# top\n"},
		"delete the first":            {"# top\n\n# of a\na: 1\n\nb: 2\n", "- a", "# top\n\nb: 2\n"},
		"the comment of the file":     {"# top\na: 1\nb: 2\n", "- a", "# top\nb: 2\n"},
		"non-ASCII":                   {"é: {ü: 'ß', x: [ä, ö]} # ñ\n", "= é/x/[1] å", "é: {ü: 'ß', x: [ä, å]} # ñ\n"},
		"emoji":                       {"a: 😀 # 😀\nb: 1\n", "= a x", "a: x # 😀\nb: 1\n"},
		"quoted keys":                 {"\"a b\": 'x: #y' # c\n'c': 2\n", "= a b|z", "\"a b\": z # c\n'c': 2\n"},
		"key that must be quoted":     {"a: 1\n", "= b: c|2", "a: 1\n\"b: c\": 2\n"},
		"list not indented":           {"a:\n- 1\n# of b\nb: 2\n", "+ a x", "a:\n- 1\n- x\n# of b\nb: 2\n"},
		"list indented by four":       {"a:\n    - 1\nb:\n", "+ b x", "a:\n    - 1\nb:\n    - x\n"},
		"mapping indented by four":    {"a:\n    b: 1\n", "= c/d 1", "a:\n    b: 1\nc:\n    d: 1\n"},
		"value on the next line":      {"a:\n  one # c\nb: 2\n", "= a two", "a:\n  two # c\nb: 2\n"},
		"nothing there":               {"a:   # c\nb: 2\n", "= a x", "a: x   # c\nb: 2\n"},
		"nothing there, mapping":      {"a:   # c\nb: 2\n", "= a/x 1", "a:   # c\n  x: 1\nb: 2\n"},
		"empty item":                  {"-\n- b\n", "= [0] {x: 1, y: 2}", "- x: 1\n  y: 2\n- b\n"},
		"empty brackets":              {"a: [] # c\nb: {}\n", "+ a x", "a: # c\n  - x\nb: {}\n"},
		"empty braces":                {"a: {} # c\n", "= a/x 1", "a: # c\n  x: 1\n"},
		"brackets over lines":         {"a: [\n  x, # one\n  y # two\n]\n", "+ a z", "a: [\n  x, # one\n  y, # two\n  z\n]\n"},
		"brackets with a last comma":  {"a: [\n  x,\n]\n", "+ a z", "a: [\n  x,\n  z,\n]\n"},
		"delete in lines of brackets": {"a: [\n  x, # one\n  y, # two\n  z\n]\n", "- a/[1]", "a: [\n  x, # one\n  z\n]\n"},
		"delete the last in brackets": {"a: [\n  x, # one\n  z # two\n]\n", "- a/[1]", "a: [\n  x # one\n]\n"},
		"JSON":                        {"{\"a\": {\"b\": 1}}\n", "= a/c x", "{\"a\": {\"b\": 1, \"c\": \"x\"}}\n"},
		"JSON over lines":             {"{\n\t\"a\": 1\n}\n", "= c x", "{\n\t\"a\": 1,\n\t\"c\": \"x\"\n}\n"},
		"mapping behind a dash":       {"- a: 1 # c\n  b: 2\n", "- [0]/a", "- b: 2\n"},
		"comment behind a dash":       {"- a: 1\n  # of b\n  b: 2\n", "- [0]/a", "-\n  # of b\n  b: 2\n"},
		"add behind a dash":           {"- a: 1\n\n- b\n", "= [0]/c 2", "- a: 1\n  c: 2\n\n- b\n"},
		"block kept":                  {"a: |+\n  x\n\n\nb: 1\n", "= c 2", "a: |+\n  x\n\n\nb: 1\nc: 2\n"},
		"block to text":               {"a: | # c\n  x\n\n# of b\nb: 1\n", "= a y", "a: y\n\n# of b\nb: 1\n"},
		"anchor stays":                {"a: &x 1\nb: *x\n", "= a 2", "a: &x 2\nb: *x\n"},
		"alias goes":                  {"a: &x 1\nb: *x # c\n", "= b 2", "a: &x 1\nb: 2 # c\n"},
		"merge overridden":            {"a: &x {k: 1}\nb:\n  <<: *x\n", "= b/k 2", "a: &x {k: 1}\nb:\n  <<: *x\n  k: 2\n"},
		"tag goes":                    {"a: !!str 1\n", "= a 2", "a: 2\n"},
		"text as typed":               {"lr: 0.1\n", "= lr 1e-3", "lr: 1e-3\n"},
		"the same again":              {"a:   'x'\n", "= a x", "a:   'x'\n"},
		"comment would be text":       {"a: 1\n  # deep\nb: 2\n", `= a "x\ny"`, "a: \"x\\ny\"\n  # deep\nb: 2\n"},
		"document end":                {"a: 1\n...\n", "= b 2", "a: 1\nb: 2\n...\n"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse("f.yaml", []byte(test.before))
			require.NoError(t, err)
			after, err := run(doc, test.op)
			require.NoError(t, err)
			require.Equal(t, test.after, string(after.Text))
		})
	}
}

func run(doc *Document, op string) (*Document, error) {
	path, text, _ := strings.Cut(op[2:], " ")
	if before, after, found := strings.Cut(op[2:], "|"); found {
		path, text = before, after
	}
	steps := strings.Split(path, "/")
	if op[0] == '-' {
		return doc.Delete(steps)
	}
	value, err := Parse("value", []byte(text))
	if err != nil {
		return nil, err
	}
	if op[0] == '+' {
		return doc.Append(steps, value.Root)
	}
	return doc.Set(steps, value.Root)
}

func TestEdit_refused(t *testing.T) {
	for _, test := range []struct{ before, op, want string }{
		{"a: 1\n", "= a/b 1", `f.yaml:1:4: "a" is a number and has no "b"`},
		{"a: [1]\n", "= a/b 1", `f.yaml:1:4: "a" is a list of 1 items and has no "b"`},
		{"a: [1]\n", "= a/[5] 1", `f.yaml:1:4: "a" is a list of 1 items and has no "[5]"`},
		{"a: x\n", "+ a y", `f.yaml:1:4: "a" is a text, not a list`},
		{"a: &x {k: 1}\nb: *x\n", "= b/k 2", `f.yaml:2:4: "b" is an alias: its value is that of the anchor &x`},
		{"a: &x {k: {l: 1}}\nb: {<<: *x}\n", "= b/k/l 2", `f.yaml:2:4: "b.k" comes from <<, and can't be changed here`},
		{"a: &x {k: 1}\nb: {<<: *x}\n", "- b/k", `f.yaml:1:11: "b.k" comes from <<, and can't be removed here`},
		{"a: &x 1\nb: *x\n", "- a", `f.yaml:1:4: "a" can't be changed without changing more of the file`},
	} {
		t.Run(test.op, func(t *testing.T) {
			doc, err := Parse("f.yaml", []byte(test.before))
			require.NoError(t, err)
			_, err = run(doc, test.op)
			require.EqualError(t, err, test.want)
		})
	}
}
