package bucket

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// web is a server that is spoken to by HTTP, and a place on it.
type web struct {
	client *http.Client
	base   *url.URL // its path ends without a slash
	sign   func(ctx context.Context, request *http.Request, c call) error
	hint   string // what to do when the server lets nobody in
}

// call is one request.
type call struct {
	method string
	name   string // below the base
	query  url.Values
	header http.Header
	body   io.ReaderAt // nil for none
	size   int64       // of the body
}

// newClient returns a client that keeps connections for many transfers at a time. It has
// no time limits: a patient bucket sees to these.
func newClient() *http.Client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 30 * time.Second,
		DisableCompression:  true, // what is stored is what is read
	}
	return &http.Client{Transport: transport, CheckRedirect: func(request *http.Request, via []*http.Request) error {
		if len(via) > 5 || request.URL.Host != via[0].URL.Host && request.Method != http.MethodGet && request.Method != http.MethodHead {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// Close lets go of idle connections.
func (w *web) Close() error {
	w.client.CloseIdleConnections()
	return nil
}

// do sends a request and returns an answer that is a success; its body is the caller's
// to close. 404 is fs.ErrNotExist.
func (w *web) do(ctx context.Context, c call) (*http.Response, error) {
	where := *w.base
	if c.name != "" {
		where.Path += "/" + c.name
	}
	where.RawQuery = c.query.Encode()
	var body io.Reader
	if c.body != nil {
		body = io.NewSectionReader(c.body, 0, c.size)
	}
	request, err := http.NewRequestWithContext(ctx, c.method, where.String(), body)
	if err != nil {
		return nil, errors.New("the request can't be made") // the cause would show all of the URL
	}
	for key, values := range c.header {
		request.Header[key] = values
	}
	if c.body != nil {
		request.ContentLength = c.size
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(c.body, 0, c.size)), nil }
		if c.size == 0 {
			request.Body = http.NoBody
		}
	}
	request.Header.Set("User-Agent", "flow")
	if w.sign != nil {
		if err := w.sign(ctx, request, c); err != nil {
			return nil, err
		}
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	if answer.StatusCode/100 != 2 {
		return nil, w.refused(answer, c.name)
	}
	return answer, nil
}

// quiet is do for when nothing is to be read from the answer.
func (w *web) quiet(ctx context.Context, c call) (http.Header, error) {
	answer, err := w.do(ctx, c)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	answer.Body.Close()
	return answer.Header, err
}

// decode is do for an answer in XML.
func (w *web) decode(ctx context.Context, c call, into any) error {
	answer, err := w.do(ctx, c)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := xml.NewDecoder(io.LimitReader(answer.Body, 64<<20)).Decode(into); err != nil {
		return fmt.Errorf("the server's answer can't be read: %w", err)
	}
	return nil
}

// stat asks for the size of a blob.
func (w *web) stat(ctx context.Context, name string, header http.Header) (int64, error) {
	answer, err := w.do(ctx, call{method: http.MethodHead, name: name, header: header})
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	if answer.ContentLength < 0 {
		return 0, errors.New("the server doesn't say how large it is")
	}
	return answer.ContentLength, nil
}

// get reads a part of a blob. A server that sends all of it is read up to there.
func (w *web) get(ctx context.Context, name string, from, size int64, header http.Header) (io.ReadCloser, error) {
	if size == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	if header == nil {
		header = http.Header{}
	}
	ranged := from > 0 || size > 0
	if ranged {
		end := ""
		if size > 0 {
			end = strconv.FormatInt(from+size-1, 10)
		}
		header.Set("Range", fmt.Sprintf("bytes=%d-%s", from, end))
	}
	answer, err := w.do(ctx, call{method: http.MethodGet, name: name, header: header})
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusRequestedRangeNotSatisfiable && size < 0 {
		return io.NopCloser(strings.NewReader("")), nil // from is the end
	}
	if err != nil {
		return nil, err
	}
	if ranged && answer.StatusCode != http.StatusPartialContent && from > 0 {
		if _, err := io.CopyN(io.Discard, answer.Body, from); err != nil {
			answer.Body.Close()
			return nil, withoutURL(err)
		}
	}
	if size < 0 && answer.ContentLength >= 0 {
		size = answer.ContentLength
		if answer.StatusCode != http.StatusPartialContent {
			size -= from
		}
	}
	return exactly(answer.Body, size), nil
}

// withoutURL drops the URL from an error: it may hold what nobody should see.
func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	var certificate *tls.CertificateVerificationError
	var unknown *net.DNSError
	if errors.As(err, &certificate) || errors.As(err, &unknown) && unknown.IsNotFound {
		return hopeless{err}
	}
	return err
}

// hopeless is an error that stays when one tries again.
type hopeless struct{ error }

// Lasting says that it is of no use to try again.
func (hopeless) Lasting() bool { return true }

// Unwrap returns the cause.
func (h hopeless) Unwrap() error { return h.error }

// statusError is an answer that is no success.
type statusError struct {
	status  int
	code    string // the server's word for it; may be ""
	message string
	advice  string
}

// Error tells the answer, in the server's words where it has any.
func (e *statusError) Error() string {
	text := fmt.Sprintf("the server answers %d %s", e.status, http.StatusText(e.status))
	if e.code != "" {
		text += ": " + e.code
	}
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// Lasting reports whether the server will not think otherwise later.
func (e *statusError) Lasting() bool {
	switch e.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusLocked:
		return false
	case http.StatusNotImplemented, http.StatusInsufficientStorage:
		return true
	}
	return e.status < 500 && e.code != "RequestTimeout" && e.code != "SlowDown"
}

// Hint says what to do about it.
func (e *statusError) Hint() string { return e.advice }

// refused makes an error of an answer. Of its body only what S3 and Azure call the code
// and the message is told: the rest may repeat the request.
func (w *web) refused(answer *http.Response, name string) error {
	defer answer.Body.Close()
	e := &statusError{status: answer.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var told struct{ Code, Message string }
	if xml.Unmarshal(text, &told) == nil {
		e.code = told.Code
		e.message, _, _ = strings.Cut(told.Message, "\n")
	}
	if e.code == "" {
		e.code = answer.Header.Get("x-ms-error-code")
	}
	if region := answer.Header.Get("x-amz-bucket-region"); region != "" && answer.StatusCode < 404 {
		e.advice = "the bucket is in the region " + region + "; if that is not what you said: flow remote modify NAME region " + region
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		if e.code == "NoSuchBucket" || e.code == "ContainerNotFound" {
			e.advice = "make it first, or correct the url: flow remote modify"
			return e
		}
		return absent(name)
	case http.StatusUnauthorized, http.StatusForbidden:
		e.advice = firstOf(e.advice, w.hint)
	}
	return e
}
