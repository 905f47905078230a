package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
)

// Scope is which of the config files a setting is in; a later one wins.
type Scope string

// The scopes, from the weakest to the strongest.
const (
	User   Scope = "user"   // the person's own, for all their projects
	Shared Scope = "shared" // .flow/config, in git
	Local  Scope = "local"  // .flow/config.local, on this machine only
)

// Scopes lists the scopes from the weakest to the strongest.
var scopes = []Scope{User, Shared, Local}

// Key is a setting that config knows.
type Key struct {
	Name, Desc string
	List       bool
	Words      []string // that it may be; nil for anything
	Open       bool     // the person chooses the last part of the name, which is *
	// Check says what is wrong with a value, "" for nothing; nil where all is right.
	Check func(value string) string
}

// is reports whether a setting's name is one of the key.
func (k Key) is(name string) bool {
	if !k.Open {
		return k.Name == name
	}
	section := strings.TrimSuffix(k.Name, "*")
	return strings.HasPrefix(name, section) && len(name) > len(section)
}

// Keys lists all settings.
func Keys() []Key {
	return []Key{
		{Name: "cache.dir", Desc: "where the cache is; relative to the project's root; default .flow/cache"},
		{Name: "cache.type", Desc: "how files come out of the cache, tried in order: reflink, hardlink, symlink, copy; default reflink,copy", List: true},
		{Name: "cache.shared", Desc: "group: what is made in the cache is the group's, too, whatever the umask", Words: []string{"group"}},
		{Name: "parsing.bool", Desc: "how a mapping in a cmd writes what is false: store_true leaves it out, boolean_optional writes --no-NAME; default store_true",
			Words: []string{"store_true", "boolean_optional"}},
		{Name: "parsing.list", Desc: "how a mapping in a cmd writes a list: nargs is --n 1 2, append is --n 1 --n 2; default nargs",
			Words: []string{"nargs", "append"}},
		{Name: "jobs", Desc: "how many stages run at the same time: a number, or cores; default 1"},
		{Name: "resources.*", Desc: "how much there is of what stages ask for in resources: resources.licence 2. Without it cpu, memory and gpu are the machine's", Open: true},
		{Name: "runs.keep", Desc: "how many runs without a tag are kept; 0 keeps no history; default 1000", Check: notCount},
		{Name: "runs.push", Desc: "which runs flow push sends along without being asked: none, tagged or all; default none", Words: []string{"none", "tagged", "all"}},
		{Name: "runs.max_file", Desc: "how large a file that git does not track may be to be kept with a run: 10MB, 1GB; default 10MB", Check: notSize},
	}
}

// Setting is one value with where it was set.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Scope  Scope  `json:"scope"`
	Origin string `json:"origin"` // the file
}

// Config is the settings of a project, from all scopes.
type Config struct {
	root  *disk.Root
	files map[Scope]*document.Document
}

// LoadConfig reads the config files of a project; what is not there is empty.
func LoadConfig(root *disk.Root) (*Config, error) {
	c := &Config{root: root, files: map[Scope]*document.Document{}}
	var problems diag.List
	for _, scope := range scopes {
		name, text, err := c.read(scope)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || name == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the config: %w", err)
		}
		doc, err := document.Parse(name, text)
		if err != nil {
			problems = append(problems, hideLines(diag.All(err))...)
			continue
		}
		c.files[scope] = doc
		problems = append(problems, checkConfig(doc)...)
		problems = append(problems, checkRemotes(doc, scope)...)
	}
	return c, problems.Err()
}

func (c *Config) read(scope Scope) (name string, text []byte, err error) {
	switch scope {
	case Shared:
		text, err = c.root.Read(ConfigFile)
	case Local:
		text, err = c.root.Read(State + "/config.local")
	case User:
		name = userConfig()
		if name == "" {
			return "", nil, nil
		}
		text, err = os.ReadFile(name)
		return name, text, err
	}
	return c.File(scope), text, err
}

// userConfig is the person's own config file; "" where there is no home.
func userConfig() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "flow", "config")
}

// File returns the name of a scope's file, for people.
func (c *Config) File(scope Scope) string {
	switch scope {
	case Shared:
		return ConfigFile
	case Local:
		return State + "/config.local"
	}
	return userConfig()
}

// checkConfig refuses keys that config does not know.
func checkConfig(doc *document.Document) diag.List {
	var problems diag.List
	var names []string
	for _, key := range Keys() {
		names = append(names, key.Name)
	}
	if doc.Root == nil || doc.Root.Kind == document.Null {
		return nil
	}
	for _, section := range doc.Root.Entries {
		if section.Key.Text == "remote" || section.Key.Text == "remotes" {
			continue // see remotes.go
		}
		if wrong, known := checkOpen(section.Key, section.Value); known {
			problems = append(problems, wrong...)
			continue
		}
		for _, entry := range section.Value.Entries {
			name := section.Key.Text + "." + entry.Key.Text
			if !slices.Contains(names, name) {
				problems.Add(unknownKey(entry.Key.Errorf("the config has an unknown key %q", name), name, names))
			}
			if wrong := wrongWord(name, entry.Value.Text); wrong != nil {
				problems.Add(entry.Value.Errorf("%s", wrong.Msg).WithHint("%s", wrong.Hint))
			}
		}
		if section.Value.Kind != document.Map {
			problems.Add(section.Key.Errorf("the config has an unknown key %q", section.Key.Text).
				WithHint("the keys are %s", strings.Join(names, ", ")))
		}
	}
	return problems
}

func unknownKey(problem *diag.Error, name string, names []string) *diag.Error {
	if meant := diag.Nearest(name, names); meant != "" {
		return problem.WithHint("did you mean %q?", meant)
	}
	return problem.WithHint("the keys are %s", strings.Join(names, ", "))
}

// CheckKey refuses a key that config does not know.
func CheckKey(key string) error {
	var names []string
	for _, known := range Keys() {
		if known.is(key) {
			return nil
		}
		names = append(names, known.Name)
	}
	return unknownKey(diag.At(diag.Pos{}, "the config knows no key %q", key), key, names)
}

// IsSet reports whether a scope's file has a key.
func (c *Config) IsSet(scope Scope, key string) bool {
	_, found := c.get(scope, key)
	return found
}

// All lists every value that is set, the one that counts last for each key.
func (c *Config) All() []Setting {
	var settings []Setting
	for _, key := range Keys() {
		for _, scope := range scopes {
			for _, name := range c.names(scope, key) {
				if value, found := c.get(scope, name); found {
					settings = append(settings, Setting{Key: name, Value: value, Scope: scope, Origin: c.File(scope)})
				}
			}
		}
	}
	return settings
}

// names returns the settings that a key may stand for in a scope's file.
func (c *Config) names(scope Scope, key Key) []string {
	doc := c.files[scope]
	if !key.Open {
		return []string{key.Name}
	}
	if doc == nil || doc.Root == nil {
		return nil
	}
	section := strings.TrimSuffix(key.Name, ".*")
	var names []string
	for _, name := range doc.Root.Get(section).Keys() {
		names = append(names, section+"."+name)
	}
	return names
}

// Get returns the value that counts.
func (c *Config) Get(key string) (Setting, bool) {
	var last Setting
	found := false
	for _, setting := range c.All() {
		if setting.Key == key {
			last, found = setting, true
		}
	}
	return last, found
}

func (c *Config) get(scope Scope, key string) (string, bool) {
	doc := c.files[scope]
	if doc == nil || doc.Root == nil {
		return "", false
	}
	section, name, sectioned := strings.Cut(key, ".")
	node := doc.Root.Get(section)
	if sectioned {
		node = node.Get(name)
	}
	if node == nil || node.Kind == document.Null {
		return "", false
	}
	if node.Kind == document.List {
		var parts []string
		for _, item := range node.Items {
			parts = append(parts, item.Text)
		}
		return strings.Join(parts, ","), true
	}
	return node.Text, true
}

// CacheDir returns the cache.dir setting, or "".
func (c *Config) CacheDir() string {
	setting, _ := c.Get("cache.dir")
	return setting.Value
}

// SharedCache reports whether a group shares the cache.
func (c *Config) SharedCache() bool {
	setting, _ := c.Get("cache.shared")
	return setting.Value == "group"
}

// Links returns the cache.type setting.
func (c *Config) Links() ([]cache.LinkKind, error) {
	setting, found := c.Get("cache.type")
	if !found {
		return nil, nil
	}
	return parseLinks(setting.Value)
}

func parseLinks(value string) ([]cache.LinkKind, error) {
	known := []cache.LinkKind{cache.Reflink, cache.Hardlink, cache.Symlink, cache.Copy}
	var links []cache.LinkKind
	for _, word := range strings.Split(value, ",") {
		link := cache.LinkKind(strings.TrimSpace(word))
		if !slices.Contains(known, link) {
			return nil, diag.At(diag.Pos{}, "cache.type has %q, which is no kind of link", word).
				WithHint("the kinds are reflink, hardlink, symlink and copy, separated by commas")
		}
		links = append(links, link)
	}
	return links, nil
}

// CheckValue refuses a key that config does not know, and a value that it can't have.
func CheckValue(key, value string) error {
	if err := CheckKey(key); err != nil || value == "" {
		return err
	}
	if key == "cache.type" {
		_, err := parseLinks(value)
		return err
	}
	if wrong := wrongWord(key, value); wrong != nil {
		return wrong
	}
	return wrongOpen(key, value)
}

// Set writes a value into a scope's file, keeping the rest of it; an empty value
// removes the key.
func (c *Config) Set(scope Scope, key, value string) error {
	if err := CheckValue(key, value); err != nil {
		return err
	}
	known := Keys()
	i := slices.IndexFunc(known, func(k Key) bool { return k.is(key) })
	doc := c.files[scope]
	if doc == nil {
		var err error
		if doc, err = document.Parse(c.File(scope), nil); err != nil {
			return err
		}
	}
	edited, err := edit(doc, key, known[i].List, value)
	if err != nil {
		return err
	}
	c.files[scope] = edited
	return c.write(scope, edited.Text)
}

func edit(doc *document.Document, key string, list bool, value string) (*document.Document, error) {
	path := strings.Split(key, ".")
	switch {
	case value == "" && len(path) > 1 && len(doc.Root.Get(path[0]).Entries) == 1:
		return doc.Delete(path[:1])
	case value == "":
		return doc.Delete(path)
	case list:
		return doc.Set(path, strings.Split(value, ","))
	}
	return doc.Set(path, value)
}

func (c *Config) write(scope Scope, text []byte) error {
	var err error
	switch scope {
	case User:
		name := userConfig()
		if name == "" {
			return fmt.Errorf("there is no home folder to keep the user's config in")
		}
		if err = os.MkdirAll(filepath.Dir(name), 0o755); err == nil {
			err = replaceFile(name, text, c.mode(scope))
		}
	default:
		err = replace(c.root, c.File(scope), text, c.mode(scope))
	}
	if err != nil {
		return fmt.Errorf("write the config: %w", err)
	}
	return nil
}

func replaceFile(name string, text []byte, mode fs.FileMode) error {
	root, err := disk.OpenRoot(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer root.Close()
	return replace(root, filepath.Base(name), text, mode)
}

// replace writes a file. What nobody else may read is shut before there is anything in it.
func replace(root *disk.Root, name string, text []byte, mode fs.FileMode) error {
	if info, err := root.Lstat(name); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&^mode != 0 && mode == private {
		if err := root.Chmod(name, mode); err != nil {
			return err
		}
	}
	return root.Replace(name, text, mode)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
