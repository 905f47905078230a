package bucket

import (
	"context"
	"net/http"
	"net/url"
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
