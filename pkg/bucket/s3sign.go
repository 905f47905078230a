package bucket

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// signed puts Amazon's signature (version 4) on a request. Over TLS, which sees to it that
// the body arrives, the body is not part of it.
func (s *s3) signed(ctx context.Context, request *http.Request, c call) error {
	keys, err := s.keys.get(ctx)
	if err != nil {
		return err
	}
	payload := "UNSIGNED-PAYLOAD"
	if request.URL.Scheme != "https" {
		if payload, err = hashed(c); err != nil {
			return err
		}
	}
	request.Header.Set("X-Amz-Content-Sha256", payload)
	if keys.ID == "" {
		return nil // anonymous
	}
	signV4(request, keys, signing{region: s.region, service: "s3", payload: payload, now: time.Now().UTC()})
	return nil
}

// hashed is the SHA-256 of a request's body.
func hashed(c call) (string, error) {
	hash := sha256.New()
	if c.body != nil {
		if _, err := io.Copy(hash, io.NewSectionReader(c.body, 0, c.size)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// signing is what a signature is made for.
type signing struct {
	region, service string
	payload         string // hash of the body
	now             time.Time
}

func signV4(request *http.Request, keys keys, s signing) {
	stamp, day := s.now.Format("20060102T150405Z"), s.now.Format("20060102")
	request.Header.Set("X-Amz-Date", stamp)
	if keys.Token != "" {
		request.Header.Set("X-Amz-Security-Token", keys.Token)
	}
	names := []string{"host"}
	values := map[string]string{"host": request.URL.Host}
	for name, value := range request.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") || lower == "content-md5" || lower == "range" {
			names = append(names, lower)
			values[lower] = strings.TrimSpace(strings.Join(value, ","))
		}
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		fmt.Fprintf(&headers, "%s:%s\n", name, values[name])
	}
	list := strings.Join(names, ";")
	request.URL.RawPath = awsEscape(request.URL.Path, true) // what is signed is what is sent
	canonical := strings.Join([]string{request.Method, firstOf(request.URL.RawPath, "/"), awsQuery(request.URL.Query()), headers.String(), list, s.payload}, "\n")
	request.URL.RawQuery = awsQuery(request.URL.Query())
	scope := strings.Join([]string{day, s.region, s.service, "aws4_request"}, "/")
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + keys.Secret)
	for _, part := range []string{day, s.region, s.service, "aws4_request"} {
		key = mac(key, part)
	}
	request.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		keys.ID, scope, list, hex.EncodeToString(mac(key, text))))
}

func mac(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	io.WriteString(hash, text)
	return hash.Sum(nil)
}

// awsQuery writes a query as Amazon signs it.
func awsQuery(query url.Values) string {
	var parts []string
	for key, values := range query {
		for _, value := range values {
			parts = append(parts, awsEscape(key, false)+"="+awsEscape(value, false))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// awsEscape escapes all but letters, digits, - _ . ~ and, in a path, slashes.
func awsEscape(text string, path bool) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0, path && c == '/':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
