package dag

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const small = "prepare:\nfeaturize: prepare\ntrain: featurize\nevaluate: train featurize\ndata/raw.txt:"

func TestDOT(t *testing.T) {
	require.Equal(t, `strict digraph {
"prepare";
"featurize";
"train";
"evaluate";
"data/raw.txt";
"prepare" -> "featurize";
"featurize" -> "train";
"featurize" -> "evaluate";
"train" -> "evaluate";
}
`, parse(t, small).DOT(Dressing{}))
}

func TestMermaid(t *testing.T) {
	require.Equal(t, `flowchart TD
	node1["data/raw.txt"]
	node2["evaluate"]
	node3["featurize"]
	node4["prepare"]
	node5["train"]
	node3-->node2
	node3-->node5
	node4-->node3
	node5-->node2
`, parse(t, small).Mermaid(Dressing{}))
}

func odd(t *testing.T) (*Graph, Dressing) {
	g, err := Build(
		[]string{`say "hi"`, `back\slash\`, "two\nlines", "<b>&amp;</b>", "#quot;", "`md`", "%%{init}%%", ""},
		[]Edge{{`say "hi"`, `back\slash\`}, {"two\nlines", "#quot;"}},
	)
	require.NoError(t, err)
	return g, Dressing{
		Label: func(name string) string { return name + " ✔" },
		Class: func(name string) string {
			if name == "" {
				return "not run;"
			}
			return map[bool]string{true: "fresh"}[strings.Contains(name, "a")]
		},
		Fill: func(class string) string { return map[string]string{"fresh": "#ddffdd", "not_run_": "\"; evil"}[class] },
	}
}

func TestDOT_escapes(t *testing.T) {
	g, dressing := odd(t)
	text := g.DOT(dressing)
	require.Equal(t, `strict digraph {
"say \"hi\"" [label="say \"hi\" ✔", class="fresh", style=filled, fillcolor="#ddffdd"];
"back\\slash\\" [label="back\\slash\\ ✔", class="fresh", style=filled, fillcolor="#ddffdd"];
"two\nlines" [label="two\nlines ✔"];
"<b>&amp;</b>" [label="<b>&amp;amp;</b> ✔", class="fresh", style=filled, fillcolor="#ddffdd"];
"#quot;" [label="#quot; ✔"];
"`+"`md`"+`" [label="`+"`md`"+` ✔"];
"%%{init}%%" [label="%%{init}%% ✔"];
"" [label=" ✔", class="not_run_"];
"say \"hi\"" -> "back\\slash\\";
"two\nlines" -> "#quot;";
}
`, text)
	if dot, err := exec.LookPath("dot"); err == nil {
		cmd := exec.Command(dot, "-Tsvg")
		cmd.Stdin, cmd.Stderr = strings.NewReader(text), os.Stderr
		require.NoError(t, cmd.Run())
	} else {
		require.Empty(t, os.Getenv("FLOW_TEST_ALL"), "dot is missing: install graphviz")
	}
}

func TestMermaid_escapes(t *testing.T) {
	g, dressing := odd(t)
	require.Equal(t, `flowchart TD
	node1[" ✔"]:::not_run_
	node2["#35;quot; ✔"]
	node3["#37;#37;{init}#37;#37; ✔"]
	node4["#lt;b#gt;#amp;amp;#lt;/b#gt; ✔"]:::fresh
	node5["#96;md#96; ✔"]
	node6["back\slash\ ✔"]:::fresh
	node7["say #quot;hi#quot; ✔"]:::fresh
	node8["two<br>lines ✔"]
	node7-->node6
	node8-->node2
	classDef fresh fill:#ddffdd
`, g.Mermaid(dressing))
	require.Contains(t, g.Mermaid(Dressing{}), "node1[\" \"]\n")
}
