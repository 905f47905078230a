package bucket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"flow/pkg/diag"
)

// s3 is a Bucket in a bucket of Amazon S3, or of what speaks its language.
type s3 struct {
	web
	prefix string // of all names; ends with a slash unless it is ""
	keys   *keyring
	region string
	swept  sync.Once
}

var _ Bucket = (*s3)(nil)

var s3Settings = []Setting{
	{Name: "endpoint", Desc: "the server, when it is not Amazon's: https://s3.example.org"},
	{Name: "region", Desc: "default: that of your profile, else us-east-1"},
	{Name: "profile", Desc: "of ~/.aws; default: AWS_PROFILE, else default"},
	{Name: "addressing", Desc: "path or virtual: where the bucket's name stands in URLs"},
	{Name: "anonymous", Desc: "true: send no credentials, for what all may read"},
	{Name: "access_key_id", Desc: "default: AWS_ACCESS_KEY_ID, then ~/.aws and what a machine at Amazon has", Private: true},
	{Name: "secret_access_key", Desc: "as above", Private: true},
	{Name: "session_token", Desc: "as above", Private: true},
}

func openS3(spec Spec, at *url.URL) (Bucket, error) {
	if at.Host == "" {
		return nil, diag.At(diag.Pos{}, "the URL of remote %s names no bucket", spec.Name).WithHint("it is %s://BUCKET/FOLDER", at.Scheme)
	}
	s := &s3{prefix: strings.Trim(at.Path, "/")}
	if s.prefix != "" {
		s.prefix += "/"
	}
	endpoint := firstOf(spec.Settings["endpoint"], os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
	if at.Scheme == "gs" {
		endpoint = firstOf(spec.Settings["endpoint"], "https://storage.googleapis.com")
	}
	s.keys = &keyring{settings: spec.Settings, client: newClient()}
	s.region = firstOf(spec.Settings["region"], s.keys.region(), "us-east-1")
	base, err := s3Base(spec, at.Host, endpoint, s.region)
	if err != nil {
		return nil, err
	}
	s.web = web{client: newClient(), base: base, sign: s.signed, hint: "check the credentials, and what they may do: AWS_ACCESS_KEY_ID, ~/.aws/credentials, or flow remote modify --local " + spec.Name + " access_key_id"}
	return s, nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// s3Base is the URL of the bucket.
func s3Base(spec Spec, bucket, endpoint, region string) (*url.URL, error) {
	style := spec.Settings["addressing"]
	switch {
	case style != "" && style != "path" && style != "virtual":
		return nil, diag.At(diag.Pos{}, "the addressing of remote %s can't be %q", spec.Name, style).WithHint("it is path or virtual")
	case style == "" && endpoint == "" && !strings.Contains(bucket, "."):
		style = "virtual"
	case style == "":
		style = "path"
	}
	if endpoint == "" {
		endpoint = "https://s3." + region + ".amazonaws.com"
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	base, err := url.Parse(endpoint)
	if err != nil || base.Host == "" || base.User != nil {
		return nil, diag.At(diag.Pos{}, "the endpoint of remote %s is no URL of a server", spec.Name).WithHint("such as https://s3.example.org")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if style == "virtual" {
		base.Host = bucket + "." + base.Host
	} else {
		base.Path += "/" + bucket
	}
	return base, nil
}

func (s *s3) Stat(ctx context.Context, name string) (int64, error) {
	return s.stat(ctx, s.prefix+name, nil)
}

func (s *s3) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	return s.get(ctx, s.prefix+name, from, size, nil)
}

func (s *s3) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	if size > s3Whole {
		return s.putParts(ctx, s.prefix+name, content, size)
	}
	_, err := s.quiet(ctx, call{method: http.MethodPut, name: s.prefix + name, body: content, size: size})
	return err
}

// s3Listing is an answer of ListObjectsV2.
type s3Listing struct {
	Contents []struct {
		Key          string
		Size         int64
		LastModified time.Time
	}
	IsTruncated           bool
	NextContinuationToken string
}

func (s *s3) List(ctx context.Context, folder string, each func(Blob) error) error {
	prefix := s.prefix
	if folder != "" {
		prefix += folder + "/"
	}
	query := url.Values{"list-type": {"2"}, "prefix": {prefix}, "encoding-type": {"url"}}
	for {
		var listing s3Listing
		if err := s.decode(ctx, call{method: http.MethodGet, query: query}, &listing); err != nil {
			return err
		}
		for _, blob := range listing.Contents {
			key, err := url.QueryUnescape(blob.Key)
			if err != nil || !strings.HasPrefix(key, prefix) || strings.HasSuffix(key, "/") {
				continue
			}
			if err := each(Blob{key[len(s.prefix):], blob.Size, blob.LastModified}); err != nil {
				return err
			}
		}
		if !listing.IsTruncated || listing.NextContinuationToken == "" {
			return nil
		}
		query.Set("continuation-token", listing.NextContinuationToken)
	}
}

func (s *s3) Delete(ctx context.Context, name string) error {
	_, err := s.quiet(ctx, call{method: http.MethodDelete, name: s.prefix + name})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
