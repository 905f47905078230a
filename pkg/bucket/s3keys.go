package bucket

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"flow/pkg/diag"
)

// keys are credentials for S3. Without an ID they are anonymous.
type keys struct {
	ID     string `json:"AccessKeyId"`
	Secret string `json:"SecretAccessKey"`
	Token  string `json:"SessionToken"`
	// Expires is when they are of no use any more; zero: never.
	Expires time.Time `json:"Expiration"`
}

// keyring finds credentials where Amazon's own tools have them: in the environment, in
// ~/.aws, and on machines at Amazon from the machine. It keeps them until they expire.
type keyring struct {
	settings map[string]string
	client   *http.Client

	mu    sync.Mutex
	found *keys
}

// early is how long before they expire credentials are found anew.
const early = 2 * time.Minute

func (k *keyring) get(ctx context.Context) (keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.found != nil && (k.found.Expires.IsZero() || time.Until(k.found.Expires) > early) {
		return *k.found, nil
	}
	found, err := k.find(ctx)
	if err != nil {
		return keys{}, err
	}
	k.found = &found
	return found, nil
}

func (k *keyring) find(ctx context.Context) (keys, error) {
	if k.settings["anonymous"] == "true" {
		return keys{}, nil
	}
	if id, secret := k.settings["access_key_id"], k.settings["secret_access_key"]; id != "" && secret != "" {
		return keys{ID: id, Secret: secret, Token: k.settings["session_token"]}, nil
	}
	if id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"); id != "" && secret != "" && k.settings["profile"] == "" {
		return keys{ID: id, Secret: secret, Token: os.Getenv("AWS_SESSION_TOKEN")}, nil
	}
	for _, from := range []func(context.Context) (keys, error){k.fromProfile, k.fromWebIdentity, k.fromContainer, k.fromMachine} {
		found, err := from(ctx)
		if err != nil || found.ID != "" {
			return found, err
		}
	}
	return keys{}, diag.At(diag.Pos{}, "there are no credentials for S3").
		WithHint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`; for a bucket that all may read: flow remote modify NAME anonymous true")
}

// profile is the name of the section of ~/.aws that counts.
func (k *keyring) profile() string {
	return firstOf(k.settings["profile"], os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"), "default")
}

// region returns what the environment and ~/.aws say of the region; "" for nothing.
func (k *keyring) region() string {
	if k.settings["profile"] == "" {
		if region := firstOf(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")); region != "" {
			return region
		}
	}
	return k.section()["region"]
}

// section returns what ~/.aws says of the profile.
func (k *keyring) section() map[string]string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	all := map[string]string{}
	name := k.profile()
	for _, file := range []struct{ path, section string }{
		{firstOf(os.Getenv("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config")), map[bool]string{true: name, false: "profile " + name}[name == "default"]},
		{firstOf(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials")), name},
	} {
		for key, value := range iniSection(file.path, file.section) {
			all[key] = value
		}
	}
	return all
}

// iniSection reads one section of an INI file; nothing when it isn't there.
func iniSection(file, section string) map[string]string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	values := map[string]string{}
	in := false
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		line := strings.TrimSpace(scanner.Text())
		if strings.HasPrefix(line, "[") {
			in = strings.TrimSpace(strings.Trim(line, "[]")) == section
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if in && found && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
			values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return values
}

// fromProfile takes what ~/.aws says: keys, a program that prints them, or something that
// only Amazon's own program understands, such as single sign-on.
func (k *keyring) fromProfile(ctx context.Context) (keys, error) {
	section := k.section()
	switch {
	case section["aws_access_key_id"] != "" && section["role_arn"] == "":
		return keys{ID: section["aws_access_key_id"], Secret: section["aws_secret_access_key"], Token: section["aws_session_token"]}, nil
	case section["credential_process"] != "":
		return printed(ctx, shell(ctx, section["credential_process"]))
	case section["sso_session"] != "" || section["sso_start_url"] != "" || section["role_arn"] != "" || section["login_session"] != "":
		if _, err := exec.LookPath("aws"); err != nil {
			return keys{}, diag.At(diag.Pos{}, "the profile %q of ~/.aws needs the program aws, which is not on PATH", k.profile()).
				WithHint("install it, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN")
		}
		return printed(ctx, exec.CommandContext(ctx, "aws", "configure", "export-credentials", "--format", "process", "--profile", k.profile()))
	}
	return keys{}, nil
}

func shell(ctx context.Context, command string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, "cmd", "/c", command)
	}
	return exec.CommandContext(ctx, "sh", "-c", command)
}

// printed are the keys that a program prints.
func printed(ctx context.Context, cmd *exec.Cmd) (keys, error) {
	cmd.Stderr = os.Stderr // it may ask the person to sign in
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return keys{}, context.Cause(ctx)
	}
	var found keys
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil || found.ID == "" {
		return keys{}, diag.At(diag.Pos{}, "the program that gives the credentials for S3 gave none").
			WithHint("its own messages are above; see credential_process, or aws sso login")
	}
	return found, nil
}

// fromWebIdentity trades a token that lies in a file, as in Kubernetes, for keys.
func (k *keyring) fromWebIdentity(ctx context.Context) (keys, error) {
	file, role := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), os.Getenv("AWS_ROLE_ARN")
	if file == "" || role == "" {
		return keys{}, nil
	}
	token, err := os.ReadFile(file)
	if err != nil {
		return keys{}, fmt.Errorf("read the token that AWS_WEB_IDENTITY_TOKEN_FILE names: %w", err)
	}
	query := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role},
		"RoleSessionName": {firstOf(os.Getenv("AWS_ROLE_SESSION_NAME"), "flow")}, "WebIdentityToken": {strings.TrimSpace(string(token))}}
	host := "https://sts.amazonaws.com"
	if region := k.region(); region != "" {
		host = "https://sts." + region + ".amazonaws.com"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, host, strings.NewReader(query.Encode()))
	if err != nil {
		return keys{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	text, err := k.ask(request)
	if err != nil {
		return keys{}, fmt.Errorf("ask Amazon for credentials: %w", err)
	}
	var told struct {
		Keys struct {
			AccessKeyId, SecretAccessKey, SessionToken string
			Expiration                                 time.Time
		} `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	err = xml.Unmarshal(text, &told)
	return keys{ID: told.Keys.AccessKeyId, Secret: told.Keys.SecretAccessKey, Token: told.Keys.SessionToken, Expires: told.Keys.Expiration}, err
}

// fromContainer asks the service that containers at Amazon have.
func (k *keyring) fromContainer(ctx context.Context) (keys, error) {
	address := os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative := os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		address = "http://169.254.170.2" + relative
	}
	if address == "" {
		return keys{}, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return keys{}, errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL")
	}
	token := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return keys{}, err
		}
		token = strings.TrimSpace(string(text))
	}
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	return k.told(request)
}

// machine is where a machine at Amazon tells about itself.
const machine = "http://169.254.169.254/latest/"

// fromMachine asks the machine; where it is not Amazon's nobody answers, soon.
func (k *keyring) fromMachine(ctx context.Context) (keys, error) {
	if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return keys{}, nil
	}
	soon, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	request, _ := http.NewRequestWithContext(soon, http.MethodPut, machine+"api/token", nil)
	request.Header.Set("X-aws-ec2-metadata-token-ttl-seconds", "300")
	token, err := k.ask(request)
	if err != nil {
		return keys{}, ctx.Err() // it is none of Amazon's
	}
	next := func(path string) *http.Request {
		request, _ := http.NewRequestWithContext(soon, http.MethodGet, machine+"meta-data/iam/security-credentials/"+path, nil)
		request.Header.Set("X-aws-ec2-metadata-token", string(token))
		return request
	}
	role, err := k.ask(next(""))
	if err != nil {
		return keys{}, ctx.Err() // it has no role
	}
	return k.told(next(url.PathEscape(strings.TrimSpace(string(role)))))
}

// told asks for keys in JSON.
func (k *keyring) told(request *http.Request) (keys, error) {
	text, err := k.ask(request)
	if err != nil {
		return keys{}, fmt.Errorf("ask for credentials: %w", err)
	}
	var found struct {
		keys
		Token string
	}
	err = json.Unmarshal(text, &found)
	found.keys.Token = found.Token
	return found.keys, err
}

func (k *keyring) ask(request *http.Request) ([]byte, error) {
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, &statusError{status: answer.StatusCode}
	}
	return io.ReadAll(io.LimitReader(answer.Body, 1<<20))
}
