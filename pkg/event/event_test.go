package event

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReason_String(t *testing.T) {
	for want, reason := range map[string]Reason{
		"never run":                         {Kind: NeverRun},
		"param train.lr 0.1 → 0.2":          {Kind: ParamChanged, Subject: "train.lr", Was: "0.1", Is: "0.2"},
		"new param lr = 0.1":                {Kind: ParamAdded, Subject: "lr", Is: "0.1"},
		"dep data changed (3 of 120 files)": {Kind: DepChanged, Subject: "data", Was: "a", Is: "b", Detail: "3 of 120 files"},
		"dep raw is missing":                {Kind: DepMissing, Subject: "raw"},
		"dep removed: raw":                  {Kind: DepRemoved, Subject: "raw"},
		"out model is not in the cache":     {Kind: NotCached, Subject: "model"},
		"cmd changed a → b":                 {Kind: CmdChanged, Was: "a", Is: "b"},
		"prepare will run":                  {Kind: Upstream, Subject: "prepare", Detail: "will run"},
		`env SEED unset → "1"`:              {Kind: EnvChanged, Subject: "SEED", Was: "unset", Is: `"1"`},
		"data raw changed (a → b)":          {Kind: SourceChanged, Subject: "raw", Was: "a", Is: "b"},
		"out model changed":                 {Kind: OutChanged, Subject: "model"},
	} {
		require.Equal(t, want, reason.String())
	}
}

func TestTee_handsOnInOrder(t *testing.T) {
	var one, two Log
	sink := Tee(&one, Discard, &two)
	sink.Emit(StageStarted{Stage: "a"})
	sink.Emit(StageFinished{Stage: "a"})
	require.Len(t, one, 2)
	require.Equal(t, one, two)
}
