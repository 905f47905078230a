package bucket

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// MakeContainer makes the container of an azure:// URL.
func MakeContainer(ctx context.Context, spec Spec) error {
	at, err := url.Parse(spec.URL)
	if err != nil {
		return err
	}
	opened, err := openAzure(spec, at)
	if err != nil {
		return err
	}
	_, err = opened.(*azure).quiet(ctx, call{method: http.MethodPut, query: url.Values{"restype": {"container"}}})
	return err
}

// MakeBucket makes the bucket of an s3:// URL.
func MakeBucket(ctx context.Context, spec Spec) error {
	at, err := url.Parse(spec.URL)
	if err != nil {
		return err
	}
	opened, err := openS3(spec, at)
	if err != nil {
		return err
	}
	_, err = opened.(*s3).quiet(ctx, call{method: http.MethodPut})
	return err
}

// LeaveUploads begins uploads of blobs, ends those that are older than an age, and returns
// the names of those that are left.
func LeaveUploads(ctx context.Context, spec Spec, names []string, age time.Duration) ([]string, error) {
	at, err := url.Parse(spec.URL)
	if err != nil {
		return nil, err
	}
	opened, err := openS3(spec, at)
	if err != nil {
		return nil, err
	}
	s := opened.(*s3)
	for _, name := range names {
		if _, _, err := s.begun(ctx, s.prefix+name); err != nil {
			return nil, err
		}
	}
	if err := s.endUploads(ctx, age, ""); err != nil {
		return nil, err
	}
	var uploads struct{ Upload []struct{ Key string } }
	err = s.decode(ctx, call{method: http.MethodGet, query: url.Values{"uploads": {""}, "prefix": {s.prefix}}}, &uploads)
	var left []string
	for _, upload := range uploads.Upload {
		left = append(left, upload.Key[len(s.prefix):])
	}
	return left, err
}
