package process

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOOMKills(t *testing.T) {
	require.Equal(t, 12, oomKills([]byte("drop_slab 0\noom_kill 12\nnuma_pte_updates 7\n")))
	require.Equal(t, -1, oomKills([]byte("drop_slab 0\noom_killer 12\n")))
	require.GreaterOrEqual(t, OOMKills(), -1)
}
