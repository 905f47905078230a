package diag

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestError_isOneLineBehindItsPlace(t *testing.T) {
	require.Equal(t, "p.yaml:3:5: no", At(Pos{"p.yaml", 3, 5}, "no").Error())
	require.Equal(t, "p.yaml:3: no", At(Pos{"p.yaml", 3, 0}, "no").Error())
	require.Equal(t, "p.yaml: no", At(Pos{"p.yaml", 0, 0}, "no").Error())
	require.Equal(t, "no", At(Pos{}, "no").Error())
}

func TestList_isSortedByPlaceAndKeepsCauses(t *testing.T) {
	var list List
	require.NoError(t, list.Err())
	late, early := At(Pos{"b", 2, 1}, "late"), At(Pos{"b", 1, 9}, "early")
	early.Err = fs.ErrNotExist
	list.Add(late)
	list.Add(nil)
	list.AddErr(fmt.Errorf("wrapped: %w", List{early}))
	list.AddErr(errors.New("plain"))
	err := list.Err()
	require.Equal(t, "plain\nb:1:9: early\nb:2:1: late", err.Error())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Len(t, All(err), 3)
}

func TestNearest(t *testing.T) {
	words := []string{"deps", "desc", "outs", "metrics", "always_changed"}
	for word, want := range map[string]string{
		"depz": "deps", "dpes": "deps", "output": "outs", "metric": "metrics", "Metrics": "metrics",
		"always-changed": "always_changed", "banana": "", "": "",
	} {
		require.Equal(t, want, Nearest(word, words), word)
	}
}
