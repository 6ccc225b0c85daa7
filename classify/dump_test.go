package classify
import ("testing";"os";"fmt";"path/filepath"
"github.com/id8labs/escalated/mailbox"
"github.com/id8labs/escalated/mailbox/auth"
"github.com/id8labs/escalated/mailbox/parse")
func TestDump(t *testing.T){ fs,_:=filepath.Glob("testdata/corpus/mails/*.eml"); for _,f:=range fs { b,_:=os.ReadFile(f); m,err:=parse.Mail(mailbox.Raw{Bytes:b},auth.Trust{}); if err!=nil{t.Error(err)}
fmt.Printf("\n######## %s kind=%s noreply=%v from=%v att=%d\nSUBJ %s\n%s\n",filepath.Base(f),m.Origin.Kind,m.Origin.NoReply,m.From,len(m.Attached),m.Subject,m.Text)}}
