package dvc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"flow/pkg/diag"
	"flow/pkg/disk"
)

// Level is which of DVC's config files a setting is in; a later one wins.
type Level string

// The levels, from the weakest to the strongest.
const (
	System Level = "system"
	Global Level = "global"
	Shared Level = "project"
	Local  Level = "local"
)

// Setting is one value of a config file.
type Setting struct {
	Level  Level
	Pos    diag.Pos
	Remote string // of a remote: its name
	Key    string // core.autostage, cache.dir; of a remote the key alone, as url
	Value  string
}

// Config is the settings of all levels, the weakest level first.
type Config struct{ Settings []Setting }

// Get returns the value that counts; "" when there is none. Of a remote's settings it
// knows nothing.
func (c *Config) Get(key string) string {
	value := ""
	for _, setting := range c.Settings {
		if setting.Remote == "" && setting.Key == key {
			value = setting.Value
		}
	}
	return value
}

// CacheDir returns the absolute path of the cache's folder.
func (c *Config) CacheDir(root *disk.Root) string {
	dir := c.Get("cache.dir")
	if dir == "" {
		return root.Path(State + "/cache")
	}
	if rest, found := strings.CutPrefix(dir, "~/"); found {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return filepath.Join(root.Path(State), filepath.FromSlash(dir))
}

func readConfig(root *disk.Root) (*Config, error) {
	c := &Config{}
	var problems diag.List
	for _, outside := range outsideConfigs() {
		text, err := os.ReadFile(outside.file)
		if err == nil {
			problems.AddErr(c.read(outside.level, outside.file, text))
		}
	}
	for _, level := range []Level{Shared, Local} {
		name := State + "/config"
		if level == Local {
			name += ".local"
		}
		text, err := root.Read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			problems.AddErr(fmt.Errorf("read %s: %w", name, err))
			continue
		}
		problems.AddErr(c.read(level, name, text))
	}
	return c, problems.Err()
}

type outsideConfig struct {
	level Level
	file  string
}

// outsideConfigs are the machine's and the person's.
func outsideConfigs() []outsideConfig {
	var files []outsideConfig
	if dir := os.Getenv("DVC_SYSTEM_CONFIG_DIR"); dir != "" {
		files = append(files, outsideConfig{System, filepath.Join(dir, "config")})
	} else {
		files = append(files, outsideConfig{System, "/etc/xdg/dvc/config"})
	}
	if dir := os.Getenv("DVC_GLOBAL_CONFIG_DIR"); dir != "" {
		files = append(files, outsideConfig{Global, filepath.Join(dir, "config")})
	} else if dir, err := os.UserConfigDir(); err == nil {
		files = append(files, outsideConfig{Global, filepath.Join(dir, "dvc", "config")})
	}
	return files
}

// section matches [core], ['remote "name"'] and [remote "name"].
var section = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\[\s*'?\s*([A-Za-z_]+)(?:\s+"([^"]*)")?\s*'?\s*\]\s*(?:#.*)?$`)
})

// read takes in one file, as configobj reads it.
func (c *Config) read(level Level, file string, text []byte) error {
	var problems diag.List
	current, remote, known := "", "", false
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		pos := diag.Pos{File: file, Line: i + 1}
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			found := section().FindStringSubmatch(line)
			if known = found != nil; !known {
				problems.Add(diag.At(pos, "it is no section of a DVC config"))
				continue
			}
			current, remote = strings.ToLower(found[1]), found[2]
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); !found || key == "" {
			problems.Add(diag.At(pos, "it is no setting: there is no = in it, or nothing before that"))
			continue
		}
		if !known {
			continue // below a section that nobody knows, or none
		}
		setting := Setting{Level: level, Pos: pos, Key: strings.ToLower(key), Value: unquote(strings.TrimSpace(value))}
		if current == "remote" && remote != "" {
			setting.Remote = strings.ToLower(remote)
		} else {
			setting.Key = path.Join(current, strings.ToLower(remote), setting.Key)
			setting.Key = strings.ReplaceAll(setting.Key, "/", ".")
		}
		c.Settings = append(c.Settings, setting)
	}
	return problems.Err()
}

// unquote takes off quotes, or the comment behind a value without.
func unquote(value string) string {
	if value == "" {
		return ""
	}
	if quote := value[0]; quote == '"' || quote == '\'' {
		if end := strings.IndexByte(value[1:], quote); end >= 0 {
			return value[1 : 1+end]
		}
	}
	if at := strings.Index(value, " #"); at >= 0 {
		return strings.TrimSpace(value[:at])
	}
	return value
}
