package dvc

import (
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/disk"
)

// FuzzParseManifest: whatever a list of files says, no path of what is read leads out of
// the directory, and what DVC would write for it is read as the same.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`[{"md5": "5d41402abc4b2a76b9719d911017c592", "relpath": "a/\u00fc.txt"}]`))
	f.Add([]byte(`[{"md5": "x", "relpath": "../x"}]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := parseManifest("x", text)
		if err != nil {
			return
		}
		for _, file := range files {
			require.NoError(t, disk.CheckName(file.Path))
			require.Len(t, file.MD5, 32)
		}
		again, err := parseManifest("x", Manifest(files))
		require.NoError(t, err)
		require.Equal(t, files, again)
	})
}

// FuzzConfig: no config brings the reader down, and every setting has its line.
func FuzzConfig(f *testing.F) {
	f.Add("[core]\nremote = x\n['remote \"x\"']\nurl = 'a # b' # c\n")
	f.Add("[\n=\n[[a]]\n'")
	f.Add("['remote \"x\"']\n = a\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := &Config{}
		_ = c.read(Shared, "config", []byte(text))
		for _, setting := range c.Settings {
			require.Positive(t, setting.Pos.Line)
			require.NotEmpty(t, setting.Key)
		}
	})
}
