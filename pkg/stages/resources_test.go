package stages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

func TestParse_effort(t *testing.T) {
	p, err := Parse("pipeline.yaml", []byte(`stages:
  plain: {cmd: x}
  short: {cmd: x, timeout: 1d2h, retries: 2, resources: {memory: 4GiB, licence: 1, cpu: 2, gpu: 0}}
  long: {cmd: x, timeout: 90s, retries: {times: 3, wait: 10s}, resources: {memory: 512 MB}}
`), nil)
	require.NoError(t, err)
	effort := func(name string) Effort {
		stage, _ := p.Stage(name)
		for i := range stage.Resources {
			require.NotZero(t, stage.Resources[i].Pos.Line)
			stage.Resources[i].Pos = diag.Pos{}
		}
		return stage.Effort
	}
	require.Equal(t, Effort{}, effort("plain"))
	require.Equal(t, Effort{Timeout: 26 * time.Hour, Retries: 2, Backoff: time.Second,
		Resources: []Resource{{Name: "cpu", Amount: 2}, {Name: "gpu"}, {Name: "licence", Amount: 1}, {Name: "memory", Amount: 4 << 30}}}, effort("short"))
	require.Equal(t, Effort{Timeout: 90 * time.Second, Retries: 3, Backoff: 10 * time.Second,
		Resources: []Resource{{Name: "memory", Amount: 512e6}}}, effort("long"))
}

func TestParse_effortMistakes(t *testing.T) {
	for text, says := range map[string]string{
		"timeout: 5":                       `timeout must be a time, not "5"`,
		"timeout: -5s":                     `timeout must be a time, not "-5s"`,
		"timeout: soon":                    `timeout must be a time`,
		"timeout: 1dx":                     `timeout must be a time`,
		"timeout: [1s]":                    `timeout must be a text`,
		"retries: -1":                      "retries must be a whole number",
		"retries: many":                    "retries must be a whole number",
		"retries: 1.5":                     "retries must be a whole number",
		"retries: {wait: 5s}":              "retries has no times",
		"retries: {times: 1, wiat: 5s}":    `retries has an unknown key "wiat"`,
		"resources: [cpu]":                 "resources must be a mapping",
		"resources: {cpu: 1.5}":            `"1.5" is no amount of cpu`,
		"resources: {cpu: -1}":             `"-1" is no amount of cpu`,
		"resources: {cpu: 4GiB}":           `"4GiB" is no amount of cpu`,
		"resources: {memory: 4 gigs}":      `"4 gigs" is no amount of memory`,
		"resources: {memory: 9999999TiB}":  `"9999999TiB" is no amount of memory`,
		"resources: {'a b': 1}":            `the resource "a b" has the character ' '`,
		"resources: {licence: {total: 1}}": "the amount of licence must be a text",
	} {
		_, err := Parse("pipeline.yaml", []byte("stages:\n  a: {cmd: x, "+text+"}\n"), nil)
		require.ErrorContains(t, err, says, text)
		require.NotZero(t, diag.All(err)[0].Pos.Col, text)
	}
}
