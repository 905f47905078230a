package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// probePage holds another page in a frame of a width, uses it as a reader would, and
// writes down what came of it.
const probePage = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<iframe id="f" src="/page" style="border:0;width:%dpx;height:2000px"></iframe><pre id="out"></pre><script>
document.getElementById('f').addEventListener('load', () => {
  const frame = document.getElementById('f'), doc = frame.contentDocument, win = frame.contentWindow;
  const told = {overflow: doc.documentElement.scrollWidth - win.innerWidth, smallest: 99, texts: 0, outside: [],
    paper: win.getComputedStyle(doc.body).backgroundColor, tip: '', hidden: 0};
  for (const text of doc.querySelectorAll('svg text')) {
    const svg = text.closest('svg'), box = svg.getBoundingClientRect(), own = text.getBoundingClientRect();
    if (!box.width) continue;
    told.texts++;
    told.smallest = Math.min(told.smallest, parseFloat(win.getComputedStyle(text).fontSize) * box.width / svg.viewBox.baseVal.width);
    if (own.left < box.left - 2 || own.right > box.right + 2 || own.top < box.top - 2 || own.bottom > box.bottom + 2) told.outside.push(text.textContent);
  }
  for (const hover of doc.querySelectorAll('.hover')) {
    const box = hover.closest('svg').getBoundingClientRect();
    if (!box.width) continue;
    hover.closest('svg').dispatchEvent(new win.PointerEvent('pointermove', {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2}));
    told.tip = doc.querySelector('.tip').textContent;
    break;
  }
  for (const key of doc.querySelectorAll('.key')) key.dispatchEvent(new win.MouseEvent('click'));
  told.hidden = [...doc.querySelectorAll('.series')].filter((s) => s.style.display === 'none').length;
  document.getElementById('out').textContent = JSON.stringify(told);
});
</script>`

// probed is what a browser tells of a page.
type probed struct {
	Overflow float64  // pixels that the page is wider than the window
	Smallest float64  // size of the smallest text in a picture, in pixels
	Texts    int      // how many texts the pictures show
	Outside  []string // texts that are cut off
	Paper    string   // the colour of the ground
	Tip      string   // what is said below the pointer
	Hidden   int      // series that a click on the legend has hidden
	Console  []string // what the console says
	Requests []string // what the page asked the network for
}

// browse opens a page in Chromium.
func browse(t *testing.T, page []byte, width int, dark bool) probed {
	t.Helper()
	browser := chromium(t)
	var told probed
	var lock sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			fmt.Fprintf(w, probePage, width)
		case "/page":
			_, _ = w.Write(page)
		default:
			lock.Lock()
			told.Requests = append(told.Requests, r.URL.Path)
			lock.Unlock()
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	scheme := map[bool]string{true: "0", false: "1"}[dark]
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--blink-settings=preferredColorScheme="+scheme,
		"--user-data-dir="+t.TempDir(), "--window-size=1400,1000", "--virtual-time-budget=5000", "--enable-logging=stderr", "--dump-dom", server.URL)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), stderr.String())
	found := regexp.MustCompile(`(?s)<pre id="out">(.*?)</pre>`).FindStringSubmatch(stdout.String())
	require.NotNil(t, found, "the browser wrote %s\n%s", stdout.String(), stderr.String())
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(found[1])), &told), found[1])
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, ":CONSOLE") {
			told.Console = append(told.Console, line)
		}
	}
	return told
}

func chromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome", "chromium-headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("FLOW_TEST_ALL") == "" {
		t.Skip("it needs a browser: apt-get install chromium")
	}
	require.Fail(t, "there is no chromium on PATH", "apt-get install chromium")
	return ""
}

// flowIn runs flow in a folder and returns what it prints.
func flowIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	words := append([]string{"-C", dir}, args...)
	root := newRootCmd(&app{out: &out, err: &problems}, words)
	root.SetArgs(words)
	require.NoError(t, root.Execute(), problems.String())
	return out.String()
}

// project writes files into a new folder.
func projectOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

// requireReadable opens a page at the widths of a phone and of a desk, in light and in
// dark.
func requireReadable(t *testing.T, page []byte, check func(told probed)) {
	t.Helper()
	for _, width := range []int{360, 1280} {
		for _, dark := range []bool{false, true} {
			told := browse(t, page, width, dark)
			where := fmt.Sprintf("%d pixels, dark %v", width, dark)
			require.Empty(t, told.Console, where)
			require.Empty(t, told.Requests, where)
			require.LessOrEqual(t, told.Overflow, 0.0, where)
			require.Empty(t, told.Outside, where)
			if told.Texts > 0 {
				require.GreaterOrEqual(t, told.Smallest, 9.0, where)
			}
			require.Equal(t, dark, told.Paper != "rgb(255, 255, 255)", where)
			check(told)
		}
	}
}

func TestBrowser_plots(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts browsers")
	}
	dir := projectOf(t, map[string]string{
		"pipeline.yaml": "plots:\n  - a.csv: {x: x, y: [one, two], title: 'Two <b>lines</b>'}\n" +
			"  - c.csv: {template: confusion, x: t, y: s}\n  - n.csv: {template: confusion_normalized, x: t, y: s}\n" +
			"  - b.json: {template: bar_horizontal, x: n, y: w}\n  - s.csv: {template: smooth, x: x, y: y}\n  - j.csv: {template: scatter_jitter, x: x, y: y}\n  - i.svg\n",
		"a.csv":  "x,one,two\n0,1,1e-9\n1,2,1000000\n2,nan,3\n3,4,5\n",
		"c.csv":  "t,s\na rather long name of a class,b\nb,b\n東京,東京\n",
		"n.csv":  "t,s\n1,1\n2,1\n10,2\n",
		"b.json": `[{"n": 3, "w": "a word that is much too long for the room that there is beside a bar"}, {"n": -2, "w": "</script>"}]`,
		"s.csv":  "x,y\n0,1\n1,3\n2,2\n3,5\n4,4\n5,7\n", "j.csv": "x,y\na,1\nb,2\nb,2\nc,3\n",
		"i.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><script>alert(1)</script><rect width="20" height="20"/></svg>`,
	})
	requireReadable(t, []byte(flowIn(t, dir, "plots", "show", "-o", "-")), func(told probed) {
		require.Greater(t, told.Texts, 20)
		require.Contains(t, told.Tip, "x: ")
		require.Contains(t, told.Tip, "two: ")
		require.Positive(t, told.Hidden)
	})
}

func TestBrowser_dag(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts browsers")
	}
	text := "stages:\n  first: {cmd: 'true', outs: [first.out]}\n"
	for i := range 40 {
		text += fmt.Sprintf("  work_%d: {cmd: 'true', deps: [first.out], outs: [%d.out]}\n  look_%d: {cmd: 'true', deps: [%d.out, first.out]}\n", i, i, i, i)
	}
	dir := projectOf(t, map[string]string{"pipeline.yaml": text})
	requireReadable(t, []byte(flowIn(t, dir, "dag", "--html")), func(told probed) {
		require.Greater(t, told.Texts, 100)
	})
}

func TestBrowser_report(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts browsers")
	}
	dir := projectOf(t, map[string]string{
		"pipeline.yaml": "stages:\n  train: {cmd: 'cp a.csv b.csv; cp a.json m.json', deps: [a.csv, a.json], metrics: [m.json], plots: [b.csv: {x: x}]}\n",
		"a.csv":         "x,y\n1,2\n2,1\n", "a.json": `{"a-metric-with-a-very-long-name-that-does-not-fit-beside-others": {"of": 1e-12}, "t": "東京"}`,
	})
	flowIn(t, dir, "repro", "-q")
	requireReadable(t, []byte(flowIn(t, dir, "report", "-o", "-")), func(told probed) {
		require.Greater(t, told.Texts, 5)
		require.Contains(t, told.Tip, "x: ")
	})
}
