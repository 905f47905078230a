// Package bucket_test runs the kinds of bucket against real servers.
package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/bucket"
	"flow/pkg/digest"
	"flow/pkg/remote"
	"flow/pkg/store"
	"flow/pkg/store/storetest"
)

// place is a bucket with the store in it.
type place struct {
	*remote.Remote
	bucket bucket.Bucket
}

// quick is how patient tests are.
var quick = bucket.Pace{Tries: 4, Wait: time.Millisecond, Idle: 20 * time.Second}

func openPlace(t *testing.T, address string, settings map[string]string) place {
	t.Helper()
	b, err := bucket.Open(bucket.Spec{Name: "test", URL: address, Dir: t.TempDir(), Settings: settings, Pace: quick})
	require.NoError(t, err)
	t.Cleanup(func() { bucket.Close(b) })
	return place{remote.New("test", b), b}
}

// program returns the path of a program that a test needs, or skips it, saying what to
// install, unless FLOW_TEST_ALL is set.
func program(t *testing.T, name, install string, more ...string) string {
	t.Helper()
	for _, candidate := range append(more, name) {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if os.Getenv("FLOW_TEST_ALL") != "" {
		t.Fatalf("%s is missing: %s", name, install)
	}
	t.Skipf("%s is missing: %s", name, install)
	return ""
}

// freePort returns a port that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

// serve starts a server, waits until it answers at a port, and ends it with the test.
func serve(t *testing.T, port string, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		log.Close()
	})
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, text)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not listen: %s", cmd.Path, text)
		}
	}
}

// suite runs what every store must do on a place that a server keeps: each part in a
// folder of its own.
func suite(t *testing.T, address string, settings map[string]string) {
	var folder atomic.Int64
	storetest.Test(t, func(t *testing.T) store.Store {
		return openPlace(t, fmt.Sprintf("%s/part%d", address, folder.Add(1)), settings)
	})
	t.Run("parts of blobs", func(t *testing.T) { ranges(t, openPlace(t, address+"/ranges", settings)) })
	t.Run("holds", func(t *testing.T) {
		holds(t, openPlace(t, address+"/holds", settings), openPlace(t, address+"/holds", settings))
	})
}

// holds checks that who collects waits for who pushes, and that a listing tells times.
func holds(t *testing.T, pushes, collects place) {
	pushing, err := pushes.Pushing(t.Context(), nil)
	require.NoError(t, err)
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	_, err = collects.Collecting(ctx, func(told string) {
		require.Contains(t, told, "somebody pushes (")
		stop(enough)
	})
	require.ErrorIs(t, err, enough)
	require.NoError(t, pushing.Release(t.Context()))
	collecting, err := collects.Collecting(t.Context(), func(told string) { t.Error(told) })
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), collecting.Now(), time.Hour)
	require.False(t, collecting.Lost())
	require.NoError(t, collecting.Release(t.Context()))
	left := 0
	require.NoError(t, collects.bucket.List(t.Context(), "holds", func(bucket.Blob) error {
		left++
		return nil
	}))
	require.Zero(t, left)
}

// ranges reads parts of a blob.
func ranges(t *testing.T, r place) {
	content := storetest.Contents()[8]
	require.NoError(t, r.bucket.Put(t.Context(), "packs/x", strings.NewReader(string(content)), int64(len(content))))
	for _, part := range [][2]int64{{0, 1}, {0, -1}, {5, 100}, {1 << 20, 7}, {1 << 20, -1}, {int64(len(content)), 0}, {17, 0}} {
		body, err := r.bucket.Get(t.Context(), "packs/x", part[0], part[1])
		require.NoError(t, err, part)
		got, err := io.ReadAll(body)
		require.NoError(t, err, part)
		require.NoError(t, body.Close())
		want := content[part[0]:]
		if part[1] >= 0 {
			want = want[:part[1]]
		}
		require.Equal(t, len(want), len(got), part)
		require.Equal(t, want, got, part)
	}
	size, err := r.bucket.Stat(t.Context(), "packs/x")
	require.NoError(t, err)
	require.EqualValues(t, len(content), size)
	body, err := r.bucket.Get(t.Context(), "packs/x", 1<<20, 100)
	if err == nil {
		_, err = io.ReadAll(body)
	}
	require.Error(t, err, "bytes that aren't there are no end")
}

func TestBucket_s3(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	moto := program(t, "moto_server", "pip install 'moto[s3,server]'", os.Getenv("FLOW_MOTO_SERVER"))
	port := freePort(t)
	serve(t, port, exec.Command(moto, "-H", "127.0.0.1", "-p", port))
	s3(t, "http://127.0.0.1:"+port)
}

// This server checks signatures, which the other one doesn't; to build it takes minutes,
// so it is used where it is there.
func TestBucket_s3Versity(t *testing.T) {
	versity := os.Getenv("FLOW_VERSITYGW")
	if versity == "" || testing.Short() {
		t.Skip("FLOW_VERSITYGW doesn't name the program: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	}
	port := freePort(t)
	serve(t, port, exec.Command(versity, "--port", "127.0.0.1:"+port, "--access", "AKAKAKAK", "--secret", "SKSKSKSK", "posix", t.TempDir()))
	s3(t, "http://127.0.0.1:"+port)
	t.Run("wrong secret", func(t *testing.T) {
		err := openPlace(t, "s3://flow-test/x", map[string]string{"endpoint": "http://127.0.0.1:" + port, "access_key_id": "AKAKAKAK", "secret_access_key": "wrong-one"}).List(t.Context(), nil)
		require.ErrorContains(t, err, "SignatureDoesNotMatch")
		require.NotContains(t, err.Error(), "wrong-one")
	})
}

func s3(t *testing.T, endpoint string) {
	settings := map[string]string{"endpoint": endpoint, "access_key_id": "AKAKAKAK", "secret_access_key": "SKSKSKSK"}
	require.NoError(t, bucket.MakeBucket(t.Context(), bucket.Spec{Name: "test", URL: "s3://flow-test/x", Settings: settings}))
	suite(t, "s3://flow-test", settings)
	t.Run("large", func(t *testing.T) { large(t, openPlace(t, "s3://flow-test/large", settings)) })
	t.Run("unfinished uploads", func(t *testing.T) {
		spec := bucket.Spec{Name: "test", URL: "s3://flow-test/unfinished", Settings: settings}
		ours, theirs := "objects/ab/"+strings.Repeat("0", 62), "theirs/video.mp4"
		left, err := bucket.LeaveUploads(t.Context(), spec, []string{ours, theirs}, 100*365*24*time.Hour)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{ours, theirs}, left, "they may be under way")
		left, err = bucket.LeaveUploads(t.Context(), spec, nil, 0)
		require.NoError(t, err)
		require.Equal(t, []string{theirs}, left)
	})
	t.Run("no bucket", func(t *testing.T) {
		r := openPlace(t, "s3://nobody", settings)
		err := r.List(t.Context(), nil)
		require.ErrorContains(t, err, "NoSuchBucket")
		require.ErrorAs(t, err, new(*bucket.Error))
	})
}

// large stores what goes in parts.
func large(t *testing.T, r place) {
	content := make([]byte, 70<<20)
	for i := range content {
		content[i] = byte(i >> 10 * i)
	}
	id := storetest.Put(t, r, content)
	require.Equal(t, len(content), len(storetest.Get(t, r, id)))
}

// sshServer starts OpenSSH's server with keys of its own, and returns its address, the
// settings to reach it and a folder of it.
func sshServer(t *testing.T) (string, map[string]string) {
	t.Helper()
	daemon := program(t, "sshd", "apt install openssh-server", "/usr/sbin/sshd", "/usr/lib/ssh/sshd")
	keygen := program(t, "ssh-keygen", "apt install openssh-client")
	program(t, "ssh", "apt install openssh-client")
	dir := t.TempDir()
	for _, name := range []string{"host", "user", "other"} {
		out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	port := freePort(t)
	public, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	require.NoError(t, err)
	allowed, err := os.ReadFile(filepath.Join(dir, "user.pub"))
	require.NoError(t, err)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	known := write("known_hosts", fmt.Sprintf("[127.0.0.1]:%s %s", port, public))
	config := write("sshd_config", fmt.Sprintf(`ListenAddress 127.0.0.1:%s
HostKey %s
AuthorizedKeysFile %s
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
`, port, filepath.Join(dir, "host"), write("authorized", string(allowed))))
	client := write("ssh_config", fmt.Sprintf("Host *\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  BatchMode yes\n",
		filepath.Join(dir, "user"), known))
	if os.Geteuid() == 0 {
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	}
	serve(t, port, exec.Command(daemon, "-D", "-e", "-f", config))
	return "sftp://127.0.0.1:" + port, map[string]string{"ssh_command": "ssh -F " + client}
}

func TestBucket_sftp(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	address, settings := sshServer(t)
	suite(t, address+t.TempDir(), settings)
	t.Run("strange host key", func(t *testing.T) {
		strange := map[string]string{"ssh_command": settings["ssh_command"] + " -oUserKnownHostsFile=none"}
		_, err := openPlace(t, address+"/x", strange).Has(t.Context(), digest.Sum(nil))
		require.ErrorContains(t, err, "Host key verification failed")
	})
	t.Run("no key", func(t *testing.T) {
		strange := map[string]string{"ssh_command": settings["ssh_command"] + " -oPubkeyAuthentication=no"}
		_, err := openPlace(t, address+"/x", strange).Has(t.Context(), digest.Sum(nil))
		require.ErrorContains(t, err, "Permission denied")
	})
	t.Run("a host that is an option", func(t *testing.T) {
		_, err := bucket.Open(bucket.Spec{Name: "test", URL: "sftp://-oProxyCommand=x/folder"})
		require.ErrorContains(t, err, "is no host")
	})
}

func TestBucket_webdavAndHTTP(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts servers")
	}
	rclone := program(t, "rclone", "apt install rclone")
	folder := t.TempDir()
	port := freePort(t)
	server := exec.Command(rclone, "serve", "webdav", folder, "--addr", "127.0.0.1:"+port, "--user", "me", "--pass", "secret", "--config", os.DevNull)
	serve(t, port, server)
	settings := map[string]string{"user": "me", "password": "secret"}
	address := "webdav://127.0.0.1:" + port + "/deep/er"
	t.Run("what an interrupted put left", func(t *testing.T) {
		r := openPlace(t, address+"/left", settings)
		temps := filepath.Join(folder, "deep/er/left/packs")
		require.NoError(t, os.MkdirAll(temps, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(temps, "x"), nil, 0o644))
		for name, age := range map[string]time.Duration{".flow-tmp-0000000000000001": 48 * time.Hour, ".flow-tmp-0000000000000002": time.Hour} {
			require.NoError(t, os.WriteFile(filepath.Join(temps, name), nil, 0o644))
			require.NoError(t, os.Chtimes(filepath.Join(temps, name), time.Time{}, time.Now().Add(-age)))
		}
		var names []string
		require.NoError(t, r.bucket.List(t.Context(), "", func(blob bucket.Blob) error {
			names = append(names, blob.Name)
			return nil
		}))
		require.Equal(t, []string{"packs/x"}, names)
		require.NoFileExists(t, filepath.Join(temps, ".flow-tmp-0000000000000001"))
		require.FileExists(t, filepath.Join(temps, ".flow-tmp-0000000000000002"))
	})
	suite(t, address, settings)
	t.Run("wrong password", func(t *testing.T) {
		err := openPlace(t, address, map[string]string{"user": "me", "password": "wrong"}).List(t.Context(), nil)
		require.ErrorContains(t, err, "401")
		require.NotContains(t, err.Error(), "wrong")
		var told *bucket.Error
		require.ErrorAs(t, err, &told)
		require.Contains(t, told.Hint, "flow remote modify --local test password")
	})

	readPort := freePort(t)
	serve(t, readPort, exec.Command(rclone, "serve", "http", folder, "--addr", "127.0.0.1:"+readPort, "--config", os.DevNull))
	write := openPlace(t, address+"/http", settings)
	t.Run("http, rclone's pages", func(t *testing.T) {
		readOnly(t, write, openPlace(t, "http://127.0.0.1:"+readPort+"/deep/er/http", nil))
	})
	python := program(t, "python3", "apt install python3")
	pythonPort := freePort(t)
	serve(t, pythonPort, exec.Command(python, "-m", "http.server", "--bind", "127.0.0.1", "--directory", folder, pythonPort))
	t.Run("http, python's pages", func(t *testing.T) {
		readOnly(t, write, openPlace(t, "http://127.0.0.1:"+pythonPort+"/deep/er/http", nil))
	})
}

// readOnly checks that what was written by one way can be read by another.
func readOnly(t *testing.T, write, read place) {
	var ids []digest.ID
	for _, content := range storetest.Contents() {
		ids = append(ids, storetest.Put(t, write, content))
	}
	for i, content := range storetest.Contents() {
		has, err := read.Has(t.Context(), ids[i])
		require.NoError(t, err)
		require.True(t, has)
		require.Equal(t, len(content), len(storetest.Get(t, read, ids[i])))
	}
	require.Len(t, storetest.All(t, read), len(ids))
	missing, err := read.Missing(t.Context(), append(ids, digest.Sum([]byte("nowhere"))))
	require.NoError(t, err)
	require.Equal(t, []digest.ID{digest.Sum([]byte("nowhere"))}, missing)
	require.ErrorIs(t, read.Put(t.Context(), digest.Sum(nil), strings.NewReader("")), bucket.ErrReadOnly)
	require.ErrorIs(t, read.Delete(t.Context(), ids[0]), bucket.ErrReadOnly)
}

func TestBucket_rclone(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs a program")
	}
	program(t, "rclone", "apt install rclone")
	config := filepath.Join(t.TempDir(), "rclone.conf")
	require.NoError(t, os.WriteFile(config, []byte("[here]\ntype = local\n\n[mem]\ntype = memory\n"), 0o600))
	settings := map[string]string{"config": config}
	t.Run("local", func(t *testing.T) { suite(t, "rclone:here:"+t.TempDir(), settings) })
	t.Run("no such remote", func(t *testing.T) {
		_, err := openPlace(t, "rclone:nobody:x", settings).Has(t.Context(), digest.Sum(nil))
		require.ErrorContains(t, err, "didn't find section in config file")
	})
	t.Run("no rclone", func(t *testing.T) {
		_, err := openPlace(t, "rclone:here:x", map[string]string{"program": "/nowhere/rclone"}).Has(t.Context(), digest.Sum(nil))
		require.ErrorContains(t, err, "is not on PATH")
	})
}

func TestBucket_azure(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	azurite := program(t, "azurite-blob", "npm install azurite", os.Getenv("FLOW_AZURITE"))
	port := freePort(t)
	serve(t, port, exec.Command(azurite, "--blobHost", "127.0.0.1", "--blobPort", port, "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"))
	// The emulator's account and key are the same everywhere.
	settings := map[string]string{"endpoint": "http://127.0.0.1:" + port + "/devstoreaccount1", "account": "devstoreaccount1",
		"account_key": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="}
	nobody := openPlace(t, "azure://nobody/x", settings)
	require.ErrorContains(t, nobody.List(t.Context(), nil), "ContainerNotFound")
	require.NoError(t, bucket.MakeContainer(t.Context(), bucket.Spec{Name: "test", URL: "azure://flow-test/x", Settings: settings}))
	suite(t, "azure://flow-test", settings)
	t.Run("large", func(t *testing.T) { large(t, openPlace(t, "azure://flow-test/large", settings)) })
}
