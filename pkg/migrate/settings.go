package migrate

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/dvc"
)

// Setting is one setting for flow's config.
type Setting struct {
	Local  bool // for .flow/config.local, which stays on this machine; else .flow/config
	Key    string
	Value  string
	Secret bool // not to be shown
}

// same lists the settings that flow knows under the same name.
var same = []string{"cache.type", "parsing.bool", "parsing.list"}

// secret knows the keys of a remote that hold secrets, or tell where one is.
var secret = regexp.MustCompile(`pass|secret|token|key|credential|connection_string|cert|user_credentials|service_account`)

// settings plans the config, and lists what of DVC's it can't hold.
func (p *Plan) settings(options Options) {
	for _, from := range p.project.Config.Settings {
		setting, ok := p.setting(from)
		switch {
		case from.Level == dvc.System, from.Level == dvc.Global:
			if from.Remote != "" || strings.HasPrefix(from.Key, "cache.") || from.Key == "core.remote" {
				p.Findings.Add(diag.At(from.Pos, "%s is set for all projects of this machine or person; it is not taken over", title(from)).
					WithHint("set it for this project, or for all of yours: flow config --help"))
			}
		case !ok:
			p.Findings.Add(diag.At(from.Pos, "the setting %s has no counterpart", title(from)))
		case !options.Knows(setting.Key):
			p.Findings.Add(diag.At(from.Pos, "the setting %s has no counterpart yet", title(from)))
		default:
			if setting.Secret && !setting.Local {
				setting.Local = true
				p.Findings.Add(diag.At(from.Pos, "%s is a secret, or tells where one is: it goes to .flow/config.local, which git does not see", title(from)))
			}
			p.Settings = append(p.Settings, setting)
		}
	}
}

func title(from dvc.Setting) string {
	if from.Remote != "" {
		return "remote." + from.Remote + "." + from.Key
	}
	return from.Key
}

// setting turns one setting of DVC's into one of flow's.
func (p *Plan) setting(from dvc.Setting) (Setting, bool) {
	to := Setting{Local: from.Level == dvc.Local, Key: from.Key, Value: from.Value}
	if from.Remote != "" {
		to.Key = "remotes." + from.Remote + "." + from.Key
		to.Secret = secret.MatchString(from.Key)
		if from.Key == "url" {
			to.Value = besideRoot(from.Value)
		}
		return to, true
	}
	switch from.Key {
	case "core.remote":
		to.Key, to.Value = "remote", strings.ToLower(from.Value)
		return to, true
	case "cache.dir":
		to.Value = besideRoot(from.Value) + "-flow"
		return to, true
	}
	for _, key := range same {
		if from.Key == key {
			to.Value = strings.ReplaceAll(from.Value, " ", "")
			return to, true
		}
	}
	return to, false
}

// besideRoot turns a path that is relative to DVC's folder into one that is relative to
// the project's root. Addresses and absolute paths stay.
func besideRoot(value string) string {
	if strings.Contains(value, "://") || filepath.IsAbs(value) || strings.HasPrefix(value, "~") {
		return value
	}
	return path.Join(dvc.State, filepath.ToSlash(value))
}
