package bucket

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"flow/pkg/diag"
)

// azure is a Bucket in a container of Azure Blob Storage.
type azure struct {
	web
	prefix  string // of all names; ends with a slash unless it is ""
	account string
	key     []byte     // to sign with; nil when there is none
	sas     url.Values // to send along; nil when there is none
	foreign bool       // the server is not one of Azure's own
	mu      sync.Mutex
	token   string // what `az` gave
}

var _ Bucket = (*azure)(nil)

var azureSettings = []Setting{
	{Name: "account", Desc: "the storage account; default: AZURE_STORAGE_ACCOUNT"},
	{Name: "endpoint", Desc: "the server, when it is not ACCOUNT.blob.core.windows.net"},
	{Name: "account_key", Desc: "default: AZURE_STORAGE_KEY", Private: true},
	{Name: "sas_token", Desc: "default: AZURE_STORAGE_SAS_TOKEN; without any, what `az login` has", Private: true},
	{Name: "connection_string", Desc: "default: AZURE_STORAGE_CONNECTION_STRING", Private: true},
}

// azureVersion is that of the protocol.
const azureVersion = "2021-08-06"

func openAzure(spec Spec, at *url.URL) (Bucket, error) {
	if at.Host == "" {
		return nil, diag.At(diag.Pos{}, "the URL of remote %s names no container", spec.Name).WithHint("it is azure://CONTAINER/FOLDER")
	}
	parts := map[string]string{}
	for _, pair := range strings.Split(firstOf(spec.Settings["connection_string"], os.Getenv("AZURE_STORAGE_CONNECTION_STRING")), ";") {
		key, value, _ := strings.Cut(pair, "=")
		parts[key] = value
	}
	a := &azure{prefix: strings.Trim(at.Path, "/")}
	if a.prefix != "" {
		a.prefix += "/"
	}
	a.account = firstOf(spec.Settings["account"], parts["AccountName"], os.Getenv("AZURE_STORAGE_ACCOUNT"))
	if a.account == "" {
		return nil, diag.At(diag.Pos{}, "remote %s has no storage account", spec.Name).
			WithHint("flow remote modify %s account NAME, or set AZURE_STORAGE_ACCOUNT", spec.Name)
	}
	endpoint := firstOf(spec.Settings["endpoint"], parts["BlobEndpoint"], "https://"+a.account+".blob.core.windows.net")
	base, err := url.Parse(endpoint)
	if err != nil || base.Host == "" || base.User != nil {
		return nil, diag.At(diag.Pos{}, "the endpoint of remote %s is no URL of a server", spec.Name)
	}
	if err := a.credentials(spec, parts, base); err != nil {
		return nil, err
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/" + at.Host
	a.web = web{client: newClient(), base: base, sign: a.signed,
		hint: "check the credentials: AZURE_STORAGE_KEY, `az login`, or flow remote modify --local " + spec.Name + " account_key"}
	return a, nil
}

// credentials finds what to sign in with. What a server gets to see whole, a SAS token or
// what az gives, goes only to Azure's own when the person has not set it for this remote.
func (a *azure) credentials(spec Spec, parts map[string]string, server *url.URL) error {
	a.foreign = server.Scheme != "https" || !strings.HasSuffix(server.Hostname(), ".blob.core.windows.net")
	key := firstOf(spec.Settings["account_key"], parts["AccountKey"])
	sas := firstOf(spec.Settings["sas_token"], parts["SharedAccessSignature"])
	if key == "" && sas == "" {
		key, sas = os.Getenv("AZURE_STORAGE_KEY"), os.Getenv("AZURE_STORAGE_SAS_TOKEN")
	}
	if a.foreign && spec.Settings["sas_token"] == "" && spec.Settings["connection_string"] == "" {
		sas = ""
	}
	var err error
	if key != "" {
		if a.key, err = base64.StdEncoding.DecodeString(key); err != nil {
			return diag.At(diag.Pos{}, "the account key of remote %s is not one of Azure's: it is no base64", spec.Name)
		}
		return nil
	}
	if sas != "" {
		if a.sas, err = url.ParseQuery(strings.TrimPrefix(sas, "?")); err != nil {
			return diag.At(diag.Pos{}, "the SAS token of remote %s is not one", spec.Name)
		}
	}
	return nil
}

// signed puts credentials on a request: a SAS token, or a signature with the account's
// key, or what `az login` has.
func (a *azure) signed(ctx context.Context, request *http.Request, c call) error {
	request.Header.Set("X-Ms-Version", azureVersion)
	request.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	switch {
	case a.key != nil:
		text := azureText(request, c, a.account)
		hash := hmac.New(sha256.New, a.key)
		io.WriteString(hash, text)
		request.Header.Set("Authorization", "SharedKey "+a.account+":"+base64.StdEncoding.EncodeToString(hash.Sum(nil)))
	case a.sas != nil:
		query := request.URL.Query()
		for key, values := range a.sas {
			query[key] = values
		}
		request.URL.RawQuery = query.Encode()
	case a.foreign:
		return diag.At(diag.Pos{}, "there are no credentials for a server that is not Azure's own").
			WithHint("flow remote modify --local NAME account_key, or sas_token")
	default:
		token, err := a.bearer(ctx)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// azureText is what a signature with the account's key is over.
func azureText(request *http.Request, c call, account string) string {
	length := ""
	if c.size > 0 {
		length = strconv.FormatInt(c.size, 10)
	}
	header := request.Header.Get
	lines := []string{request.Method, header("Content-Encoding"), header("Content-Language"), length, header("Content-Md5"),
		header("Content-Type"), "", header("If-Modified-Since"), header("If-Match"), header("If-None-Match"), header("If-Unmodified-Since"), header("Range")}
	var names []string
	for name := range request.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		lines = append(lines, name+":"+header(name))
	}
	resource := "/" + account + request.URL.EscapedPath()
	query := request.URL.Query()
	var keys []string
	for key := range query {
		keys = append(keys, strings.ToLower(key))
	}
	slices.Sort(keys)
	for _, key := range keys {
		resource += "\n" + key + ":" + strings.Join(query[key], ",")
	}
	return strings.Join(append(lines, resource), "\n")
}

// bearer asks Azure's own program for a token.
func (a *azure) bearer(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" {
		return a.token, nil
	}
	none := diag.At(diag.Pos{}, "there are no credentials for Azure").
		WithHint("set AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or install the program az and run `az login`")
	if _, err := exec.LookPath("az"); err != nil {
		return "", none
	}
	out, err := exec.CommandContext(ctx, "az", "account", "get-access-token", "--resource", "https://storage.azure.com/", "--output", "json").Output()
	var told struct {
		AccessToken string `json:"accessToken"`
	}
	if err == nil {
		err = json.Unmarshal(out, &told)
	}
	if err != nil || told.AccessToken == "" {
		return "", none
	}
	a.token = told.AccessToken
	return a.token, nil
}

func (a *azure) Stat(ctx context.Context, name string) (int64, error) {
	return a.stat(ctx, a.prefix+name, nil)
}

func (a *azure) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	return a.get(ctx, a.prefix+name, from, size, nil)
}

const (
	azureWhole = 64 << 20 // up to this size a blob goes in one request
	azureBlock = 16 << 20 // the least size of a block of a larger one
	azureMost  = 45000    // how many blocks there are at most; the server allows 50,000
)

func (a *azure) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	if size > azureWhole {
		return a.putBlocks(ctx, a.prefix+name, content, size)
	}
	_, err := a.quiet(ctx, call{method: http.MethodPut, name: a.prefix + name, body: content, size: size, header: http.Header{"X-Ms-Blob-Type": {"BlockBlob"}}})
	return err
}

// putBlocks sends a large blob in blocks, named by what they hold: those that an earlier
// try has sent don't go again.
func (a *azure) putBlocks(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	there := a.blocks(ctx, name)
	length := max(int64(azureBlock), (size+azureMost-1)/azureMost)
	ids := make([]string, (size+length-1)/length)
	indexes := make([]string, len(ids))
	for i := range indexes {
		indexes[i] = strconv.Itoa(i)
	}
	err := inParallel(ctx, indexes, func(ctx context.Context, index string) error {
		i, _ := strconv.Atoi(index)
		from := int64(i) * length
		block := io.NewSectionReader(content, from, min(length, size-from))
		sum, err := hashed(call{body: block, size: block.Size()})
		if err != nil {
			return err
		}
		ids[i] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%06d-%.40s", i, sum))
		if there[ids[i]] == block.Size() {
			return nil
		}
		_, err = a.quiet(ctx, call{method: http.MethodPut, name: name, body: block, size: block.Size(), query: url.Values{"comp": {"block"}, "blockid": {ids[i]}}})
		return err
	})
	if err != nil {
		return err
	}
	type list struct {
		XMLName xml.Name `xml:"BlockList"`
		Latest  []string
	}
	text, err := xml.Marshal(list{Latest: ids})
	if err != nil {
		return err
	}
	_, err = a.quiet(ctx, call{method: http.MethodPut, name: name, query: url.Values{"comp": {"blocklist"}}, body: bytes.NewReader(text), size: int64(len(text))})
	return err
}

// blocks returns the blocks of a blob that were sent and not put together yet, by size.
func (a *azure) blocks(ctx context.Context, name string) map[string]int64 {
	var told struct {
		Block []struct {
			Name string
			Size int64
		} `xml:"UncommittedBlocks>Block"`
	}
	there := map[string]int64{}
	if a.decode(ctx, call{method: http.MethodGet, name: name, query: url.Values{"comp": {"blocklist"}, "blocklisttype": {"uncommitted"}}}, &told) == nil {
		for _, block := range told.Block {
			there[block.Name] = block.Size
		}
	}
	return there
}

func (a *azure) List(ctx context.Context, folder string, each func(Blob) error) error {
	prefix := a.prefix
	if folder != "" {
		prefix += folder + "/"
	}
	query := url.Values{"restype": {"container"}, "comp": {"list"}, "prefix": {prefix}}
	for {
		var listing struct {
			Blob []struct {
				Name string
				Size int64 `xml:"Properties>Content-Length"`

				Modified string `xml:"Properties>Last-Modified"`
			} `xml:"Blobs>Blob"`
			NextMarker string
		}
		if err := a.decode(ctx, call{method: http.MethodGet, query: query}, &listing); err != nil {
			return err
		}
		for _, blob := range listing.Blob {
			if !strings.HasPrefix(blob.Name, prefix) {
				continue
			}
			if err := each(Blob{blob.Name[len(a.prefix):], blob.Size, httpTime(blob.Modified)}); err != nil {
				return err
			}
		}
		if listing.NextMarker == "" {
			return nil
		}
		query.Set("marker", listing.NextMarker)
	}
}

func (a *azure) Delete(ctx context.Context, name string) error {
	_, err := a.quiet(ctx, call{method: http.MethodDelete, name: a.prefix + name})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
