package project

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"flow/pkg/bucket"
	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/remote"
)

// RemoteInfo is a remote as the config has it. It holds no credentials.
type RemoteInfo struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Kind    string `json:"kind"`
	Scope   Scope  `json:"scope"` // where the URL that counts is set
	Default bool   `json:"default"`
}

// urlSetting is the one setting that every remote has.
const urlSetting = "url"

// Remotes lists the remotes, sorted by name.
func (c *Config) Remotes() []RemoteInfo {
	byName := map[string]RemoteInfo{}
	for _, scope := range scopes {
		node := c.section(scope, "remotes")
		if node == nil {
			continue
		}
		for _, entry := range node.Entries {
			if address := entry.Value.Get(urlSetting); address != nil {
				name := entry.Key.Text
				byName[name] = RemoteInfo{Name: name, URL: bucket.Redacted(address.Text), Kind: bucket.Kind(address.Text), Scope: scope}
			}
		}
	}
	chosen := c.DefaultRemote()
	var all []RemoteInfo
	for name, info := range byName {
		info.Default = name == chosen || chosen == "" && len(byName) == 1
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b RemoteInfo) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// section returns what a file has under a key at its top, or nil.
func (c *Config) section(scope Scope, key string) *document.Node {
	doc := c.files[scope]
	if doc == nil {
		return nil
	}
	return doc.Root.Get(key)
}

// DefaultRemote returns the name of the remote that is meant when none is named; "" when
// the config doesn't say.
func (c *Config) DefaultRemote() string {
	name := ""
	for _, scope := range scopes {
		if node := c.section(scope, "remote"); node != nil && node.Kind != document.Null {
			name = node.Text
		}
	}
	return name
}

// RemoteSpec returns where a remote is and how to get there: the one with a name, or with
// "", the default one. Settings of a later scope count, and those of the environment,
// FLOW_REMOTE_NAME_SETTING, before all.
func (p *Project) RemoteSpec(name string) (bucket.Spec, error) {
	c := p.Config
	all := c.Remotes()
	if name == "" {
		i := slices.IndexFunc(all, func(info RemoteInfo) bool { return info.Default })
		switch {
		case len(all) == 0:
			return bucket.Spec{}, diag.At(diag.Pos{}, "the project has no remote").
				WithHint("add one: flow remote add NAME URL; `flow remote add --help` shows the kinds")
		case i < 0 && c.DefaultRemote() != "":
			return bucket.Spec{}, noRemote(c.DefaultRemote(), all)
		case i < 0:
			return bucket.Spec{}, diag.At(diag.Pos{}, "the project has %d remotes, and none is the default", len(all)).
				WithHint("name one with -r, or choose: flow remote default NAME")
		}
		name = all[i].Name
	}
	if !slices.ContainsFunc(all, func(info RemoteInfo) bool { return info.Name == name }) {
		return bucket.Spec{}, noRemote(name, all)
	}
	spec := bucket.Spec{Name: name, Dir: cmp.Or(p.near, p.Root.Dir()), URL: c.remoteSetting(name, urlSetting), Settings: map[string]string{}}
	if err := c.settings(spec); err != nil {
		return spec, err
	}
	if err := p.refuseCommitted(name); err != nil {
		return spec, err
	}
	for _, setting := range bucket.Settings(spec.URL) {
		if value, set := os.LookupEnv(variable(name, setting.Name)); set {
			spec.Settings[setting.Name] = value
		}
	}
	return spec, nil
}

// whereabouts are the settings that say whom a remote's credentials are shown to.
var whereabouts = []string{urlSetting, "endpoint"}

// remoteSetting returns the setting of a remote that counts, or "".
func (c *Config) remoteSetting(name, setting string) string {
	value := ""
	for _, scope := range scopes {
		if node := c.section(scope, "remotes").Get(name).Get(setting); node != nil {
			value = node.Text
		}
	}
	return value
}

// elsewhere returns which of the whereabouts that count is not the one that a scope's file
// has for a remote; "" when all are.
func (c *Config) elsewhere(scope Scope, name string) string {
	node := c.section(scope, "remotes").Get(name)
	for _, setting := range whereabouts {
		own := ""
		if value := node.Get(setting); value != nil {
			own = value.Text
		}
		if own != c.remoteSetting(name, setting) {
			return setting
		}
	}
	return ""
}

// settings fills in what the files say of a remote. Private settings are for the URL and
// the endpoint that their own file names: whoever changes these elsewhere doesn't get them.
func (c *Config) settings(spec bucket.Spec) error {
	for _, scope := range scopes {
		node := c.section(scope, "remotes").Get(spec.Name)
		if node == nil {
			continue
		}
		for _, entry := range node.Entries {
			name := entry.Key.Text
			if name == urlSetting {
				continue
			}
			if setting, _ := settingOf(name, nil); setting.Private {
				if other := c.elsewhere(scope, spec.Name); other != "" {
					return diag.At(diag.Pos{File: c.File(scope)}, "%s of remote %s is for another %s than %s", name, spec.Name, other,
						bucket.Redacted(c.remoteSetting(spec.Name, other))).WithHint("if that is right: flow remote modify --%s %s %s", scope, spec.Name, other)
				}
			}
			spec.Settings[name] = entry.Value.Text
		}
	}
	return nil
}

// refuseCommitted refuses private settings in a config.local that is in git, and so came
// from others: they name programs to run and files to read.
func (p *Project) refuseCommitted(name string) error {
	node := p.Config.section(Local, "remotes").Get(name)
	if !p.Git || node == nil {
		return nil
	}
	for _, entry := range node.Entries {
		if setting, _ := settingOf(entry.Key.Text, nil); !setting.Private {
			continue
		}
		file := p.Config.File(Local)
		tracked, err := p.Tracked(context.Background(), []string{file})
		if err != nil || len(tracked) == 0 {
			return nil // without git it came from no clone
		}
		return diag.At(diag.Pos{File: file}, "%s of remote %q stands in a file that is in git, where only your own settings should be", entry.Key.Text, name).
			WithHint("read it, as somebody else may have written it; then take it out of git: git rm --cached %s", file)
	}
	return nil
}

// variable is the environment variable that sets a setting of a remote.
func variable(remote, setting string) string {
	word := func(text string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, text)
	}
	return strings.ToUpper("FLOW_REMOTE_" + word(remote) + "_" + word(setting))
}

func noRemote(name string, all []RemoteInfo) error {
	problem := diag.At(diag.Pos{}, "there is no remote %q", name)
	var names []string
	for _, info := range all {
		names = append(names, info.Name)
	}
	if meant := diag.Nearest(name, names); meant != "" {
		return problem.WithHint("did you mean %q?", meant)
	}
	return problem.WithHint("`flow remote list` shows the remotes there are")
}

// OpenRemote opens the remote with a name, or with "" the default one.
func (p *Project) OpenRemote(name string) (*remote.Remote, error) {
	spec, err := p.RemoteSpec(name)
	if err != nil {
		return nil, err
	}
	opened, err := remote.Open(spec)
	if err == nil {
		opened.KeepIndexes(p.Root, State+"/remotes")
	}
	return opened, err
}

// checkRemotes refuses what no remote has, and in a file that others write also what must
// not come from others.
func checkRemotes(doc *document.Document, scope Scope) diag.List {
	var problems diag.List
	if chosen := doc.Root.Get("remote"); chosen != nil && chosen.Kind > document.String {
		problems.Add(chosen.Errorf("remote is the name of the default remote, not a %s", chosen.Kind).
			WithHint("the remotes themselves are below remotes: {NAME: {url: …}}"))
	}
	remotes := doc.Root.Get("remotes")
	if remotes == nil || remotes.Kind == document.Null {
		return problems
	}
	if remotes.Kind != document.Map {
		problems.Add(remotes.Errorf("remotes is a mapping of names, not a %s", remotes.Kind).WithHint("remotes: {NAME: {url: …}}"))
	}
	for _, entry := range remotes.Entries {
		if entry.Value.Kind != document.Map {
			problems.Add(entry.Value.Errorf("remote %q is a mapping, not a %s", entry.Key.Text, entry.Value.Kind).WithHint("%s: {url: …}", entry.Key.Text))
			continue
		}
		problems = append(problems, checkRemote(entry.Key.Text, entry.Value, scope)...)
	}
	return problems
}

func checkRemote(name string, node *document.Node, scope Scope) diag.List {
	var problems diag.List
	address := node.Get(urlSetting)
	if address != nil {
		if err := bucket.Check(address.Text); err != nil {
			for _, wrong := range diag.All(err) {
				problems.Add(address.Errorf("remote %q: %s", name, wrong.Msg).WithHint("%s", strings.ReplaceAll(wrong.Hint, "NAME", name)))
			}
			return hideLines(problems)
		}
	}
	for _, entry := range node.Entries {
		if entry.Key.Text == urlSetting {
			continue
		}
		setting, known := settingOf(entry.Key.Text, address)
		switch {
		case entry.Value.Kind > document.String:
			problems.Add(entry.Value.Errorf("%s of remote %q is a text, not a %s", entry.Key.Text, name, entry.Value.Kind))
		case !known:
			problems.Add(entry.Key.Errorf("remote %q has an unknown setting %q", name, entry.Key.Text).WithHint("`flow remote modify --help` lists them"))
		case setting.Private && scope != Shared && address == nil:
			problems.Add(entry.Key.Errorf("%s of remote %q stands without the URL that it is for", setting.Name, name).
				WithHint("write the url beside it; `flow remote modify` does"))
		case setting.Private && scope == Shared:
			problems.Add(entry.Key.Errorf("%s of remote %q must not stand in a config that is shared", setting.Name, name).
				WithHint("move it to .flow/config.local: flow remote modify --local %s %s; if it is a secret and was in git, change it", name, setting.Name))
		}
	}
	return hideLines(problems)
}

// hideLines keeps the lines of a config out of messages: there may be a secret in them.
func hideLines(problems diag.List) diag.List {
	for _, problem := range problems {
		problem.Line = ""
	}
	return problems
}

// settingOf finds a setting by name: among those of the URL's kind, or of all kinds where
// the file doesn't say the URL.
func settingOf(name string, address *document.Node) (bucket.Setting, bool) {
	all := bucket.AllSettings()
	if address != nil {
		all = bucket.Settings(address.Text)
	}
	i := slices.IndexFunc(all, func(s bucket.Setting) bool { return s.Name == name })
	if i < 0 {
		return bucket.Setting{}, false
	}
	return all[i], true
}

// CheckRemoteName refuses names that can't stand in a URL, a variable or a command.
func CheckRemoteName(name string) error {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')) {
			return diag.At(diag.Pos{}, "%q can't be the name of a remote", name).
				WithHint("a name starts with a letter and goes on with letters, digits, - _ and .")
		}
	}
	if name == "" {
		return diag.At(diag.Pos{}, "the name of the remote is empty")
	}
	return nil
}

// SetRemote writes a setting of a remote, or removes it with an empty value. A private one
// takes the URL and the endpoint along that it is meant for, so that nobody who changes the shared config
// gets to see it.
func (c *Config) SetRemote(scope Scope, name, setting, value string) error {
	if err := CheckRemoteName(name); err != nil {
		return err
	}
	path := []string{"remotes", name, setting}
	if value == "" {
		return c.change(scope, func(doc *document.Document) (*document.Document, error) {
			if doc.Root.Get("remotes").Get(name).Get(setting) == nil {
				return doc, nil
			}
			return doc.Delete(path)
		})
	}
	known, _ := settingOf(setting, nil)
	for _, where := range whereabouts {
		counts := c.remoteSetting(name, where)
		if !known.Private || scope == Shared || counts == "" || c.section(scope, "remotes").Get(name).Get(where) != nil {
			continue
		}
		if err := c.SetRemote(scope, name, where, counts); err != nil {
			return err
		}
	}
	return c.change(scope, func(doc *document.Document) (*document.Document, error) { return doc.Set(path, value) })
}

// RemoveRemote removes a remote from a scope's file, and says whether it was there.
func (c *Config) RemoveRemote(scope Scope, name string) (bool, error) {
	remotes := c.section(scope, "remotes")
	if remotes.Get(name) == nil {
		return false, nil
	}
	path := []string{"remotes", name}
	if len(remotes.Entries) == 1 {
		path = path[:1]
	}
	return true, c.change(scope, func(doc *document.Document) (*document.Document, error) { return doc.Delete(path) })
}

// SetDefaultRemote writes which remote is meant when none is named; "" removes that.
func (c *Config) SetDefaultRemote(scope Scope, name string) error {
	return c.change(scope, func(doc *document.Document) (*document.Document, error) {
		switch {
		case name != "":
			return doc.Set([]string{"remote"}, name)
		case doc.Root.Get("remote") == nil:
			return doc, nil
		}
		return doc.Delete([]string{"remote"})
	})
}

// change edits a scope's file; what comes of it is checked first.
func (c *Config) change(scope Scope, edit func(*document.Document) (*document.Document, error)) error {
	doc := c.files[scope]
	if doc == nil {
		var err error
		if doc, err = document.Parse(c.File(scope), nil); err != nil {
			return err
		}
	}
	edited, err := edit(doc)
	if err != nil {
		return fmt.Errorf("edit %s: %w", c.File(scope), err)
	}
	if err := checkRemotes(edited, scope).Err(); err != nil {
		return err
	}
	c.files[scope] = edited
	return c.write(scope, edited.Text)
}

// private is the permissions of what is nobody else's business.
const private fs.FileMode = 0o600

// mode is who may read a scope's file: nobody else where there are credentials in it.
func (c *Config) mode(scope Scope) fs.FileMode {
	if remotes := c.section(scope, "remotes"); remotes != nil {
		for _, entry := range remotes.Entries {
			for _, setting := range entry.Value.Entries {
				if known, _ := settingOf(setting.Key.Text, nil); known.Private {
					return private
				}
			}
		}
	}
	return 0o644
}

// KnowsRemote returns an error when there is no remote of a name.
func (p *Project) KnowsRemote(name string) error {
	all := p.Config.Remotes()
	if !slices.ContainsFunc(all, func(info RemoteInfo) bool { return info.Name == name }) {
		return noRemote(name, all)
	}
	return nil
}

// ForgetRemote removes a remote from the project's files, and as the default. It returns
// the files that it stood in. One that is the person's own for all projects stays there.
func (c *Config) ForgetRemote(name string) ([]string, error) {
	var files []string
	for _, scope := range []Scope{Shared, Local} {
		removed, err := c.RemoveRemote(scope, name)
		if err != nil {
			return files, err
		}
		if removed {
			files = append(files, c.File(scope))
		}
		if chosen := c.section(scope, "remote"); chosen != nil && chosen.Text == name {
			if err := c.SetDefaultRemote(scope, ""); err != nil {
				return files, err
			}
		}
	}
	if len(files) == 0 {
		if _, err := c.RemoveRemote(User, name); err != nil {
			return nil, err
		}
		files = append(files, c.File(User))
	}
	return files, nil
}
