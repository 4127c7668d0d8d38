package pix

// SamePayment reports whether two transactions are one payment delivered twice: same id, direction, amount, event time,
// initiation, charge and institutions, and no identifier that contradicts. What the payment flow only observed (DICT,
// session, balance, time of receipt) may differ. Tokens are compared under a key version that both carry; without one
// they prove nothing, so a replay across rotations is not taken for a conflict.
func SamePayment(a, b *Transaction) bool {
	return a.ID == b.ID && a.Direction == b.Direction && a.Amount == b.Amount && a.EventTime.Equal(b.EventTime) &&
		a.Initiation == b.Initiation && a.TxIDToken.same(b.TxIDToken) &&
		a.PayerFacts.ISPB == b.PayerFacts.ISPB && a.PayeeFacts.ISPB == b.PayeeFacts.ISPB &&
		a.Payer.same(b.Payer) && a.Payee.same(b.Payee)
}

// SameDevice reports whether nothing says that two deliveries of one payment name different devices. A payment is the
// same without it, but not the events that it leaves in histories.
func SameDevice(a, b *Transaction) bool { return a.DeviceToken.same(b.DeviceToken) }

func (r Party) same(o Party) bool {
	return r.Account.same(o.Account) && r.Owner.same(o.Owner) && r.Key.same(o.Key)
}

func (p TokenPair) same(o TokenPair) bool {
	if (p.Current == "") != (o.Current == "") {
		return false
	}
	for _, mine := range [...]Token{p.Current, p.Previous} {
		for _, theirs := range [...]Token{o.Current, o.Previous} {
			if mine != theirs && mine != "" && theirs != "" && mine.Version() == theirs.Version() {
				return false
			}
		}
	}
	return true
}
