package pix

import "time"

// Contract is the table of what a payment's message may carry. A new fact is a field of a struct, an entry here and its
// bounds in validateFacts; then `go test ./shared/event -update` and `scripts/proto.sh generate`.
func Contract() []Field {
	return []Field{
		text(1, "endToEndId", `EndToEndId of the payment: "E", 8 characters of ISPB, yyyyMMddHHmm in UTC, 11 letters or digits.`,
			func(f *Facts) *EndToEndID { return &f.ID }).own("end_to_end_id").like("E12345678202611231405aB3dE5fG7hI"),
		given(2, "eventTime", "When the payment was accepted (AccptncDtTm), UTC, milliseconds.",
			func(f *Facts) *time.Time { return &f.EventTime }).own("event_time"),
		given(3, "receivedAt", "When it became visible to the institution, UTC. May be missing. In a decision on a live payment it "+
			"is the arrival by a server's clock, whatever the sender said.",
			func(f *Facts) *time.Time { return &f.ReceivedAt }).own("received_at"),
		text(4, "direction", "The seat from which the institution sees it.",
			func(f *Facts) *Direction { return &f.Direction }).own("direction").rule("direction"),
		amount(),
		text(6, "initiation", "How it was started.",
			func(f *Facts) *Initiation { return &f.Initiation }).own("initiation").rule("initiation"),
		text(7, "purpose", "What it is for. May be missing.", func(f *Facts) *Purpose { return &f.Purpose }).rule("purpose"),
		text(8, "priority", "Instruction priority. May be missing.", func(f *Facts) *Priority { return &f.Priority }).rule("priority"),
		text(9, "serviceLevel", "Service level. May be missing.",
			func(f *Facts) *ServiceLevel { return &f.ServiceLevel }).rule("service_level"),
		raw(10, "txid", "Raw identifier of the charge, 1 to 35 letters and digits; none on MANU and DICT. Whoever issues the charge "+
			"may write a CPF into it.", func(c *Carried) *Secret { return &c.TxID }).tokenised(ChargeToken).like("fatura20261123"),
		message(11, payerSide, "Who pays.", partyFields(payerSide, func(f *Facts) *PartyFacts { return &f.PayerFacts },
			func(c *Carried) *RawParty { return &c.Payer }, func(c *Carried) *Party { return &c.PayerTokens })).of("Party"),
		message(12, payeeSide, "Who receives.", partyFields(payeeSide, func(f *Facts) *PartyFacts { return &f.PayeeFacts },
			func(c *Carried) *RawParty { return &c.Payee }, func(c *Carried) *Party { return &c.PayeeTokens })).of("Party"),
		message(13, "device", "The payer's device. May be missing.", deviceFields()).of("Device"),
		message(14, "session", "The payer's session. May be missing.", sessionFields()).of("Session"),
		message(15, "dict", "What DICT said of the payee's key, as the payment flow fetched it. May be missing.",
			dictFields()).of("DictSnapshot"),
		message(16, "mandate", "The mandate of a Pix Automático. May be missing.", mandateFields()).of("Mandate"),
		weight(),
		token(18, "txidToken", "Token of the charge's identifier. Missing when there is no charge.",
			func(c *Carried) *TokenPair { return &c.TxIDToken }).tokenised(ChargeToken).own("tx_id_token"),
	}
}

// amount is always there.
func amount() Field {
	f := fact(5, "amountCentavos", "Amount in centavos, more than 0.", func(f *Facts) *Money { return &f.Amount })
	f.Whole = func(v *Facts) Optional[int64] { return Some(int64(v.Amount)) }
	return f.own("amount_centavos").rule("amount_centavos")
}

func weight() Field {
	f := fact(17, "samplingWeight", "How many payments of the world this one stands for, when a simulation drew fraud more often "+
		"than it happens. Missing (0) means one; real payments have none.", func(f *Facts) *float64 { return &f.SamplingWeight })
	f.Real = func(v *Facts) float64 { return v.SamplingWeight }
	return f
}

func partyFields(side string, facts func(*Facts) *PartyFacts, raws func(*Carried) *RawParty, tokens func(*Carried) *Party) []Field {
	return append([]Field{
		text(1, "ispb", "Institution, 8 characters 0-9 or A-Z.",
			func(f *Facts) *ISPB { return &facts(f).ISPB }).own(side + "_ispb").rule(side + ".ispb").like("12345678"),
		text(2, "accountType", "Kind of account. May be missing.",
			func(f *Facts) *AccountType { return &facts(f).AccountType }).rule(side + ".account_type"),
		text(3, "person", "Person or company. May be missing: it follows from the document.",
			func(f *Facts) *Person { return &facts(f).Person }).rule(side + ".person"),
		text(4, "keyKind", "Kind of the key. May be missing: it follows from the key.",
			func(f *Facts) *KeyKind { return &facts(f).KeyKind }).rule(side + ".key_kind"),
		moment(5, "accountOpenedAt", "When the account was opened. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &facts(f).AccountOpenedAt }).rule(side + ".account_age_hours"),
		whole(6, "balanceCentavos", "Balance before this payment, for our customers. May be missing.",
			func(f *Facts) *Optional[Money] { return &facts(f).Balance }).rule(side + ".balance_centavos"),
		whole(7, "dailyLimitCentavos", "Daily limit in force, for our customers. May be missing.",
			func(f *Facts) *Optional[Money] { return &facts(f).DailyLimit }).rule(side + ".daily_limit_centavos"),
		moment(8, "limitChangedAt", "Last raise of a limit. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &facts(f).LimitChangedAt }).rule(side + ".limit_changed_hours"),
		moment(9, "keyChangedAt", "Last change of key ownership or credentials. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &facts(f).KeyChangedAt }).rule(side + ".key_changed_hours"),
		text(10, "ageBand", `Age band such as "25-34". May be missing.`,
			func(f *Facts) *string { return &facts(f).AgeBand }).rule(side + ".age_band").like("25-34"),
		text(11, "state", "Two-letter Brazilian state. May be missing.",
			func(f *Facts) *string { return &facts(f).State }).rule(side + ".state").like("SP"),
		trusted(side, facts),
	}, identifiers(side, raws, tokens)...)
}

// trusted is the payer's word: only of that side can a rule read it.
func trusted(side string, facts func(*Facts) *PartyFacts) Field {
	f := flag(12, "trustedPayee", "The payer registered the payee beforehand. May be missing.",
		func(f *Facts) *Optional[bool] { return &facts(f).TrustedPayee })
	if side == payerSide {
		f = f.rule("payer.trusted_payee")
	}
	return f
}

func identifiers(side string, raws func(*Carried) *RawParty, tokens func(*Carried) *Party) []Field {
	return []Field{
		raw(20, "document", "Raw CPF or CNPJ.",
			func(c *Carried) *Secret { return &raws(c).Document }).tokenised(OwnerToken).like("111.444.777-35"),
		raw(21, "branch", "Raw branch of the account.",
			func(c *Carried) *Secret { return &raws(c).Branch }).tokenised(AccountToken).like("0001"),
		raw(22, "account", "Raw account number.",
			func(c *Carried) *Secret { return &raws(c).Account }).tokenised(AccountToken).like("7654321-0"),
		raw(23, "key", "Raw Pix key, when one was used.",
			func(c *Carried) *Secret { return &raws(c).Key }).tokenised(KeyToken).like("+5511999990000"),
		raw(24, "name", "Raw name. It is dropped at the first trusted hop.",
			func(c *Carried) *Secret { return &raws(c).Name }).like("Maria Silva"),
		token(30, "accountToken", "Token of the account.",
			func(c *Carried) *TokenPair { return &tokens(c).Account }).tokenised(AccountToken).own(side + "_account"),
		token(31, "ownerToken", "Token of the document.",
			func(c *Carried) *TokenPair { return &tokens(c).Owner }).tokenised(OwnerToken).own(side + "_owner"),
		token(32, "keyToken", "Token of the key.",
			func(c *Carried) *TokenPair { return &tokens(c).Key }).tokenised(KeyToken).own(side + "_key"),
	}
}

func deviceFields() []Field {
	return []Field{
		moment(1, "firstSeenAt", "First use by this customer. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.Device.FirstSeenAt }).rule("device.age_hours"),
		flag(2, "registered", "Registered with the institution (Resolução BCB 403). May be missing.",
			func(f *Facts) *Optional[bool] { return &f.Device.Registered }).rule("device.registered"),
		flag(3, "remoteAccess", "A remote-access tool was active. May be missing.",
			func(f *Facts) *Optional[bool] { return &f.Device.RemoteAccess }).rule("device.remote_access"),
		flag(4, "callActive", "A call was in progress. May be missing.",
			func(f *Facts) *Optional[bool] { return &f.Device.CallActive }).rule("device.call_active"),
		flag(5, "emulator", "Runs on an emulator or a rooted system. May be missing.",
			func(f *Facts) *Optional[bool] { return &f.Device.Emulator }).rule("device.emulator"),
		raw(20, "id", "Raw identifier of the device.",
			func(c *Carried) *Secret { return &c.DeviceID }).tokenised(DeviceToken).like("a3f2-android"),
		token(30, "token", "Token of the device.",
			func(c *Carried) *TokenPair { return &c.DeviceToken }).tokenised(DeviceToken).own("device"),
	}
}

func sessionFields() []Field {
	span := fact(1, "duration", "From log-in to confirmation. May be missing.",
		func(f *Facts) *Optional[time.Duration] { return &f.Session.Duration }).stored("duration_ms").rule("session.duration_seconds")
	span.Span = func(f *Facts) Optional[time.Duration] { return f.Session.Duration }
	return []Field{
		span,
		whole(2, "failedLogins", "Failed log-ins in the last 24 hours. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.Session.FailedLogins }).rule("session.failed_logins"),
		moment(3, "passwordResetAt", "Last password reset. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.Session.PasswordReset }).rule("session.password_reset_hours"),
		flag(4, "pastedKey", "The key was pasted rather than typed. May be missing.",
			func(f *Facts) *Optional[bool] { return &f.Session.PastedKey }).rule("session.pasted_key"),
		whole(5, "distanceMetres", "Distance from the usual place. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.Session.DistanceMetres }).rule("session.distance_metres"),
	}
}

func mandateFields() []Field {
	return []Field{
		moment(1, "createdAt", "When it was agreed. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.Mandate.CreatedAt }),
		flag(2, "firstCharge", "This is its first charge. May be missing.",
			func(f *Facts) *Optional[bool] { return &f.Mandate.FirstCharge }).rule("mandate.first_charge"),
		moment(3, "initiatorOpenedAt", "Since when the initiator exists. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.Mandate.InitiatorOpened }),
		whole(4, "initiatorPayments", "Payments the initiator started so far. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.Mandate.InitiatorPayment }),
	}
}
