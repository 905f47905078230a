package bucket

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	s3Whole    = 64 << 20 // up to this size a blob goes in one request
	s3Part     = 16 << 20 // the least size of a part of a larger one
	s3MostPart = 9000     // how many parts there are at most; the servers allow 10,000
	s3AtOnce   = 4        // how many parts of a blob go at a time
)

// s3Uploaded is a part that the server has.
type s3Uploaded struct {
	PartNumber int
	ETag       string
	Size       int64 `xml:",omitempty"`
}

// putParts sends a large blob in parts. Parts that an earlier try has sent, which may be of
// another process, don't go again: the server's sum of each is compared with ours.
func (s *s3) putParts(ctx context.Context, key string, content io.ReaderAt, size int64) error {
	s.swept.Do(func() { _ = s.endUploads(ctx, leftover, key) }) // what it can't end is in nobody's way
	upload, there, err := s.begun(ctx, key)
	if err != nil {
		return err
	}
	length := max(int64(s3Part), (size+s3MostPart-1)/s3MostPart)
	parts := make([]s3Uploaded, (size+length-1)/length)
	err = s.eachPart(ctx, len(parts), func(ctx context.Context, i int) error {
		from := int64(i) * length
		part := io.NewSectionReader(content, from, min(length, size-from))
		parts[i].PartNumber = i + 1
		if was, found := there[i+1]; found && was.Size == part.Size() {
			if sum, err := md5Of(part); err != nil || sum == was.ETag {
				parts[i].ETag = was.ETag
				return err
			}
		}
		header, err := s.quiet(ctx, call{method: http.MethodPut, name: key, body: part, size: part.Size(),
			query: url.Values{"partNumber": {strconv.Itoa(i + 1)}, "uploadId": {upload}}})
		if err == nil {
			parts[i].ETag = header.Get("ETag")
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.complete(ctx, key, upload, parts)
}

func md5Of(content io.Reader) (string, error) {
	hash := md5.New()
	_, err := io.Copy(hash, content)
	return `"` + hex.EncodeToString(hash.Sum(nil)) + `"`, err
}

// eachPart does something for every part, some at a time; the first error stops it.
func (s *s3) eachPart(ctx context.Context, count int, do func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	slots := make(chan struct{}, s3AtOnce)
	for i := range count {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		workers.Go(func() {
			if err := do(ctx, i); err != nil {
				stop(err)
			}
			<-slots
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// begun returns an upload of a blob that an earlier try began, with the parts that are
// there, or a new one.
func (s *s3) begun(ctx context.Context, key string) (string, map[int]s3Uploaded, error) {
	var uploads struct {
		Upload []struct{ Key, UploadId string }
	}
	if err := s.decode(ctx, call{method: http.MethodGet, query: url.Values{"uploads": {""}, "prefix": {key}}}, &uploads); err == nil {
		for _, upload := range slices.Backward(uploads.Upload) {
			if upload.Key != key {
				continue
			}
			if parts, err := s.parts(ctx, key, upload.UploadId); err == nil {
				return upload.UploadId, parts, nil
			}
		}
	}
	var made struct{ UploadId string }
	err := s.decode(ctx, call{method: http.MethodPost, name: key, query: url.Values{"uploads": {""}}}, &made)
	if err == nil && made.UploadId == "" {
		err = errors.New("the server begins no upload")
	}
	return made.UploadId, nil, err
}

// ours knows the blobs that are large: those named by what they hold.
var ours = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`/[0-9a-f]{62}(\.pack|[0-9a-f]{2}\.pack)?$`) })

// sweep ends the uploads that were begun long ago and never came to an end: they take room,
// and no listing shows them.
func (s *s3) sweep(ctx context.Context) error { return s.endUploads(ctx, leftover, "") }

// endUploads ends those that are older than an age, but for that of one blob.
func (s *s3) endUploads(ctx context.Context, age time.Duration, but string) error {
	query := url.Values{"uploads": {""}, "prefix": {s.prefix}}
	for {
		var page struct {
			Upload []struct {
				Key, UploadId string
				Initiated     time.Time
			}
			IsTruncated                       bool
			NextKeyMarker, NextUploadIdMarker string
		}
		if err := s.decode(ctx, call{method: http.MethodGet, query: query}, &page); err != nil {
			return err
		}
		for _, upload := range page.Upload {
			if upload.Key == but || !strings.HasPrefix(upload.Key, s.prefix) || !ours().MatchString(upload.Key) || upload.Initiated.IsZero() || time.Since(upload.Initiated) < age {
				continue
			}
			_, err := s.quiet(ctx, call{method: http.MethodDelete, name: upload.Key, query: url.Values{"uploadId": {upload.UploadId}}})
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == "" {
			return nil
		}
		query.Set("key-marker", page.NextKeyMarker)
		query.Set("upload-id-marker", page.NextUploadIdMarker)
	}
}

func (s *s3) parts(ctx context.Context, key, upload string) (map[int]s3Uploaded, error) {
	parts := map[int]s3Uploaded{}
	query := url.Values{"uploadId": {upload}}
	for {
		var page struct {
			Part                 []s3Uploaded
			IsTruncated          bool
			NextPartNumberMarker string
		}
		if err := s.decode(ctx, call{method: http.MethodGet, name: key, query: query}, &page); err != nil {
			return nil, err
		}
		for _, part := range page.Part {
			parts[part.PartNumber] = part
		}
		if !page.IsTruncated || page.NextPartNumberMarker == "" {
			return parts, nil
		}
		query.Set("part-number-marker", page.NextPartNumberMarker)
	}
}

// complete makes a blob of its parts. The server may say yes, and then in the body no.
func (s *s3) complete(ctx context.Context, key, upload string, parts []s3Uploaded) error {
	type completion struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []s3Uploaded
	}
	for i := range parts {
		parts[i].Size = 0
	}
	text, err := xml.Marshal(completion{Part: parts})
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodPost, name: key, query: url.Values{"uploadId": {upload}},
		body: bytes.NewReader(text), size: int64(len(text))})
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the upload was ended by somebody else") // and not that the blob isn't there
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	told, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && strings.Contains(string(told), "<Error>") {
		err = errors.New("the server could not put the parts together")
	}
	return err
}
