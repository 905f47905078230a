package bucket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// bare makes a machine without any of Amazon's settings, and returns its home.
func bare(t *testing.T) string {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	require.NoError(t, os.Mkdir(filepath.Join(home, ".aws"), 0o755))
	return home
}

func write(t *testing.T, path, text string) {
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestKeyring_looksWhereAmazonsToolsDo(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("it runs a program by sh")
	}
	home := bare(t)
	get := func(settings map[string]string) (keys, error) {
		return (&keyring{settings: settings, client: newClient()}).get(t.Context())
	}
	_, err := get(nil)
	require.ErrorContains(t, err, "there are no credentials for S3")
	found, err := get(map[string]string{"anonymous": "true"})
	require.NoError(t, err)
	require.Empty(t, found.ID)

	write(t, filepath.Join(home, ".aws", "config"), `[default]
region = eu-west-1
[profile tool]
region=eu-north-1
credential_process = echo '{"Version": 1, "AccessKeyId": "TOOL", "SecretAccessKey": "s3", "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z"}'
[profile broken]
credential_process = echo nonsense
[profile signon]
sso_session = work
`)
	write(t, filepath.Join(home, ".aws", "credentials"), "# mine\n[default]\naws_access_key_id = FILE\naws_secret_access_key = a=b\n")
	found, err = get(nil)
	require.NoError(t, err)
	require.Equal(t, keys{ID: "FILE", Secret: "a=b"}, found)
	require.Equal(t, "eu-west-1", (&keyring{}).region())

	found, err = get(map[string]string{"profile": "tool"})
	require.NoError(t, err)
	require.Equal(t, "TOOL", found.ID)
	require.Equal(t, "t", found.Token)
	require.Equal(t, 2099, found.Expires.Year())
	_, err = get(map[string]string{"profile": "broken"})
	require.ErrorContains(t, err, "gave none")

	t.Setenv("AWS_ACCESS_KEY_ID", "ENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "e")
	found, err = get(nil)
	require.NoError(t, err)
	require.Equal(t, "ENV", found.ID)
	found, err = get(map[string]string{"access_key_id": "SET", "secret_access_key": "s"})
	require.NoError(t, err)
	require.Equal(t, "SET", found.ID)

	t.Setenv("PATH", t.TempDir())
	_, err = get(map[string]string{"profile": "signon"})
	require.ErrorContains(t, err, "needs the program aws")
}

func TestKeyring_asksTheContainersService(t *testing.T) {
	bare(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "let me in" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.WriteString(w, `{"AccessKeyId": "BOX", "SecretAccessKey": "b", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}`)
	}))
	defer server.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL+"/keys")
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in")
	found, err := (&keyring{client: newClient()}).get(t.Context())
	require.NoError(t, err)
	require.Equal(t, "BOX", found.ID)
	require.Equal(t, "t", found.Token)
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong")
	_, err = (&keyring{client: newClient()}).get(t.Context())
	require.ErrorContains(t, err, "403")
	require.NotContains(t, err.Error(), "wrong")
}

func TestRedacted_holdsNoSecret(t *testing.T) {
	for given, want := range map[string]string{
		"https://me:hush@host/x?sig=hush#hush": "https://me@host/x",
		"s3://bucket/folder":                   "s3://bucket/folder",
		"../storage":                           "../storage",
		"quux://me:hush@host/x?sig=hush":       "quux://host/x",
		"rclone:drive:folder":                  "rclone:drive:folder",
	} {
		require.Equal(t, want, Redacted(given))
	}
}
