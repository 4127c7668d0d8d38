package feature

import (
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	familyAge        = "age"
	familyDevice     = "device"
	familySession    = "session"
	familyTime       = "time"
	familyInitiation = "initiation"
	familyKey        = "key"
	familyMandate    = "mandate"
	notGiven         = "the payment does not say"
	dictSnapshot     = "DICT snapshot inside the payment"
)

func ages() []entry {
	age := func(name, entity string, doc [3]string, at func(*frame) pix.Optional[time.Time]) entry {
		return entry{Definition{name, familyAge, entity, "", UnitDays, notGiven, doc[0], inEvent, doc[1], doc[2]},
			func(f *frame) float64 { return since(f, at(f), day) }}
	}
	return []entry{
		age("payer_account_age_days", "payer", [3]string{"Age of the payer's account.",
			"conta do pagador aberta há {v}", "payer's account opened {v} ago"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.PayerFacts.AccountOpenedAt }),
		age("payee_account_age_days", "payee", [3]string{"Age of the payee's account, from the payment or else from DICT.",
			"conta do recebedor aberta há {v}", "payee's account opened {v} ago"},
			func(f *frame) pix.Optional[time.Time] {
				if _, ok := f.tx.PayeeFacts.AccountOpenedAt.Get(); ok {
					return f.tx.PayeeFacts.AccountOpenedAt
				}
				return f.tx.DICT.AccountOpenedAt
			}),
		age("payee_key_age_days", "payee", [3]string{"Age of the payee's key.",
			"chave do recebedor criada há {v}", "payee's key created {v} ago"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.DICT.KeyCreatedAt }),
		age("payee_key_owned_days", "payee", [3]string{"Time since the payee's key has its present owner.",
			"chave com o dono atual há {v}", "key with its present owner for {v}"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.DICT.KeyOwnedSince }),
		age("payee_key_claim_days", "payee", [3]string{"Time since an open claim on the payee's key was made.",
			"reivindicação da chave aberta há {v}", "claim on the key opened {v} ago"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.DICT.ClaimOpenedAt }),
	}
}

func devices() []entry {
	told := func(name, doc, pt, en string, of func(*pix.DeviceFacts) pix.Optional[bool]) entry {
		return entry{Definition{name, familyDevice, "device", "", UnitFlag, notGiven, doc, inEvent, pt, en},
			func(f *frame) float64 { return optionalFlag(of(&f.tx.Device)) }}
	}
	return []entry{
		{Definition{"device_age_hours", familyDevice, "device", "", UnitHours, notGiven,
			"Time since the customer first used the device.", inEvent,
			"aparelho usado pela primeira vez há {v}", "device first used {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.Device.FirstSeenAt, hour) }},
		told("device_registered", "The device is registered with the institution (Res. BCB 403).",
			"aparelho cadastrado|aparelho não cadastrado", "registered device|unregistered device",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.Registered }),
		told("device_remote_access", "A remote-access tool was active.",
			"acesso remoto ativo|sem acesso remoto", "remote access active|no remote access",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.RemoteAccess }),
		told("device_call_active", "A call was in progress.",
			"chamada em curso|sem chamada em curso", "call in progress|no call in progress",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.CallActive }),
		told("device_emulator", "The device is an emulator or rooted.",
			"emulador ou sistema adulterado|sistema íntegro", "emulator or rooted system|sound system",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.Emulator }),
	}
}

// deviceUse lists what the payer's own payments say of devices.
func deviceUse() []entry {
	return []entry{
		{Definition{"device_new_to_payer_30d", familyDevice, "device", "30d", UnitFlag, "no device, the payer is busy, or " + storeSilent,
			"The payer did not pay from this device in 30 days.", accountRows,
			"aparelho novo para este pagador|aparelho habitual deste pagador", "device new to this payer|device usual for this payer"},
			fromDevice(fromPayer(unlessBusy(func(f *frame) float64 { return truth(f.devices.thisUsed == 0) })))},
		{Definition{"payer_devices_30d", familyDevice, "payer", "30d", UnitCount, "the payer is busy, or " + storeSilent,
			"Number of devices that the payer paid from in 30 days.", accountRows,
			"pagador usou {v aparelho/aparelhos} em 30 dias", "payer used {v device/devices} in 30 days"},
			fromPayer(unlessBusy(func(f *frame) float64 { return float64(f.devices.distinct) }))},
	}
}

func sessions() []entry {
	of := func(name, unit string, words [3]string, value func(*frame) float64) entry {
		return entry{Definition{name, familySession, "payer", "", unit, notGiven, words[0], inEvent, words[1], words[2]}, value}
	}
	return []entry{
		of("session_seconds", UnitSeconds, [3]string{"Time from log-in to confirmation.",
			"sessão de {v}", "session of {v}"}, sessionSeconds),
		of("session_failed_logins", UnitCount, [3]string{"Failed log-ins in 24 hours.",
			"{v acesso negado/acessos negados} em 24 horas", "{v failed log-in/failed log-ins} in 24 hours"},
			func(f *frame) float64 { return optionalCount(f.tx.Session.FailedLogins) }),
		of("session_pasted_key", UnitFlag, [3]string{"The key was pasted rather than typed.",
			"chave colada|chave digitada", "pasted key|typed key"},
			func(f *frame) float64 { return optionalFlag(f.tx.Session.PastedKey) }),
		of("session_distance_km", UnitKM, [3]string{"Distance from the customer's usual place.",
			"a {v} do lugar habitual", "{v} from the usual place"},
			func(f *frame) float64 { return optionalCount(f.tx.Session.DistanceMetres) / 1000 }),
		of("password_reset_hours", UnitHours, [3]string{"Time since the last password reset.",
			"senha redefinida há {v}", "password reset {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.Session.PasswordReset, hour) }),
		of("limit_changed_hours", UnitHours, [3]string{"Time since the payer's limit was last raised.",
			"limite aumentado há {v}", "limit raised {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.PayerFacts.LimitChangedAt, hour) }),
		of("limit_changed_48h", UnitFlag, [3]string{"The payer's limit was raised less than 48 hours ago.",
			"limite aumentado há menos de 48 horas|limite sem aumento recente", "limit raised less than 48 hours ago|no recent raise of the limit"},
			func(f *frame) float64 {
				h := since(f, f.tx.PayerFacts.LimitChangedAt, hour)
				if math.IsNaN(h) {
					return h
				}
				return truth(h < 48)
			}),
		of("credentials_changed_hours", UnitHours, [3]string{"Time since the payer's key or credentials last changed.",
			"credenciais alteradas há {v}", "credentials changed {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.PayerFacts.KeyChangedAt, hour) }),
	}
}

func sessionSeconds(f *frame) float64 {
	d, ok := f.tx.Session.Duration.Get()
	if !ok {
		return math.NaN()
	}
	return float64(d.Milliseconds()) / float64(second)
}

func calendar() []entry {
	of := func(name, unit, doc, pt, en string, value func(time.Time) float64) entry {
		return entry{Definition{name, familyTime, "payment", "", unit, "", doc, "event time, in " + Zone, pt, en},
			func(f *frame) float64 { return value(f.local) }}
	}
	payday := func(name, unit string, words [3]string, value func(days float64) float64) entry {
		e := of(name, unit, words[0], words[1], words[2], nil)
		e.value = func(f *frame) float64 { return value(f.payday) }
		return e
	}
	return []entry{
		of("hour", UnitCode, "Local hour of the day.", "às {v} h", "at {v}:00",
			func(t time.Time) float64 { return float64(t.Hour()) }),
		of("night", UnitFlag, "Between 20:00 and 06:00 local.",
			"entre 20 h e 6 h|durante o dia", "between 20:00 and 06:00|by day",
			func(t time.Time) float64 { return truth(t.Hour() >= 20 || t.Hour() < 6) }),
		of("weekday", UnitCode, "Local day of the week, Sunday 0.", "{weekday}", "{weekday}",
			func(t time.Time) float64 { return float64(t.Weekday()) }),
		of("weekend", UnitFlag, "Saturday or Sunday, local.", "no fim de semana|em dia de semana", "at the weekend|on a weekday",
			func(t time.Time) float64 { return truth(t.Weekday() == time.Saturday || t.Weekday() == time.Sunday) }),
		of("holiday", UnitFlag, "A national or bank holiday, local.", "em feriado|em dia que não é feriado", "on a holiday|not on a holiday",
			func(t time.Time) float64 { return truth(holiday(t.Date())) }),
		payday("pay_day", UnitFlag, [3]string{"The fifth working day of the month, local: wages are due (CLT art. 459).",
			"no quinto dia útil do mês|fora do quinto dia útil do mês", "on the fifth working day of the month|not on the fifth working day of the month"},
			func(days float64) float64 { return truth(days == 0) }),
		payday("since_pay_day_days", UnitDays, [3]string{"Local days since wages were last due.",
			"salários pagos há {v}", "wages were due {v} ago"}, func(days float64) float64 { return days }),
		of("day_of_month", UnitCode, "Local day of the month: pay-days are early.", "dia {v} do mês", "day {v} of the month",
			func(t time.Time) float64 { return float64(t.Day()) }),
	}
}

func initiations() []entry {
	of := func(name, entity string, words [3]string, is func(*pix.Transaction) bool) entry {
		return entry{Definition{name, familyInitiation, entity, "", UnitFlag, "", words[0], inEvent, words[1], words[2]},
			func(f *frame) float64 { return truth(is(f.tx)) }}
	}
	form := func(name string, words [3]string, forms ...pix.Initiation) entry {
		return of(name, "payment", words, func(tx *pix.Transaction) bool {
			for _, i := range forms {
				if tx.Initiation == i {
					return true
				}
			}
			return false
		})
	}
	return []entry{
		form("initiation_manual", [3]string{"Account data typed by hand (MANU).",
			"dados da conta digitados|dados da conta não digitados", "account data typed|account data not typed"}, pix.Manual),
		form("initiation_key", [3]string{"By Pix key (DICT).", "por chave|não por chave", "by key|not by key"}, pix.ByKey),
		form("initiation_dynamic_qr", [3]string{"By dynamic QR code (QRDN).",
			"por QR dinâmico|sem QR dinâmico", "by dynamic QR code|no dynamic QR code"}, pix.DynamicQR),
		form("initiation_static_qr", [3]string{"By static QR code (QRES).",
			"por QR estático|sem QR estático", "by static QR code|no static QR code"}, pix.StaticQR),
		form("initiation_initiator", [3]string{"Through a payment initiator (INIC).",
			"por iniciador de pagamento|sem iniciador", "through an initiator|no initiator"}, pix.ByInitiator),
		form("initiation_automatic", [3]string{"Pix Automático (AUTO).",
			"Pix Automático|não é Pix Automático", "Pix Automático|not Pix Automático"}, pix.Automatic),
		form("initiation_contactless", [3]string{"By approximation (APDN, APES).",
			"por aproximação|sem aproximação", "contactless|not contactless"}, pix.ContactlessDN, pix.ContactlessES),
		of("scheduled", "payment", [3]string{"Scheduled payment (PAGAGD).", "pagamento agendado|pagamento imediato",
			"scheduled payment|immediate payment"},
			func(tx *pix.Transaction) bool { return tx.ServiceLevel == pix.ScheduledPayment }),
		of("withdrawal", "payment", [3]string{"Pix Saque or Pix Troco.", "saque ou troco|não é saque nem troco",
			"withdrawal or change|neither withdrawal nor change"},
			func(tx *pix.Transaction) bool { return tx.Purpose == pix.Withdrawal || tx.Purpose == pix.Change }),
		of("has_txid", "payment", [3]string{"The payment settles a charge that has a txid.", "cobrança com txid|sem txid de cobrança",
			"charge with a txid|no txid of a charge"},
			func(tx *pix.Transaction) bool { return tx.TxIDToken.Current != "" }),
		of("payer_company", "payer", [3]string{"The payer is a company.", "pagador é empresa|pagador é pessoa física",
			"payer is a company|payer is a person"},
			func(tx *pix.Transaction) bool { return tx.PayerFacts.Person == pix.LegalPerson }),
		of("payee_company", "payee", [3]string{"The payee is a company.", "recebedor é empresa|recebedor é pessoa física",
			"payee is a company|payee is a person"},
			func(tx *pix.Transaction) bool { return tx.PayeeFacts.Person == pix.LegalPerson }),
	}
}

func keys() []entry {
	of := func(name string, word words, kind pix.KeyKind) entry {
		return entry{Definition{"key_" + name, familyKey, "payee", "", UnitFlag, "", "The key used is of kind " + word.en + ".", inEvent,
			"chave " + word.pt + "|chave de outro tipo ou sem chave", word.en + " key|key of another kind or none"},
			func(f *frame) float64 { return truth(f.tx.PayeeFacts.KeyKind == kind) }}
	}
	return []entry{
		of("cpf", words{"CPF", "CPF"}, pix.KeyCPF), of("cnpj", words{"CNPJ", "CNPJ"}, pix.KeyCNPJ),
		of("phone", words{"celular", "mobile phone"}, pix.KeyPhone), of("email", words{"e-mail", "e-mail"}, pix.KeyEmail),
		of("evp", words{"aleatória", "random (EVP)"}, pix.KeyEVP),
	}
}

func mandates() []entry {
	of := func(name, unit string, words [3]string, value func(*frame) float64) entry {
		return entry{Definition{name, familyMandate, "payment", "", unit, "not Pix Automático, or " + notGiven,
			words[0], inEvent, words[1], words[2]}, value}
	}
	return []entry{
		of("mandate_age_days", UnitDays, [3]string{"Age of the mandate.", "autorização criada há {v}", "mandate created {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.Mandate.CreatedAt, day) }),
		of("mandate_first_charge", UnitFlag, [3]string{"First charge under the mandate.",
			"primeira cobrança da autorização|cobrança recorrente", "first charge of the mandate|recurring charge"},
			func(f *frame) float64 { return optionalFlag(f.tx.Mandate.FirstCharge) }),
		of("initiator_age_days", UnitDays, [3]string{"Age of the initiator.", "iniciador existe há {v}", "initiator exists for {v}"},
			func(f *frame) float64 { return since(f, f.tx.Mandate.InitiatorOpened, day) }),
		of("initiator_payments", UnitCount, [3]string{"Payments that the initiator made so far.",
			"iniciador com {v pagamento/pagamentos}", "initiator with {v payment/payments}"},
			func(f *frame) float64 { return optionalCount(f.tx.Mandate.InitiatorPayment) }),
	}
}
