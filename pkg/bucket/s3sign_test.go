package bucket

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The examples of Amazon's description of the signature.
func TestSignV4_examples(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, example := range []struct{ url, ranged, want string }{
		{"https://examplebucket.s3.amazonaws.com/test.txt", "bytes=0-9", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"https://examplebucket.s3.amazonaws.com/?lifecycle", "", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", "", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		request, err := http.NewRequest(http.MethodGet, example.url, nil)
		require.NoError(t, err)
		if example.ranged != "" {
			request.Header.Set("Range", example.ranged)
		}
		request.Header.Set("X-Amz-Content-Sha256", empty)
		signV4(request, keys{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
			signing{region: "us-east-1", service: "s3", payload: empty, now: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)})
		require.Contains(t, request.Header.Get("Authorization"), "Signature="+example.want, example.url)
	}
}
