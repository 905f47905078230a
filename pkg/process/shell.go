package process

import (
	"os/exec"
	"runtime"
)

// Shell returns the words that go before a script when nobody chose others. It
// doesn't depend on the person's own shell, which differs between machines.
func Shell() []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/C"}
	}
	if _, err := exec.LookPath("bash"); err == nil {
		return []string{"bash", "-e", "-o", "pipefail", "-c"}
	}
	return []string{"sh", "-e", "-c"}
}
