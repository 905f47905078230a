package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostMiB is how large the release's binary may be. A package that calls methods by
// reflection doubles it, as the linker then keeps every method of the program.
const mostMiB = 16

func TestBinary_staysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the binary")
	}
	binary := filepath.Join(t.TempDir(), "flow")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	info, err := os.Stat(binary)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(mostMiB<<20))
}
