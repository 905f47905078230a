//go:build unix

package process

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPump_deliversWhatIsInThePipeAtTheEnd(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer write.Close() // as a daemon would keep it
	_, err = write.WriteString(strings.Repeat("line\n", 10_000) + "last")
	require.NoError(t, err)
	require.NoError(t, read.SetReadDeadline(time.Unix(1, 0))) // before anything was read
	var got []string
	stdout, _ := newLines(func(_ bool, line string) { got = append(got, line) }, false)
	startPump(read, stdout).finish()
	require.Len(t, got, 10_001)
	require.Equal(t, "last", got[10_000])
}
