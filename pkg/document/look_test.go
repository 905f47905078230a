package document
import ("testing";"fmt";"flow/pkg/diag";"strings")
func TestLook(t *testing.T){
 for _,s:=range []string{
 "a: 1\nb\nc: 3\n", "x: 1\na: 1\n b: 2\nc: 3\n","a: 1\n b: 2\n","x: 0\na:\n  b: 1\n c: 2\nd: 4\n","a:\n  - b\n c: 2\n","q: 1\na: [1, 2\nb: 3\nc: 4\n","q: 1\na: {x: 1\nb: 3\nc: 4\n","q: 1\na: \"unclosed\nb: 2\n","q: 1\na: 'unclosed\nb: 2\n",
 "a:\n\tb: 1\n","a:\n  b: 1\n\tc: 2\n","a: 1\n\tb: 2\n","a: @foo\n","x: 1\na: `foo`\n","a: %foo\n","a: *x\n","x: 1\na: *x\n","a: &\n","a: !<foo\n","a: !foo!bar x\n","a: 1\n- b\n","- a\nb: 1\n","x: 1\ny: 2\n- b\nz: 3\n","a: b: c\n","x: 1\na: b: c\n","a: |x\n  foo\n","a: |\n  foo\n bar\nb: 1\n","a: \"\\q\"\n","x: 1\na: \"\\q\"\n", "a: }\n","x: 1\n}\n","{a: 1}}\n","x: [1,,2]\n","--- a\n--- b\n","%FOO\n","%YAML 3.0\n---\na","a: {{ x }}\n","? a\n: b\nc\n","a: 'it's'\n","x: 1\na: 'it's'\nb: 2\n","a: \"x\" y\n","a: [x] y\n","key: - a\n","a:\n  - b\n  c: 1\n","a:b\nc: d\n","a: 1\n...\nb: 2\n","x: ${a}\ny: {k: ${a}}\n","a: \"x\n---\nb\n","a\x01: b\n", "\xff\n","a: \"\\ud800\"\n","x: [a\n","x: \"a","x:\n- |\n  a\n\tb\n","\ta: 1\n","a:\n  b: 1\n   c: 2\n","a: foo: bar\n  b: 2","a: x\n  b: 2\nc: 3\n",
 "deps: [*.csv]\n","x: 1\ndeps:\n  - *.csv\n","x:\n  - *\n","a: 1\nb: 2\na: 3\nc: !py 1\nd: {e: 1, e: 2}\n","a: &a [*a]\n","a: &a\n  b: *a\n","a: 1\n---\nb: 2\n","[a]: 1\n","? {a: 1}\n: 2\n",": 1\n","<<: 1\n","a: !!int x\n","a: ! 1\nb: !!str 1\n","é: ü\nü: {ä: 1, ä: 2}\n","a\u2028b: *x\n","a: 1\nb: \"é\\q\"\n", "stages:\n  a:\n    cmd: echo\n  b:\n    cmd: x\n   deps: [a]\n  c:\n    cmd: y\n","a: b\x00c\n","a\x00: \x00","\xff\xfea\x00",strings.Repeat("[",300)+strings.Repeat("]",300),strings.Repeat("[",20000),"a: [x, y\n     z: q\n","a:\n  - x\n b: 1\nc: [\n","a: %%\n","a: \u00e9\u00e9 @\nb: @\u00e9\u00e9\n","msg: it's: here\n","a: |\n x\n\ty\n","a: ,b\n","a: ]b\n",
 }{
  d,err:=Parse("f.yaml",[]byte(s))
  if len(s)>60{s=s[:60]}
  fmt.Printf("%q\n",s)
  if err==nil { fmt.Println("   OK", d.Root!=nil) }
  for _,e:=range diag.All(err){ fmt.Printf("   %v\n     |%s\n     |%s%s  (%s) %v\n",e,e.Line,strings.Repeat(" ",max(e.Pos.Col-1,0)),strings.Repeat("^",e.Width),e.Hint,e.Notes)}
 }
}
