package migrate

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShellFor(t *testing.T) {
	for script, want := range map[string]string{
		"python train.py --lr 0.1":                     "",
		"python a.py && python b.py":                   "",
		"A=1 B='x y' python a.py > out.txt 2>&1":       "",
		"echo 'a; b | c' \"d & e\" f\\;g # h; i":       "",
		"python a.py >> log 2> err < in && [ -f out ]": "",
		"echo ${HOME} $USER \"$x\"":                    "",
		"cp a{1,2}.txt b/":                             "",
		"echo if for while":                            "",
		"./set.sh && mkdir -p set":                     "",
		"cat a | wc -l > n":                            inSh,
		"cd sub; python a.py":                          inSh,
		"python a.py || true":                          inSh,
		"python a.py & wait":                           inSh,
		"(cd sub && python a.py)":                      inSh,
		"echo $(date)":                                 inSh,
		"echo \"`date`\"":                              inSh,
		"echo \"at $(date)\"":                          inSh,
		"x=$(date) python a.py":                        inSh,
		"a\nb":                                         inSh,
		"set -x && python a.py":                        inSh,
		"true && set -e":                               inSh,
		". venv/bin/activate && python a.py":           inSh,
		"for i in 1 2; do echo $i; done":               inSh,
		"! python a.py":                                inSh,
		"eval python a.py":                             inSh,
		"cat <<EOF":                                    inSh,
		"A=1 exec python a.py":                         inSh,
		"source venv/bin/activate && python a.py":      inBash,
		"[[ -f x ]] && python a.py":                    inBash,
		"diff <(sort a) <(sort b)":                     inBash,
		"python a.py &> log":                           inBash,
		"cat <<< text":                                 inBash,
		"echo $'a\\tb'":                                inBash,
		"time python a.py":                             inBash,
	} {
		require.Equal(t, want, shellFor([]string{script}), "%s", script)
	}
	require.Equal(t, inSh, shellFor([]string{"a", "b; c"}))
	require.Equal(t, inBash, shellFor([]string{"b; c", "source d", "e"}))
}

// TestShellFor_agrees: what is called the same is: under both shells the script ends with
// the same code and prints the same.
func TestShellFor_agrees(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is needed")
	}
	pieces := []string{"true", "false", "echo a", "x=1 echo b", "[ -f nowhere ]", "cat nowhere 2>&1", "sh -c 'exit 3'", "echo $x"}
	for _, a := range pieces {
		for _, b := range pieces {
			for _, join := range []string{" && ", "; ", " | ", " || ", "\n"} {
				script := a + join + b
				if shellFor([]string{script}) != "" {
					continue
				}
				strict, strictErr := exec.Command(bash, "-e", "-o", "pipefail", "-c", script).CombinedOutput()
				plain, plainErr := exec.Command(bash, "-c", script).CombinedOutput()
				require.Equal(t, string(plain), string(strict), script)
				require.Equal(t, plainErr == nil, strictErr == nil, script)
			}
		}
	}
}

func FuzzShellFor(f *testing.F) {
	for _, script := range []string{"a", "a;b", "'", "\"$(", "\\", "a 2>&", "<<<", "$'"} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		shell := shellFor([]string{script})
		require.Contains(t, []string{"", inSh, inBash}, shell)
	})
}
