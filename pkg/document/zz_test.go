package document
import ("testing";"fmt";"strings";"time";"runtime")
func TestZZ(t *testing.T){
 for _, p := range [][3]string{{"comments","# c\n",""},{"ckeys","# c\n- a\n",""},{"items","- a\n",""},{"flow","a,","["},{"flow2","[],","["},{"nest","[",""},{"nestmap","{a: ",""},{"plain","x\n  ","a: "},{"blank","\n",""},{"comtrail","  # x\n","a: 1\n"},{"dq","x\n  ","a: \""},{"lit","  x\n","a: |\n"},{"lit2","\n","a: |\n"},{"anch","- &a b\n",""},{"dash","- ",""},{"q","? ",""},{"flowc","#c\na,","["},{"ff","? ,","["},{"fmap","a,","{"},{"linecom","- a # c\n",""},{"linecom2","- # c\n",""},{"cind","  # c\n","a:\n"},{"seqcom","-\n  # c\n  a\n",""},{"docs","---\n",""},{"mlkey","\"a\":1,","{"},{"tab","\t","a:"},{"star","*a ","a: "},{"amp","&a ","a: "},{"excl","! ","a: "},{"err","b\n","a: 1\n"},{"quote","'","a: "},{"esc","\\","a: \""},{"colon",":","a"},{"colons",": ","a"},{"nonascii","é, ","["},{"ls","\u2028","a: "},{"lsitems","- a\u2028",""},{"dup","a: 1\n",""},{"alias","- *a\n","- &a b\n"},{"merge","- {<<: *a}\n","- &a {b: 1}\n"},{"badindent","  b: 1\n c: 2\n","a:\n"},{"tags","- !x y\n",""},{"cr","- a\r",""},{"minus","-\n",""},{"longk","a","? "},{"ctrl","\x01",""},{"indc"," #\n","a:\n"},{"deepc","a:\n# x\n",""},{"brk","]",""},{"keys","? a\n",""},} {
  for _, size := range []int{1<<20, 2<<20, 10<<20} {
   s := p[2]+strings.Repeat(p[1],(size-len(p[2]))/len(p[1]))
   runtime.GC()
   var m0,m1 runtime.MemStats; runtime.ReadMemStats(&m0)
   t0:=time.Now(); _,err:=Parse("f",[]byte(s)); d:=time.Since(t0); runtime.ReadMemStats(&m1)
   e:=fmt.Sprint(err); if len(e)>70{e=e[:70]}
   fmt.Printf("%-10s %4d MB %6d ms  total alloc %5d MB sys %5d MB %q\n",p[0],size>>20,d.Milliseconds(),(m1.TotalAlloc-m0.TotalAlloc)>>20,m1.Sys>>20,e)
   if d>4*time.Second {break}
  }
 }
}
