package pix

import "time"

func dictFields() []Field {
	return []Field{
		moment(1, "watermark", "State of the counters, up to 12 hours late. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.DICT.Watermark }),
		moment(2, "keyCreatedAt", "Creation of the key. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.DICT.KeyCreatedAt }),
		moment(3, "keyOwnedSince", "Since when the owner has it. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.DICT.KeyOwnedSince }).rule("dict.key_owned_hours"),
		moment(4, "accountOpenedAt", "Opening of the account. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.DICT.AccountOpenedAt }),
		moment(5, "claimOpenedAt", "An open claim on the key. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.DICT.ClaimOpenedAt }),
		counter(6, "settlements", "Settlements, rounded up by DICT.", func(f *Facts) *DICTCounter { return &f.DICT.Settlements }),
		counter(7, "fraudsReported", "Frauds reported.",
			func(f *Facts) *DICTCounter { return &f.DICT.FraudsReported }).rules("", "dict.frauds_reported_d30"),
		counter(8, "fraudsConfirmed", "Frauds confirmed.",
			func(f *Facts) *DICTCounter { return &f.DICT.FraudsConfirmed }).rules("", "dict.frauds_confirmed_d30", "dict.frauds_confirmed_m6"),
		whole(9, "muleMarkers", "Fraud markers of kind MULE_ACCOUNT. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.DICT.MuleMarkers }).rule("dict.mule_markers"),
		whole(10, "scammerMarkers", "Fraud markers of kind SCAMMER_ACCOUNT. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.DICT.ScammerMarkers }).rule("dict.scammer_markers"),
		whole(11, "distinctReporters", "Distinct institutions that reported. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.DICT.DistinctReporters }).rule("dict.distinct_reporters"),
		whole(12, "openInfractions", "Open infraction reports. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.DICT.OpenInfractions }).rule("dict.open_infractions"),
		whole(13, "registeredAccounts", "Accounts registered to the owner. May be missing.",
			func(f *Facts) *Optional[int64] { return &f.DICT.RegisteredAccts }),
		message(14, "long", "Statistics of DICT's second version. May be missing.", longFields()).of("DictLong"),
		counter(15, "fraudsRejected", "Frauds reported that the analysis rejected: who was accused and cleared.",
			func(f *Facts) *DICTCounter { return &f.DICT.FraudsRejected }).rules("", "dict.frauds_rejected_d30", "dict.frauds_rejected_m6"),
	}
}

func longFields() []Field {
	return []Field{
		moment(1, "watermark", "State of the counters, up to 12 hours late. May be missing.",
			func(f *Facts) *Optional[time.Time] { return &f.DICT.Long.Watermark }),
		longCounter(2, "settlements", "Settlements.", func(f *Facts) *DICTLongCounter { return &f.DICT.Long.Settlements }),
		longCounter(3, "applicationFrauds", "Fraud markers of kind APPLICATION_FRAUD.",
			func(f *Facts) *DICTLongCounter { return &f.DICT.Long.ApplicationFrauds }),
		longCounter(4, "fraudCentavos", "Total amount of the frauds, in centavos.",
			func(f *Facts) *DICTLongCounter { return &f.DICT.Long.FraudCentavos }),
	}
}

func counter(number int32, name, doc string, at func(*Facts) *DICTCounter) Field {
	return message(number, name, doc, []Field{
		whole(1, "d3", "3 days. May be missing.", func(f *Facts) *Optional[int64] { return &at(f).D3 }),
		whole(2, "d30", "30 days. May be missing.", func(f *Facts) *Optional[int64] { return &at(f).D30 }),
		whole(3, "m6", "6 months. May be missing.", func(f *Facts) *Optional[int64] { return &at(f).M6 }),
	}).of("DictCounter")
}

func longCounter(number int32, name, doc string, at func(*Facts) *DICTLongCounter) Field {
	return message(number, name, doc, []Field{
		whole(1, "d90", "90 days. May be missing.", func(f *Facts) *Optional[int64] { return &at(f).D90 }),
		whole(2, "m12", "12 months. May be missing.", func(f *Facts) *Optional[int64] { return &at(f).M12 }),
		whole(3, "m60", "60 months. May be missing.", func(f *Facts) *Optional[int64] { return &at(f).M60 }),
	}).of("DictLongCounter")
}
