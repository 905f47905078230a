package remote

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/bucket"
	"flow/pkg/store"
	"flow/pkg/store/storetest"
)

// quick is how patient tests are.
var quick = bucket.Pace{Tries: 4, Wait: time.Millisecond, Idle: 5 * time.Second}

func openRemote(t *testing.T, address string, settings map[string]string) *Remote {
	t.Helper()
	r, err := Open(bucket.Spec{Name: "test", URL: address, Dir: t.TempDir(), Settings: settings, Pace: quick})
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

func TestRemote_folder(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.Store { return openRemote(t, t.TempDir()+"/not/yet", nil) })
}
