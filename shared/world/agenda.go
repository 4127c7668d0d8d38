package world

// traits are the circumstances of a payment that its campaign decides; what it leaves open is drawn from everybody's
// background rates when the payment happens.
type traits uint16

const (
	strangerDevice traits = 1 << iota // not the customer's own device
	remoteAccess
	callActive
	passwordReset
	failedLogins
	pastedKey
	farAway
	limitRaised
	longSession
	newMandate      // of Pix Automático: signed days ago at most
	scheduledFor15h // its EndToEndID carries 15:00 UTC
	bait            // of MED abuse: will be disputed by the accomplice who pays it
	sentBack        // the payee will pay the same amount on or back
	withdrawal      // Pix Saque
)

// traitNames are the traits in words, in the order of their bits.
func traitNames() []string {
	return []string{
		"device not the customer's", "remote access", "call in progress", "password reset", "failed log-ins", "pasted key",
		"far from the usual place", "limit raised", "long session", "new mandate", "scheduled", "bait", "sent back",
		"withdrawal",
	}
}

// act says what a step is.
type act uint8

const (
	pay       act = iota
	dispute       // the next state of a MED case
	refundBuy     // a merchant returns a purchase, in whole or in part
	sweep         // a mule's account is emptied in cash
)

// step is one thing to come: a payment, or what becomes of one.
type step struct {
	at           int64 // event time, Unix milliseconds
	seq          uint64
	amount       int64   // centavos wanted; zero means a share of the payer's balance
	share        float32 // of the balance
	payer, payee int32
	campaign     int32
	file         int32  // of the case, when it is not a payment
	salt         uint32 // names the stranger's device
	traits       traits
	act          act
	initiation   uint8
	typology     uint8 // 1 + index of Typologies, 0 when not fraud
	lookAlike    uint8 // 1 + index of LookAlikes
	gang         uint8
	layer        uint8 // 0 is the victim's payment, then the mules' own
	onward       uint8 // layers that the money will still move on through
	exit         bool  // an honest payee through whom stolen money leaves
}

// before orders steps by time; equal times keep the order in which they were planned.
func (s *step) before(o *step) bool {
	return s.at < o.at || s.at == o.at && s.seq < o.seq
}

// agenda is a binary heap of steps to come. It is bounded by the campaigns and cases under way and one day's payroll.
type agenda []step

func (a *agenda) push(s step) {
	*a = append(*a, s)
	h := *a
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(&h[parent]) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (a *agenda) pop() step {
	h := *a
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	*a = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if right := child + 1; right < last && h[right].before(&h[child]) {
			child = right
		}
		if !h[child].before(&h[i]) {
			return top
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
