package disk

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var errInjected = errors.New("injected")

// faults runs do once for every call that can fail, on a new folder that prepare
// filled, and lets check look at what is left.
func faults(t *testing.T, prepare, do func(root *Root) error, check func(t *testing.T, root *Root, err error)) {
	for n := 0; ; n++ {
		whole := open(t)
		require.NoError(t, prepare(whole))
		faulty := NewFaulty(OS(whole), n, errInjected)
		err := do(NewRoot(faulty, whole.Dir()))
		if n > faulty.Calls() {
			require.NoError(t, err)
			require.Greater(t, n, 1, "nothing was tried")
			return
		}
		if n > 0 && err != nil {
			require.ErrorIs(t, err, errInjected)
			require.Contains(t, err.Error(), whole.Dir(), "the error names the path")
			require.Equal(t, 1, strings.Count(err.Error(), errInjected.Error()))
		}
		t.Run(fmt.Sprint("call ", n), func(t *testing.T) { check(t, whole, err) })
	}
}

func TestReplace_anyCallFails(t *testing.T) {
	faults(t,
		func(root *Root) error {
			return errors.Join(root.MkdirAll("d", 0o755), root.Replace("d/a", []byte("old"), 0o644))
		},
		func(root *Root) error { return root.Replace("d/a", []byte("the new one"), 0o644) },
		func(t *testing.T, root *Root, err error) {
			content, reading := root.Read("d/a")
			require.NoError(t, reading)
			if err == nil {
				require.Equal(t, "the new one", string(content))
			}
			require.Contains(t, []string{"old", "the new one"}, string(content))
			require.Equal(t, "a", listing(t, root, "d"), "no temp is left")
		})
}

func TestAppend_anyCallFails(t *testing.T) {
	faults(t,
		func(root *Root) error { return root.Append("a", []byte("one\n"), 0o644) },
		func(root *Root) error { return root.Append("a", []byte("two\n"), 0o644) },
		func(t *testing.T, root *Root, err error) {
			content, reading := root.Read("a")
			require.NoError(t, reading)
			require.True(t, strings.HasPrefix(string(content), "one\n"))
			require.True(t, strings.HasPrefix("one\ntwo\n", string(content)))
			if err == nil {
				require.Equal(t, "one\ntwo\n", string(content))
			}
		})
}

func TestRemoveAll_anyCallFails(t *testing.T) {
	faults(t,
		func(root *Root) error {
			return errors.Join(root.MkdirAll("a/b/c", 0o755), root.Append("a/b/f", nil, 0o644), root.Append("kept", nil, 0o644))
		},
		func(root *Root) error { return root.RemoveAll("a") },
		func(t *testing.T, root *Root, err error) {
			require.True(t, root.Exists("kept"))
			require.Equal(t, err == nil, !root.Exists("a"))
			require.NoError(t, root.RemoveAll("a"), "trying again works")
		})
}

func TestBarrier_anyCallFails(t *testing.T) {
	var files []string
	for i := range few + 1 {
		files = append(files, fmt.Sprint("f", i))
	}
	fill := func(root *Root) error {
		for _, name := range files {
			if err := root.Append(name, nil, 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	for _, n := range []int{2, len(files)} {
		faults(t, fill,
			func(root *Root) error { return root.Barrier(files[:n], []string{"."}) },
			func(t *testing.T, root *Root, err error) {})
	}
}

func TestLock_anyCallFails(t *testing.T) {
	faults(t,
		func(root *Root) error { return root.Append("lock", nil, 0o644) },
		func(root *Root) error {
			lock, err := root.TryLock("lock", Exclusive, "me")
			if err != nil {
				return err
			}
			return lock.Unlock()
		},
		func(t *testing.T, root *Root, err error) {})
}
