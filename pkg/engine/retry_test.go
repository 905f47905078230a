package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		first time.Duration
		want  []time.Duration
	}{
		{time.Second, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{4 * time.Minute, []time.Duration{4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute}},
		{time.Hour, []time.Duration{time.Hour, time.Hour}},
	} {
		for try, want := range test.want {
			require.Equal(t, want, backoff(test.first, try))
		}
	}
	require.Equal(t, longestBackoff, backoff(time.Second, 1000))
}

func TestBriefly(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"2h": 2 * time.Hour, "1h30m": 90 * time.Minute, "90ms": 90 * time.Millisecond, "1m30s": 90 * time.Second, "20s": 20 * time.Second, "10m": 10 * time.Minute,
	} {
		require.Equal(t, want, briefly(d))
	}
}
