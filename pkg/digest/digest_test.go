package digest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ofNothing is BLAKE3 of no bytes, from the hash's own test vectors.
const ofNothing = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"

func TestSum_isBLAKE3(t *testing.T) {
	require.Equal(t, ofNothing, Sum(nil).String())
	hasher := New()
	hasher.Write([]byte("some"))
	hasher.Reset()
	require.Equal(t, ofNothing, hasher.Sum().String())

	name := filepath.Join(t.TempDir(), "f")
	content := strings.Repeat("0123456789", 100_000)
	require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	id, size, err := SumFile(name)
	require.NoError(t, err)
	require.Equal(t, Sum([]byte(content)), id)
	require.EqualValues(t, len(content), size)
}

// TestParse_isAGate: a digest becomes a file's name, so nothing else passes.
func TestParse_isAGate(t *testing.T) {
	id, err := Parse(ofNothing)
	require.NoError(t, err)
	require.Equal(t, Sum(nil), id)
	for _, text := range []string{
		"", "blake3:", ofNothing[7:], "md5:" + ofNothing[7:], strings.ToUpper(ofNothing), ofNothing + "0", ofNothing[:70],
		"blake3:../../../../etc/passwd", "blake3:" + strings.Repeat("g", 64), " " + ofNothing, ofNothing + "\n",
	} {
		_, err := Parse(text)
		require.Error(t, err, "%q", text)
	}
}

func TestID_text(t *testing.T) {
	for _, id := range []ID{{}, Sum(nil)} {
		text, err := json.Marshal(id)
		require.NoError(t, err)
		var read ID
		require.NoError(t, json.Unmarshal(text, &read))
		require.Equal(t, id, read)
	}
	require.Equal(t, "-", ID{}.Short())
	require.Equal(t, "af1349b9", Sum(nil).Short())
}

func TestContent_same(t *testing.T) {
	file := Content{ID: Sum(nil), Mode: File, Size: 0}
	exec := file
	exec.Mode = Exec
	require.True(t, file.Same(file))
	require.False(t, file.Same(exec), "an executable file is not the same as a plain one")
	require.False(t, file.Same(Content{}))
	require.False(t, Content{}.Exists())
	for _, mode := range []Mode{None, File, Exec, Link, Dir} {
		read, err := ParseMode(mode.String())
		require.NoError(t, err)
		require.Equal(t, mode, read)
	}
}
