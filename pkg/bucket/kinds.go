package bucket

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"flow/pkg/diag"
)

// Setting is something that can be said of a place besides its URL.
type Setting struct {
	Name, Desc string
	// Private settings are credentials, or run a program or read a file of the person's:
	// they are never taken from a file that others write.
	Private bool
}

// Spec says where a place is and how to get there.
type Spec struct {
	Name     string // of the remote, for messages
	URL      string
	Dir      string // what a path that is not absolute is below
	Settings map[string]string
	Pace     Pace // how patient to be; the zero Pace is what the settings say
}

// kind is a kind of place.
type kind struct {
	name     string
	schemes  []string
	usage    string // a URL with what it leads to
	settings []Setting
	open     func(spec Spec, at *url.URL) (Bucket, error)
}

// everywhere is what can be said of every kind of place.
var everywhere = []Setting{
	{Name: "jobs", Desc: "how many transfers at a time; default 8"},
	{Name: "timeout", Desc: "how long nothing may move before a transfer is tried again; default 60s"},
	{Name: "retries", Desc: "how often a transfer is tried again; default 5"},
}

// kinds lists the kinds of place that are built in.
func kinds() []kind {
	return []kind{
		{name: "folder", schemes: []string{"", "file"}, usage: "PATH                      a folder of this machine, or one that is mounted", open: openDir},
		{name: "s3", schemes: []string{"s3", "gs"}, usage: "s3://BUCKET/FOLDER        Amazon S3 and what speaks it; gs:// for Google's, by the same language", settings: s3Settings, open: openS3},
		{name: "sftp", schemes: []string{"sftp", "ssh"}, usage: "sftp://HOST/FOLDER        a machine that you reach with ssh; /~/FOLDER is in your home there", settings: sftpSettings, open: openSFTP},
		{name: "azure", schemes: []string{"azure"}, usage: "azure://CONTAINER/FOLDER  Azure Blob Storage", settings: azureSettings, open: openAzure},
		{name: "webdav", schemes: []string{"webdav", "webdavs", "dav", "davs"}, usage: "webdavs://HOST/FOLDER     a WebDAV server; webdav:// without TLS", settings: webdavSettings, open: openWebDAV},
		{name: "http", schemes: []string{"http", "https"}, usage: "https://HOST/FOLDER       a remote that a web server serves, to read", settings: webdavSettings, open: openHTTP},
		{name: "rclone", schemes: []string{"rclone"}, usage: "rclone:NAME:path          Google Drive and all else that your own rclone program reaches", settings: rcloneSettings, open: openRclone},
	}
}

func openDir(spec Spec, at *url.URL) (Bucket, error) {
	if at.Scheme == "file" {
		return newDir(at.Path, spec.Dir), nil
	}
	return newDir(expandHome(spec.URL), spec.Dir), nil
}

func expandHome(path string) string {
	if rest, found := strings.CutPrefix(path, "~/"); found {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// find returns the kind of place that a URL leads to.
func find(address string) (kind, *url.URL, error) {
	scheme, _, found := strings.Cut(address, ":")
	if !found || len(scheme) == 1 || strings.ContainsAny(scheme, `/\`) { // C:\data is a path
		scheme = ""
	}
	scheme = strings.ToLower(scheme)
	var known []string
	for _, k := range kinds() {
		if slices.Contains(k.schemes, scheme) {
			at := &url.URL{}
			if scheme == "" || scheme == "rclone" {
				return k, at, nil
			}
			at, err := url.Parse(address)
			if err != nil {
				return kind{}, nil, diag.At(diag.Pos{}, "the URL of the remote is not valid") // the parser's words would show all of it
			}
			return k, at, nil
		}
		known = append(known, k.schemes...)
	}
	known = slices.DeleteFunc(known, func(s string) bool { return s == "" })
	return kind{}, nil, diag.At(diag.Pos{}, "%q is no kind of remote that flow knows", scheme).
		WithHint("it knows folders, and URLs that start with %s", strings.Join(known, ", "))
}

// Kind names the kind of place of a URL: "folder", "s3" …; "" when there is none.
func Kind(address string) string {
	k, _, err := find(address)
	if err != nil {
		return ""
	}
	return k.name
}

// Settings lists what can be said of a place, besides its URL.
func Settings(address string) []Setting {
	k, _, err := find(address)
	if err != nil {
		return everywhere
	}
	return append(slices.Clone(everywhere), k.settings...)
}

// AllSettings lists what can be said of any place, each once.
func AllSettings() []Setting {
	all := slices.Clone(everywhere)
	for _, k := range kinds() {
		for _, setting := range k.settings {
			if !slices.ContainsFunc(all, func(s Setting) bool { return s.Name == setting.Name }) {
				all = append(all, setting)
			}
		}
	}
	return all
}

// Usage lists the kinds of place, a line each.
func Usage() string {
	var b strings.Builder
	for _, k := range kinds() {
		fmt.Fprintf(&b, "  %s\n", k.usage)
	}
	return b.String()
}

// SettingsUsage lists what can be said of places, a line each.
func SettingsUsage() string {
	var b strings.Builder
	line := func(s Setting) {
		mark := " "
		if s.Private {
			mark = "*"
		}
		fmt.Fprintf(&b, "  %s %-18s %s\n", mark, s.Name, s.Desc)
	}
	b.WriteString("Every kind: url, and\n")
	for _, s := range everywhere {
		line(s)
	}
	for _, k := range kinds() {
		if len(k.settings) > 0 {
			fmt.Fprintf(&b, "%s:\n", k.name)
		}
		for _, s := range k.settings {
			line(s)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// Check says what is wrong with a URL: its kind, or a password in it.
func Check(address string) error {
	_, at, err := find(address)
	if err != nil {
		return err
	}
	if _, has := at.User.Password(); has {
		return diag.At(diag.Pos{}, "the URL holds a password, which would be seen by all who see the URL").
			WithHint("leave it out, then: flow remote modify --local NAME password")
	}
	if at.RawQuery != "" || at.Fragment != "" {
		return diag.At(diag.Pos{}, "the URL of a remote has a ? or a # part, which flow doesn't use").
			WithHint("credentials such as a SAS token go into a setting of their own: flow remote modify --local NAME")
	}
	return nil
}

// Redacted returns a URL without what may be a secret in it.
func Redacted(address string) string {
	_, at, err := find(address)
	if err != nil || at.Scheme == "" {
		address, _, _ = strings.Cut(address, "?")
		if before, after, found := strings.Cut(address, "://"); found {
			if at := strings.LastIndex(after, "@"); at >= 0 {
				after = after[at+1:]
			}
			return before + "://" + after
		}
		return address
	}
	shown := *at
	if shown.User != nil {
		shown.User = url.User(shown.User.Username())
	}
	shown.RawQuery, shown.Fragment = "", ""
	return shown.String()
}

// Open returns the place behind a URL. It makes no connection yet.
func Open(spec Spec) (Bucket, error) {
	if err := Check(spec.URL); err != nil {
		return nil, err
	}
	k, at, err := find(spec.URL)
	if err != nil {
		return nil, err
	}
	if spec.Pace == (Pace{}) {
		if spec.Pace, err = spec.pace(); err != nil {
			return nil, err
		}
	}
	inner, err := k.open(spec, at)
	if err != nil {
		return nil, err
	}
	return &patient{inner: inner, place: spec.place(), pace: spec.Pace}, nil
}

// place is the remote as a person knows it.
func (s Spec) place() string { return fmt.Sprintf("remote %s", s.Name) }

func (s Spec) pace() (Pace, error) {
	pace := Pace{Tries: 6, Wait: 300 * time.Millisecond, Idle: time.Minute}
	if text := s.Settings["timeout"]; text != "" {
		idle, err := time.ParseDuration(text)
		if err != nil || idle <= 0 {
			return pace, diag.At(diag.Pos{}, "the timeout of remote %s, %q, is no time", s.Name, text).WithHint("such as 30s or 2m")
		}
		pace.Idle = idle
	}
	if text := s.Settings["retries"]; text != "" {
		retries, err := strconv.Atoi(text)
		if err != nil || retries < 0 || retries > 100 {
			return pace, diag.At(diag.Pos{}, "the retries of remote %s, %q, are no number from 0 to 100", s.Name, text)
		}
		pace.Tries = retries + 1
	}
	return pace, nil
}

// Close ends the connections of a place, where it has any.
func Close(b Bucket) error {
	if closer, ok := b.(interface{ Close() error }); ok {
		return closer.Close()
	}
	return nil
}
