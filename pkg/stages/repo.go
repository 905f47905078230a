package stages

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"flow/pkg/document"
)

// Repo says where an imported data source comes from: a path in a git repository.
type Repo struct {
	URL  string // of the repository, or a folder, relative to the project's root
	Path string // in the repository; below a project of its, what that project tracks, too
	Rev  string // the revision that `flow update` follows; "" for its HEAD
}

// Folder reports whether the repository is a folder of a machine, not an address.
func (r Repo) Folder() bool { return !hasScheme().MatchString(r.URL) && !scpLike().MatchString(r.URL) }

// Whole returns the repository with a path to something in it, whatever that is.
func (r Repo) Whole() Repo {
	if path.Clean(r.Path) == "." {
		r.Path = "all"
	}
	return r
}

// Redacted returns the repository's address without what may be a password.
func (r Repo) Redacted() string { return secret().ReplaceAllString(r.URL, "$1") }

// Secret reports whether the address holds a password.
func (r Repo) Secret() bool { return secret().MatchString(r.URL) }

var secret = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)[^/@:]*:[^/@]*@`) })

var (
	hasScheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`) })
	helper    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9+.-]*::`) })
	scpLike   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^/:]+:`) })
	dashHost  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)?([^/@]*@)?-`) })
)

// RepoSchemes are the kinds of address that a repository may have. Git knows more, among
// them some that run programs.
var RepoSchemes = []string{"https", "http", "ssh", "git", "file"}

// Problem says why a repository, a path or a revision can't be given to git; "" when they
// can. They come with a cloned project: what git would take for an option or for a program
// to run must not get there.
func (r Repo) Problem() string {
	scheme, _, _ := strings.Cut(r.URL, "://")
	switch {
	case strings.TrimSpace(r.URL) == "":
		return "the repository has no url"
	case strings.ContainsFunc(r.URL+r.Rev+r.Path, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return "the repository has characters that can't be shown"
	case dashHost().MatchString(r.URL):
		return "the repository's url, or the host in it, starts with a dash, as options do"
	case helper().MatchString(r.URL):
		return "the repository's url names a program for git to run"
	case hasScheme().MatchString(r.URL) && !slices.Contains(RepoSchemes, scheme):
		return "the repository's url is of a kind that is not fetched; " + strings.Join(RepoSchemes, ", ") + " are"
	case strings.HasPrefix(r.Rev, "-"):
		return "the revision starts with a dash, as options do"
	case r.Path == "" || path.IsAbs(r.Path) || path.Clean(r.Path) == "." || strings.HasPrefix(path.Clean(r.Path)+"/", "../"):
		return "the repository's path must be one in it"
	}
	return ""
}

// repo decodes where a data source is imported from.
func (l *loader) repo(node *document.Node) *Repo {
	before := len(l.problems)
	repo := &Repo{}
	l.fields(node, "repo", map[string]field{
		"url":  func(n *document.Node) { repo.URL = l.text(n, "url") },
		"path": func(n *document.Node) { repo.Path = l.text(n, "path") },
		"rev":  func(n *document.Node) { repo.Rev = l.text(n, "rev") },
	})
	if len(l.problems) > before {
		return nil
	}
	if problem := repo.Problem(); problem != "" {
		l.fail(node, "write repo: {url: …, path: …, rev: …}, as flow import does", "%s", problem)
		return nil
	}
	repo.Path = path.Clean(repo.Path)
	return repo
}
