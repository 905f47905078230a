package transfer

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/bucket"
	"flow/pkg/cache"
	"flow/pkg/remote"
)

// A folder that was pushed to and is served by a web server is a remote to fetch from:
// with its packs and its remembered runs.
func TestFetch_servedFolder(t *testing.T) {
	w := newWorld(t, 200)
	outs := []cache.ResultOut{{Path: "data", Content: w.items[0].Content}}
	require.NoError(t, w.cache.Remember(t.Context(), cache.Action{Lines: []string{"cmd x", "out data"}}, cache.Result{Stage: "make", Outs: outs}))
	pushing, _ := w.transfer(w.cache, quick, never)
	_, err := pushing.Push(t.Context(), w.items)
	require.NoError(t, err)
	pushed, err := pushing.PushRuns(t.Context(), func(cache.Result) bool { return true })
	require.NoError(t, err)
	require.Equal(t, 1, pushed.Runs)
	pushed, err = pushing.PushRuns(t.Context(), func(cache.Result) bool { return true })
	require.NoError(t, err)
	require.Zero(t, pushed.Runs, "it is there already")

	requests := 0
	files := http.FileServer(http.Dir(w.folder))
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		requests++
		files.ServeHTTP(writer, request)
	}))
	defer server.Close()
	r, err := remote.Open(bucket.Spec{Name: "web", URL: server.URL, Settings: map[string]string{"jobs": "1"}})
	require.NoError(t, err)
	fetching := &Transfer{Cache: newCache(t), Remote: r}
	result, err := fetching.Fetch(t.Context(), w.items)
	require.NoError(t, err)
	require.Equal(t, len(w.whole), result.Objects)
	require.Less(t, requests, 20, "the number of requests goes with the bytes, not with the files")
	w.requireFetched(fetching.Cache)
	learnt, err := fetching.FetchRuns(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, 1, learnt.Runs)
	_, found, err := fetching.Cache.Recall(t.Context(), cache.Action{Lines: []string{"cmd x", "out data"}})
	require.NoError(t, err)
	require.True(t, found)
	_, err = fetching.Push(t.Context(), nil)
	require.NoError(t, err)
	result, err = fetching.Push(t.Context(), w.items)
	require.NoError(t, err, "nothing has to be written")
	require.Equal(t, len(w.whole), result.Present)
	_, err = (&Transfer{Cache: w.cache, Remote: r, Again: true}).Push(t.Context(), w.items)
	require.ErrorIs(t, err, bucket.ErrReadOnly)
}

// A blob of remembered runs that is damaged is refused, with its name.
func TestFetchRuns_damaged(t *testing.T) {
	w := newWorld(t, 3)
	outs := []cache.ResultOut{{Path: "alone", Content: w.items[1].Content}}
	require.NoError(t, w.cache.Remember(t.Context(), cache.Action{Lines: []string{"cmd x", "out alone"}}, cache.Result{Stage: "make", Outs: outs}))
	pushing, _ := w.transfer(w.cache, quick, never)
	_, err := pushing.PushRuns(t.Context(), func(cache.Result) bool { return true })
	require.NoError(t, err)
	names, err := filepath.Glob(filepath.Join(w.folder, "actions", "*"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	text, err := os.ReadFile(names[0])
	require.NoError(t, err)
	require.NoError(t, os.Chmod(names[0], 0o644))
	require.NoError(t, os.WriteFile(names[0], []byte(strings.Replace(string(text), "cmd x", "cmd y", 1)), 0o644))
	fetching, _ := w.transfer(newCache(t), quick, never)
	_, err = fetching.FetchRuns(t.Context(), false)
	require.ErrorContains(t, err, "the remembered runs of remote test is corrupt")
}
