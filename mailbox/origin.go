package mailbox

// An Origin says who or what sent a mail, as far as its header tells.
type Origin struct {
	Kind          Kind
	Authenticated Result
	// NoReply withholds the automatic acknowledgment although a person may
	// have written: X-Auto-Response-Suppress, Precedence: bulk, and the like.
	NoReply bool
	Bounce  *Bounce // for KindBounce
	Because string  // the header or rule that decided Kind or NoReply, for people
}

// A Kind is what sort of sender a mail has.
type Kind string

const (
	KindHuman  Kind = "human"      // a person, or nothing says otherwise
	KindRobot  Kind = "auto-reply" // an automatic answer or notice (RFC 3834)
	KindBounce Kind = "bounce"     // a delivery status notification
	KindBulk   Kind = "bulk"       // newsletters, lists
	KindOwn    Kind = "own"        // our own mail come back
)

// A Result says whether the domain in From vouches for the mail. Its rules are
// in package auth.
type Result string

const (
	Pass Result = "pass"
	Fail Result = "fail"
	None Result = "none"
)

// A Bounce is what a delivery status notification reports of one recipient.
type Bounce struct {
	Recipient         string `json:"recipient"`
	Permanent         bool   `json:"permanent"`
	Status            string `json:"status"`              // RFC 3463, such as 5.1.1; "" when unsaid
	OriginalMessageID string `json:"original_message_id"` // without angle brackets
	// Token is the detail of our bounce address the report was sent to
	// (escalations+b-TOKEN@), or "".
	Token string `json:"-"`
}
