package bucket

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// flaky is a web server that does something else with the first requests.
func flaky(t *testing.T, content []byte, bad func(n int64, w http.ResponseWriter, r *http.Request) bool) (Bucket, *atomic.Int64) {
	var count atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if bad(count.Add(1), w, r) {
			return
		}
		http.ServeContent(w, r, "x", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(server.Close)
	b, err := Open(Spec{Name: "test", URL: server.URL, Pace: Pace{Tries: 4, Wait: time.Millisecond, Idle: 200 * time.Millisecond}})
	require.NoError(t, err)
	return b, &count
}

// reset ends a connection with a reset, as a network that breaks does.
func reset(t *testing.T, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
	conn.Close()
}

func all(t *testing.T, b Bucket) ([]byte, error) {
	body, err := b.Get(t.Context(), "x", 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func TestPatient_whatPassesIsTriedAgain(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:len(content)/2])
		http.NewResponseController(w).Flush()
	}
	for name, bad := range map[string]func(w http.ResponseWriter, r *http.Request){
		"a reset":                func(w http.ResponseWriter, _ *http.Request) { reset(t, w) },
		"a busy server":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"no answer":              func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a reset in the middle":  func(w http.ResponseWriter, _ *http.Request) { half(w); reset(t, w) },
		"a stall in the middle":  func(w http.ResponseWriter, r *http.Request) { half(w); <-r.Context().Done() },
		"an end in the middle":   func(w http.ResponseWriter, _ *http.Request) { half(w) },
		"too many requests":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"a server that breaks":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a gateway without home": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			b, count := flaky(t, content, func(n int64, w http.ResponseWriter, r *http.Request) bool {
				if n > 2 {
					return false
				}
				bad(w, r)
				return true
			})
			got, err := all(t, b)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, got))
			require.EqualValues(t, 3, count.Load())
		})
	}
}

func TestPatient_goesOnWhereItWas(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	var from []string
	b, _ := flaky(t, content, func(n int64, w http.ResponseWriter, r *http.Request) bool {
		from = append(from, r.Header.Get("Range"))
		if n > 1 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:len(content)/2])
		http.NewResponseController(w).Flush()
		return true
	})
	got, err := all(t, b)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	require.Equal(t, []string{"", fmt.Sprintf("bytes=%d-", len(content)/2)}, from)
}

func TestPatient_whatLastsIsTold(t *testing.T) {
	for status, want := range map[int]string{http.StatusForbidden: "403 Forbidden", http.StatusBadRequest: "400 Bad Request", http.StatusNotFound: "file does not exist"} {
		b, count := flaky(t, nil, func(_ int64, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			return true
		})
		_, err := all(t, b)
		require.ErrorContains(t, err, want)
		require.EqualValues(t, 1, count.Load(), "to try again is of no use")
	}
	b, count := flaky(t, nil, func(_ int64, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	_, err := all(t, b)
	require.ErrorContains(t, err, "remote test: get x: the server answers 503 Service Unavailable (tried 4 times)")
	require.EqualValues(t, 4, count.Load())
	_, err = Open(Spec{Name: "test", URL: "http://127.0.0.1:1", Pace: Pace{Tries: 2, Wait: time.Millisecond, Idle: time.Second}})
	require.NoError(t, err, "no connection is made yet")
	require.False(t, strings.Contains(fmt.Sprint(err), "refused"))
}
