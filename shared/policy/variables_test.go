package policy_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// TestEveryVariable evaluates each name on a payment that says everything and on one that says nothing.
func TestEveryVariable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, value string
		optional    bool
	}{
		{"amount_centavos", "12345", false},
		{"direction", `"INTERNAL"`, false},
		{"initiation", `"DICT"`, true},
		{"purpose", `"IPAY"`, true},
		{"priority", `"HIGH"`, true},
		{"service_level", `"PAGPRI"`, true},
		{"local_hour", "21", false},
		{"local_weekday", "1", false},
		{"payer_probability", "0.25", true},
		{"receiver_probability", "0.75", true},
		{"feature.amount_brl", "1.5", true},
		{"feature.payer_out_sum_24h_brl", "2.5", true},
		{"payer.trusted_payee", "true", true},
		{"payer.person", `"NATURAL"`, true},
		{"payer.ispb", `"12345678"`, true},
		{"payer.account_type", `"CACC"`, true},
		{"payer.key_kind", `"CPF"`, true},
		{"payer.age_band", `"65+"`, true},
		{"payer.state", `"SP"`, true},
		{"payer.balance_centavos", "10", true},
		{"payer.daily_limit_centavos", "20", true},
		{"payer.account_age_hours", "1", true},
		{"payer.limit_changed_hours", "2", true},
		{"payer.key_changed_hours", "3", true},
		{"payee.person", `"LEGAL"`, true},
		{"payee.ispb", `"ABCDEFGH"`, true},
		{"payee.account_type", `"SVGS"`, true},
		{"payee.key_kind", `"EVP"`, true},
		{"payee.age_band", `"18-24"`, true},
		{"payee.state", `"RJ"`, true},
		{"payee.balance_centavos", "30", true},
		{"payee.daily_limit_centavos", "40", true},
		{"payee.account_age_hours", "4", true},
		{"payee.limit_changed_hours", "5", true},
		{"payee.key_changed_hours", "0", true}, // after the event, within the skew of clocks
		{"device.present", "true", false},
		{"device.registered", "true", true},
		{"device.remote_access", "false", true},
		{"device.call_active", "true", true},
		{"device.emulator", "false", true},
		{"device.age_hours", "7", true},
		{"session.failed_logins", "8", true},
		{"session.distance_metres", "9", true},
		{"session.pasted_key", "true", true},
		{"session.password_reset_hours", "10", true},
		{"session.duration_seconds", "11", true},
		{"mandate.first_charge", "true", true},
		{"dict.mule_markers", "12", true},
		{"dict.scammer_markers", "13", true},
		{"dict.distinct_reporters", "14", true},
		{"dict.open_infractions", "15", true},
		{"dict.frauds_confirmed_d30", "16", true},
		{"dict.frauds_confirmed_m6", "17", true},
		{"dict.frauds_reported_d30", "18", true},
		{"dict.key_owned_hours", "19", true},
		{"dict.frauds_rejected_d30", "20", true},
		{"dict.frauds_rejected_m6", "21", true},
	}
	tested := map[string]bool{}
	for _, tc := range tests {
		tested[tc.name] = true
	}
	for _, name := range policy.VariableNames() {
		if !tested[name] {
			t.Errorf("%s has no test", name)
		}
	}
	said := saysEverything(t)
	silent := noon(t, pix.Internal)
	silent.Tx.Facts = pix.Facts{EventTime: said.Tx.EventTime, Direction: pix.Internal, Amount: 12345}
	silent.Scores, silent.Vector = nil, []float64{math.NaN(), math.NaN()}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			pack := load(t, head+ruleYAML("equals", tc.name+" == "+tc.value, "REJECT", "")+
				ruleYAML("is-known", "known("+tc.name+")", "REJECT", ""))
			if hits := hitIDs(pack.Decide(said)); hits != "equals is-known" {
				t.Errorf("said: hits %q, want equals is-known", hits)
			}
			want := "equals is-known"
			if tc.optional {
				want = "equals/error"
			}
			if hits := hitIDs(pack.Decide(silent)); hits != want {
				t.Errorf("silent: hits %q, want %q", hits, want)
			}
		})
	}
}

// TestANegativeAgeIsNoAge: what happened after the payment is not known of it, so a rule that asks fails strictly.
func TestANegativeAgeIsNoAge(t *testing.T) {
	t.Parallel()
	in := saysEverything(t)
	later := pix.Some(in.Tx.EventTime.Add(pix.MaxClockSkew + time.Millisecond))
	in.Tx.PayeeFacts.KeyChangedAt, in.Tx.Device.FirstSeenAt = later, later
	pack := load(t, head+ruleYAML("young", "device.age_hours < 72", "REJECT", "")+ruleYAML("old", "payee.key_changed_hours >= 72", "REJECT", "")+
		ruleYAML("is-known", "known(device.age_hours) || known(payee.key_changed_hours)", "REJECT", ""))
	if hits := hitIDs(pack.Decide(in)); hits != "young/error old/error" {
		t.Errorf("hits %q, want young/error old/error", hits)
	}
}

func saysEverything(t *testing.T) policy.Input {
	t.Helper()
	in := noon(t, pix.Internal)
	at := local(t, "2026-11-23 21:59:59.999") // a Monday
	ago := func(hours int) pix.Optional[time.Time] {
		return pix.Some(at.Add(-time.Duration(hours)*time.Hour - time.Minute))
	}
	in.Tx.Facts = pix.Facts{
		EventTime: at, Direction: pix.Internal, Amount: 12345, Initiation: pix.ByKey, Purpose: pix.Payment,
		Priority: pix.High, ServiceLevel: pix.PriorityPayment,
		PayerFacts: pix.PartyFacts{
			ISPB: "12345678", AccountType: pix.Checking, Person: pix.NaturalPerson, KeyKind: pix.KeyCPF, AgeBand: "65+", State: "SP",
			Balance: pix.Some[pix.Money](10), DailyLimit: pix.Some[pix.Money](20), TrustedPayee: pix.Some(true),
			AccountOpenedAt: ago(1), LimitChangedAt: ago(2), KeyChangedAt: ago(3),
		},
		PayeeFacts: pix.PartyFacts{
			ISPB: "ABCDEFGH", AccountType: pix.Savings, Person: pix.LegalPerson, KeyKind: pix.KeyEVP, AgeBand: "18-24", State: "RJ",
			Balance: pix.Some[pix.Money](30), DailyLimit: pix.Some[pix.Money](40),
			AccountOpenedAt: ago(4), LimitChangedAt: ago(5), KeyChangedAt: pix.Some(at.Add(pix.MaxClockSkew)),
		},
		Device: pix.DeviceFacts{
			Registered: pix.Some(true), RemoteAccess: pix.Some(false), CallActive: pix.Some(true), Emulator: pix.Some(false), FirstSeenAt: ago(7),
		},
		Session: pix.SessionFacts{
			FailedLogins: pix.Some[int64](8), DistanceMetres: pix.Some[int64](9), PastedKey: pix.Some(true),
			PasswordReset: ago(10), Duration: pix.Some(11 * time.Second),
		},
		Mandate: pix.MandateFacts{FirstCharge: pix.Some(true)},
		DICT: pix.DICTSnapshot{
			MuleMarkers: pix.Some[int64](12), ScammerMarkers: pix.Some[int64](13), DistinctReporters: pix.Some[int64](14),
			OpenInfractions: pix.Some[int64](15), FraudsConfirmed: pix.DICTCounter{D30: pix.Some[int64](16), M6: pix.Some[int64](17)},
			FraudsReported: pix.DICTCounter{D30: pix.Some[int64](18)}, KeyOwnedSince: ago(19),
			FraudsRejected: pix.DICTCounter{D30: pix.Some[int64](20), M6: pix.Some[int64](21)},
		},
	}
	in.Vector = []float64{1.5, 2.5}
	setScore(&in, pix.PayerRole, 0.25)
	setScore(&in, pix.ReceiverRole, 0.75)
	return in
}

// hitIDs lists the rules that hit, without what is missing anyway.
func hitIDs(v policy.Verdict) string {
	var ids []string
	for _, h := range v.Hits {
		if !strings.HasPrefix(h.ID, "missing/") {
			ids = append(ids, h.ID)
		}
	}
	return strings.Join(ids, " ")
}
