package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/stages"
)

// probe tells what a dep holds that is no file of the project.
func probe(ctx context.Context, dep stages.Dep, command engine.Command) (digest.Content, error) {
	env := environment(command.Env)
	switch dep.Kind {
	case stages.CmdDep:
		return probeCmd(ctx, command)
	case stages.EnvDep:
		value, set := lookup(env, dep.Text())
		if !set {
			return textContent("unset"), nil
		}
		return textContent("set to " + value), nil
	case stages.ExeDep:
		return probeExe(dep.Text(), env)
	case stages.URLDep:
		return probeURL(ctx, dep.Path)
	}
	return digest.Content{}, fmt.Errorf("nobody knows deps of the kind %q", dep.Kind)
}

func textContent(text string) digest.Content {
	return digest.Content{ID: digest.Sum([]byte(text)), Mode: digest.File, Size: int64(len(text))}
}

// lookup returns a variable of an environment in which the last of a name counts.
func lookup(env []string, name string) (value string, set bool) {
	for _, pair := range env {
		if rest, found := strings.CutPrefix(pair, name+"="); found {
			value, set = rest, true
		}
	}
	return value, set
}

// probeCmd is what a command prints to stdout.
func probeCmd(ctx context.Context, command engine.Command) (digest.Content, error) {
	hasher := digest.New()
	var size int64
	last := ""
	var runner Runner
	defer runner.Close()
	outcome, err := runner.Run(ctx, command, func(stderr bool, line string) {
		if stderr {
			last = line
			return
		}
		size += int64(len(line)) + 1
		_, _ = io.WriteString(hasher, line+"\n")
	})
	switch {
	case err != nil:
		return digest.Content{}, err
	case outcome.Signal != "":
		return digest.Content{}, fmt.Errorf("the command was ended by %s", outcome.Signal)
	case outcome.Code != 0 && last != "":
		return digest.Content{}, fmt.Errorf("the command ended with exit code %d: %s", outcome.Code, last)
	case outcome.Code != 0:
		return digest.Content{}, fmt.Errorf("the command ended with exit code %d", outcome.Code)
	}
	return digest.Content{ID: hasher.Sum(), Mode: digest.File, Size: size}, nil
}

// probeExe is the content of a program on the stage's PATH.
func probeExe(name string, env []string) (digest.Content, error) {
	path, _ := lookup(env, "PATH")
	for _, dir := range filepath.SplitList(path) {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		hasher := digest.New()
		size, err := io.Copy(hasher, file)
		return digest.Content{ID: hasher.Sum(), Mode: digest.File, Size: size}, err
	}
	return digest.Content{}, fmt.Errorf("no program %s is on PATH", name)
}

// patience is how long a server may take to answer.
const patience = 30 * time.Second

// probeURL is the etag of what an address serves; where there is none, the content.
func probeURL(ctx context.Context, address string) (digest.Content, error) {
	head, err := ask(ctx, http.MethodHead, address)
	if err == nil {
		head.Body.Close()
		if etag := head.Header.Get("ETag"); etag != "" {
			return textContent("etag " + strings.TrimPrefix(etag, "W/")), nil
		}
	}
	got, err := ask(ctx, http.MethodGet, address)
	if err != nil {
		return digest.Content{}, err
	}
	defer got.Body.Close()
	hasher := digest.New()
	size, err := io.Copy(hasher, got.Body)
	if err == nil && got.ContentLength >= 0 && size != got.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	return digest.Content{ID: hasher.Sum(), Mode: digest.File, Size: size}, err
}

func ask(ctx context.Context, method, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: patience}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, errors.Unwrap(err) // without the address, which the caller names
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("the server answers %s", answer.Status)
	}
	return answer, nil
}
