package engine

import (
	"sync"

	"flow/pkg/disk"
)

// spares are the folders of attempts that have ended, without outs or a log, for those to
// come. To make and remove a folder and a file for each stage costs a file system
// more than to rename them. The zero value is ready, and safe for use by several goroutines.
type spares struct {
	mu    sync.Mutex
	names []string
}

// take moves an attempt's folder away, in one step; false when that can't be, and it is to
// be removed.
func (s *spares) take(root *disk.Root, dir, state string) bool {
	name := root.TempName(state + "/tmp")
	if root.Rename(dir, name) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
	return true
}

// become gives a folder an intent and has it become an attempt's, in one step; false when
// there is none, or it can't.
func (s *spares) become(root *disk.Root, dir string, intent []byte) bool {
	s.mu.Lock()
	if len(s.names) == 0 {
		s.mu.Unlock()
		return false
	}
	name := s.names[len(s.names)-1]
	s.names = s.names[:len(s.names)-1]
	s.mu.Unlock()
	if root.Overwrite(name+"/intent", intent) == nil && root.Rename(name, dir) == nil {
		return true
	}
	_ = root.RemoveAll(name)
	return false
}

// drop removes what nobody took.
func (s *spares) drop(root *disk.Root) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.names {
		_ = root.RemoveAll(name) // a sweep removes what stays
	}
	s.names = nil
}
