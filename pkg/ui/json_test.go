package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/event"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 120_000_000, time.UTC)

// everyEvent holds each type of event: once with every field, and once bare.
func everyEvent() []event.Event {
	reasons := []event.Reason{{Kind: event.DepChanged, Subject: "data", Was: "1f2e", Is: "3d4c", Detail: "3 of 120 files"}, {Kind: event.NeverRun}}
	mistake := diag.At(diag.Pos{File: "p.yaml", Line: 3, Col: 5}, "it is wrong").WithHint("mend it")
	outs := []event.Out{
		{Path: "model.bin", Content: digest.Content{ID: digest.Sum([]byte("m")), Mode: digest.File, Size: 7}},
		{Path: "plots", Content: digest.Content{ID: digest.Sum([]byte("p")), Mode: digest.Dir, Size: 9, Files: 2}},
	}
	return []event.Event{
		event.Warning{Text: "the disk is nearly full"},
		event.Warning{Stage: "train", Text: "out x is empty", Hint: "look at it"},
		event.RunStarted{Time: noon, Run: "20260102-120000-ab12", Stages: 4, Dry: true},
		event.RunStarted{Time: noon},
		event.StagePlanned{Stage: "train", Status: event.WouldRun, Reasons: reasons, Expected: 90 * time.Second},
		event.StagePlanned{Stage: "test", Status: event.MayRun},
		event.StageStarted{Time: noon, Stage: "train", Cmd: []string{"python train.py"}, Reasons: reasons, Expected: 90 * time.Second},
		event.StageStarted{Time: noon, Stage: "test", Cmd: []string{"true", "false"}},
		event.StageRetrying{Time: noon, Stage: "train", Attempt: 2, Of: 3, Wait: 10 * time.Second, Err: mistake},
		event.OutputLine{Stage: "train", Stderr: true, Text: "epoch 1 <\u2028> \xff \x1b[31m"},
		event.OutputLine{Stage: "train"},
		event.StageFinished{Time: noon, Stage: "train", Status: event.Ran, Duration: 61 * time.Second, Reasons: reasons, Outs: outs,
			Usage: &event.Usage{Wall: time.Second, CPU: 2 * time.Second, MaxRSS: 1 << 20, Read: 512, Written: 1024, Attempts: 2, Code: 137, Signal: "SIGKILL"}},
		event.StageFinished{Time: noon, Stage: "test", Status: event.Failed, Usage: &event.Usage{Read: -1, Written: -1, Attempts: 1, Code: 1}},
		event.StageFinished{Time: noon, Stage: "raw", Status: event.Restored, Source: true, Detail: "the cache", Because: "x", Err: errors.Join(mistake, context.Canceled)},
		event.StageFinished{Time: noon, Stage: "raw", Status: event.Fresh},
		event.Transfer{Time: noon, Verb: "fetch", Remote: "store", Objects: 1, Of: 8, Bytes: 10, OfSize: 800, Ended: true},
		event.Transfer{Time: noon, Verb: "fetch", Remote: "store"},
		event.RunFinished{Time: noon, Duration: time.Minute, Counts: map[event.Status]int{event.Ran: 1}, Dry: true, Shortest: 20 * time.Second,
			Forecast: &event.Forecast{Sum: time.Hour, Chain: time.Minute, Unknown: 2}, Err: mistake},
		event.RunFinished{Time: noon, Err: context.Canceled},
	}
}

func jsonLine(t *testing.T, e event.Event) string {
	t.Helper()
	var out bytes.Buffer
	(&JSON{Out: &out}).Emit(e)
	text, whole := strings.CutSuffix(out.String(), "\n")
	require.True(t, whole)
	require.NotContains(t, text, "\n")
	return text
}

// strictSchema is the public one that also refuses fields it does not know.
func strictSchema(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(event.Schema()))
	require.NoError(t, err)
	var closeAll func(node any)
	closeAll = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if _, isObject := node["properties"]; isObject && node["type"] == "object" {
				node["additionalProperties"] = false
			}
			for _, child := range node {
				closeAll(child)
			}
		case []any:
			for _, child := range node {
				closeAll(child)
			}
		}
	}
	closeAll(doc)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("event.json", doc))
	compiled, err := compiler.Compile("event.json")
	require.NoError(t, err)
	return compiled, doc.(map[string]any)["definitions"].(map[string]any)
}

// TestJSON_schema: each line that can be written is as the schema says, and the
// schema has no event, field, status or kind that is never written.
func TestJSON_schema(t *testing.T) {
	compiled, definitions := strictSchema(t)
	types, told := map[string]bool{}, map[string]map[string]bool{}
	for _, e := range everyEvent() {
		text := jsonLine(t, e)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		require.NoError(t, compiled.Validate(value), text)
		types[reflect.TypeOf(e).Name()] = true
		fields := value.(map[string]any)
		name := fields["event"].(string)
		if told[name] == nil {
			told[name] = map[string]bool{}
		}
		for field := range fields {
			told[name][field] = true
		}
	}
	require.Equal(t, declaredTypes(t), types)

	events := map[string]bool{}
	for name, definition := range definitions {
		properties, _ := definition.(map[string]any)["properties"].(map[string]any)
		if _, isEvent := properties["event"]; !isEvent {
			continue
		}
		events[name] = true
		for field := range properties {
			require.True(t, told[name][field], "%s.%s is never written", name, field)
		}
	}
	require.Len(t, told, len(events))

	require.ElementsMatch(t, constants(t, "Kind"), words(definitions, "reasons", "items", "properties", "kind"))
	require.ElementsMatch(t, constants(t, "Status"), words(definitions, "run_finished", "properties", "counts", "propertyNames"))
	require.Subset(t, constants(t, "Status"), words(definitions, "ended"))
	require.Subset(t, constants(t, "Status"), words(definitions, "stage_planned", "properties", "status"))
}

// TestJSON_docs: the example in docs/events.md is what the schema says, and the page
// names every field.
func TestJSON_docs(t *testing.T) {
	compiled, definitions := strictSchema(t)
	page, err := os.ReadFile("../../docs/events.md")
	require.NoError(t, err)
	_, example, _ := strings.Cut(string(page), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	lines := strings.Split(strings.TrimSpace(example), "\n")
	require.Len(t, lines, 9)
	for _, line := range lines {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		require.NoError(t, err)
		require.NoError(t, compiled.Validate(value), line)
	}
	for name, definition := range definitions {
		properties, _ := definition.(map[string]any)["properties"].(map[string]any)
		for field := range properties {
			require.Contains(t, string(page), "`"+field+"`", "field %s of %s", field, name)
		}
	}
}

func TestJSON_lines(t *testing.T) {
	require.Equal(t, `{"event":"stage_started","time":"2026-01-02T12:00:00.12Z","stage":"a","cmd":["x"],"expected_seconds":90}`,
		jsonLine(t, event.StageStarted{Time: noon, Stage: "a", Cmd: []string{"x"}, Expected: 90 * time.Second}))
	require.Equal(t, `{"event":"output","stage":"a","stream":"stderr","text":"<\ufffd>"}`, jsonLine(t, event.OutputLine{Stage: "a", Stderr: true, Text: "<\xff>"}))
	require.Equal(t, `{"event":"run_finished","time":"2026-01-02T12:00:00.12Z","seconds":0.5,"stopped":true,"error":"boom","problems":[{"message":"boom"}]}`,
		jsonLine(t, event.RunFinished{Time: noon, Duration: time.Second / 2, Err: errors.Join(errors.New("boom"), context.Canceled)}))
}

// words returns the enum at a place of the schema.
func words(node map[string]any, path ...string) []string {
	for _, key := range path {
		node = node[key].(map[string]any)
	}
	var texts []string
	for _, word := range node["enum"].([]any) {
		texts = append(texts, word.(string))
	}
	return texts
}

func eventSource(t *testing.T) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../event/event.go", nil, 0)
	require.NoError(t, err)
	return file
}

// declaredTypes returns the names of the types that are events.
func declaredTypes(t *testing.T) map[string]bool {
	names := map[string]bool{}
	for _, declared := range eventSource(t).Decls {
		if method, is := declared.(*ast.FuncDecl); is && method.Name.Name == "event" {
			names[method.Recv.List[0].Type.(*ast.Ident).Name] = true
		}
	}
	return names
}

// constants returns the values of a type's constants.
func constants(t *testing.T, of string) []string {
	var values []string
	ast.Inspect(eventSource(t), func(node ast.Node) bool {
		if spec, is := node.(*ast.ValueSpec); is && len(spec.Values) == 1 {
			if name, is := spec.Type.(*ast.Ident); is && name.Name == of {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				values = append(values, value)
			}
		}
		return true
	})
	require.False(t, len(values) == 0 || slices.Contains(values, ""))
	return values
}

// FuzzJSON_output: whatever a command prints, the line is one line of JSON.
func FuzzJSON_output(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\xff\u2028\r\"\\")
	f.Fuzz(func(t *testing.T, text string) {
		var line struct{ Text string }
		require.NoError(t, json.Unmarshal([]byte(jsonLine(t, event.OutputLine{Text: text})), &line))
		require.Equal(t, string([]rune(text)), line.Text)
	})
}
