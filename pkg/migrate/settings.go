package migrate

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"flow/pkg/bucket"
	"flow/pkg/diag"
	"flow/pkg/dvc"
)

// Setting is one setting for flow's config.
type Setting struct {
	Local  bool   // for .flow/config.local, which stays on this machine; else .flow/config
	Remote string // the remote that it is of; "" for none
	Key    string
	Value  string
	Secret bool // not to be shown
}

// Title names the setting as a person would.
func (s Setting) Title() string {
	if s.Remote != "" {
		return "remotes." + s.Remote + "." + s.Key
	}
	return s.Key
}

// DefaultRemote is the key of the setting that names the default remote.
const DefaultRemote = "remote"

// same lists the settings that flow has under the same name.
var same = []string{"cache.type", "parsing.bool", "parsing.list"}

// renamed lists what flow calls otherwise of a remote.
var renamed = map[string]string{"endpointurl": "endpoint", "allow_anonymous_login": "anonymous", "keyfile": "key_file"}

// secret knows the keys of a remote that hold secrets, or tell where one is.
var secret = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`pass|secret|token|key|credential|connection_string|cert|service_account`)
})

// settings plans the config, and lists what of DVC's it can't hold.
func (p *Plan) settings(options Options) {
	for _, from := range p.project.Config.Settings {
		var why string
		var to Setting
		switch {
		case from.Level == dvc.System || from.Level == dvc.Global:
			if from.Remote != "" || strings.HasPrefix(from.Key, "cache.") || from.Key == "core.remote" {
				p.Findings.Add(diag.At(from.Pos, "%s is set for all projects of this machine or person; it is not taken over", title(from)).
					WithHint("set it for this project, or with --user for all of yours: flow config --help, flow remote --help"))
			}
			continue
		case from.Remote != "":
			to, why = p.remote(from, options)
		default:
			to, why = p.plain(from, options)
		}
		if why != "" {
			p.Findings.Add(diag.At(from.Pos, "the setting %s %s", title(from), why))
			continue
		}
		if to.Secret && !to.Local {
			to.Local = true
			p.Findings.Add(diag.At(from.Pos, "%s is a secret, or tells where one is: it goes to .flow/config.local, which git does not see", title(from)))
		}
		p.Settings = append(p.Settings, to)
	}
}

func title(from dvc.Setting) string {
	if from.Remote != "" {
		return "remote." + from.Remote + "." + from.Key
	}
	return from.Key
}

// noCounterpart is why most settings are not taken over.
const noCounterpart = "has no counterpart"

// remote turns a setting of a remote into flow's, or says why it can't.
func (p *Plan) remote(from dvc.Setting, options Options) (Setting, string) {
	to := Setting{Local: from.Level == dvc.Local, Remote: from.Remote, Key: from.Key, Value: from.Value}
	if err := options.RemoteName(from.Remote); err != nil {
		return to, "is of a remote whose name flow does not take: " + err.Error()
	}
	address := p.remoteURL(from.Remote)
	if err := bucket.Check(address); err != nil {
		if from.Key != "url" {
			return to, "is of a remote that is not taken over"
		}
		return to, "is not taken over: " + err.Error()
	}
	if from.Key == "url" {
		to.Value = besideRoot(from.Value)
		return to, ""
	}
	if name, found := renamed[from.Key]; found {
		to.Key = name
	}
	known := bucket.Settings(address)
	i := slices.IndexFunc(known, func(s bucket.Setting) bool { return s.Name == to.Key })
	if i < 0 || to.Key == "timeout" { // which DVC takes for that of connecting
		return to, noCounterpart
	}
	to.Secret = known[i].Private || secret().MatchString(from.Key)
	if to.Key == "key_file" {
		to.Value = besideRoot(from.Value)
	}
	return to, ""
}

// remoteURL returns the URL of a remote that counts, or "".
func (p *Plan) remoteURL(name string) string {
	address := ""
	for _, setting := range p.project.Config.Settings {
		if setting.Remote == name && setting.Key == "url" {
			address = setting.Value
		}
	}
	return address
}

// plain turns any other setting into flow's, or says why it can't.
func (p *Plan) plain(from dvc.Setting, options Options) (Setting, string) {
	to := Setting{Local: from.Level == dvc.Local, Key: from.Key, Value: from.Value}
	switch {
	case from.Key == "core.remote":
		to.Key, to.Value = DefaultRemote, strings.ToLower(from.Value)
		if options.RemoteName(to.Value) != nil || bucket.Check(p.remoteURL(to.Value)) != nil || p.remoteURL(to.Value) == "" {
			return to, "names a remote that is not taken over"
		}
		return to, ""
	case from.Key == "cache.dir":
		to.Value = besideRoot(from.Value) + "-flow"
	case slices.Contains(same, from.Key):
		to.Value = strings.ReplaceAll(from.Value, " ", "")
	default:
		return to, noCounterpart
	}
	if err := options.Value(to.Key, to.Value); err != nil {
		return to, "is not taken over: " + err.Error()
	}
	return to, ""
}

// besideRoot turns a path that is relative to DVC's folder into one that is relative to
// the project's root. Addresses and absolute paths stay.
func besideRoot(value string) string {
	if strings.Contains(value, "://") || filepath.IsAbs(value) || strings.HasPrefix(value, "~") {
		return value
	}
	return path.Join(dvc.State, filepath.ToSlash(value))
}
