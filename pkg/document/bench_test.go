package document

import (
	"fmt"
	"strings"
	"testing"
)

// pipeline is a pipeline.yaml of n stages, six lines and 70 bytes each.
func pipeline(n int) []byte {
	var b strings.Builder
	b.WriteString("stages:\n")
	for i := range n {
		fmt.Fprintf(&b, "  s%05d:\n    cmd: run %d\n    deps:\n      - data/%d.csv\n    outs:\n      - out/%d\n", i, i, i, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		text := pipeline(n)
		b.Run(fmt.Sprintf("stages=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("pipeline.yaml", text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse_error reads a text with a mistake in its last stage.
func BenchmarkParse_error(b *testing.B) {
	text := append(pipeline(10_000), "  bad:\n    cmd: x\n   deps: y\n"...)
	for b.Loop() {
		if _, err := Parse("pipeline.yaml", text); err == nil {
			b.Fatal("no error")
		}
	}
}

func BenchmarkSet(b *testing.B) {
	doc, err := Parse("pipeline.yaml", pipeline(10_000))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := doc.Set([]string{"stages", "s05000", "cmd"}, "other"); err != nil {
			b.Fatal(err)
		}
	}
}
