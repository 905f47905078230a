package process

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// environment returns what the command gets: of each key the last value, and PWD
// as the folder it runs in.
func (s *Spec) environment() []string {
	env := s.Env
	if env == nil {
		env = os.Environ()
	}
	if s.Dir != "" && runtime.GOOS != "windows" {
		if dir, err := filepath.Abs(s.Dir); err == nil {
			env = append(slices.Clip(env), "PWD="+dir)
		}
	}
	last := make(map[string]int, len(env))
	for i, entry := range env {
		last[envKey(entry)] = i
	}
	kept := make([]string, 0, len(last))
	for i, entry := range env {
		if last[envKey(entry)] == i {
			kept = append(kept, entry)
		}
	}
	return kept
}

// envKey returns the key of KEY=value. Windows has hidden keys that begin with
// "=", and doesn't tell case apart.
func envKey(entry string) string {
	key := entry
	if at := strings.IndexByte(entry[min(1, len(entry)):], '='); at >= 0 {
		key = entry[:at+1]
	}
	if runtime.GOOS == "windows" {
		return strings.ToUpper(key)
	}
	return key
}

// check finds what the system would refuse without saying why.
func (s *Spec) check() error {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return &StartError{Program: "command", Err: errors.New("it has no program")}
	}
	program := s.Argv[0]
	if !hooked.Load() {
		return &StartError{Program: program, Err: errors.New("this program's main doesn't call process.Main")}
	}
	for _, word := range slices.Concat(s.Argv, s.Env, []string{s.Dir}) {
		if strings.ContainsRune(word, 0) {
			return &StartError{Program: program, Err: errors.New("a word or environment value holds a NUL byte")}
		}
	}
	if s.Dir == "" {
		return nil
	}
	info, err := os.Stat(s.Dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return &StartError{Program: program, Dir: s.Dir, Err: err}
	}
	return nil
}
