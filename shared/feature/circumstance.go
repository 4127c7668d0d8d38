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
	notAutomatic     = "not Pix Automático, or " + notGiven
	dictSnapshot     = "DICT snapshot inside the payment"
)

func ages() []entry {
	age := func(name, entity string, doc [3]string, at func(*frame) pix.Optional[time.Time]) entry {
		return entry{Definition{Name: name, Family: familyAge, Entity: entity, Unit: UnitDays,
			Missing: notGiven, Doc: doc[0], Source: inEvent, ReasonPT: doc[1], ReasonEN: doc[2]},
			func(f *frame) float64 { return since(f, at(f), day) }}
	}
	return []entry{
		age("payer_account_age_days", "payer", [3]string{"Age of the payer's account.",
			"a conta do pagador foi aberta há {v}", "the payer's account was opened {v} ago"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.PayerFacts.AccountOpenedAt }),
		age("payee_account_age_days", "payee", [3]string{"Age of the payee's account, from the payment or else from DICT.",
			"a conta do recebedor foi aberta há {v}", "the payee's account was opened {v} ago"},
			func(f *frame) pix.Optional[time.Time] {
				if _, ok := f.tx.PayeeFacts.AccountOpenedAt.Get(); ok {
					return f.tx.PayeeFacts.AccountOpenedAt
				}
				return f.tx.DICT.AccountOpenedAt
			}),
		age("payee_key_age_days", "payee", [3]string{"Age of the payee's key.",
			"a chave do recebedor foi criada há {v}", "the payee's key was created {v} ago"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.DICT.KeyCreatedAt }),
		age("payee_key_owned_days", "payee", [3]string{"Time since the payee's key has its present owner.",
			"a chave do recebedor está com o dono atual há {v}", "the payee's key has had its present owner for {v}"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.DICT.KeyOwnedSince }),
		age("payee_key_claim_days", "payee", [3]string{"Time since an open claim on the payee's key was made.",
			"a chave do recebedor tem uma reivindicação aberta há {v}", "a claim on the payee's key was opened {v} ago"},
			func(f *frame) pix.Optional[time.Time] { return f.tx.DICT.ClaimOpenedAt }),
	}
}

func devices() []entry {
	told := func(name, doc, pt, en string, of func(*pix.DeviceFacts) pix.Optional[bool]) entry {
		return entry{Definition{Name: name, Family: familyDevice, Entity: "device", Unit: UnitFlag,
			Missing: notGiven, Doc: doc, Source: inEvent, ReasonPT: pt, ReasonEN: en},
			func(f *frame) float64 { return optionalFlag(of(&f.tx.Device)) }}
	}
	return []entry{
		{Definition{Name: "device_age_hours", Family: familyDevice, Entity: "device", Unit: UnitHours, Missing: notGiven,
			Doc: "Time since the customer first used the device.", Source: inEvent,
			ReasonPT: "o cliente usou o dispositivo pela primeira vez há {v}", ReasonEN: "the customer first used the device {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.Device.FirstSeenAt, hour) }},
		told("device_registered", "The device is registered with the institution (Res. BCB 403).",
			"o dispositivo está cadastrado na instituição|o dispositivo não está cadastrado na instituição",
			"the device is registered with the institution|the device is not registered with the institution",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.Registered }),
		told("device_remote_access", "A remote-access tool was active.",
			"havia acesso remoto ativo no dispositivo|não havia acesso remoto ativo no dispositivo", "remote access to the device was active|no remote access to the device was active",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.RemoteAccess }),
		told("device_call_active", "A call was in progress.",
			"havia uma chamada em curso no dispositivo|não havia chamada em curso no dispositivo", "a call was in progress on the device|no call was in progress on the device",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.CallActive }),
		told("device_emulator", "The device is an emulator or rooted.",
			"o dispositivo é um emulador ou tem o sistema adulterado|o dispositivo não é emulador nem tem o sistema adulterado",
			"the device is an emulator or rooted|the device is neither an emulator nor rooted",
			func(d *pix.DeviceFacts) pix.Optional[bool] { return d.Emulator }),
	}
}

// deviceUse lists what the payer's own payments say of devices.
func deviceUse() []entry {
	return []entry{
		{Definition{Name: "device_new_to_payer_30d", Family: familyDevice, Entity: "device", Window: "30d", Unit: UnitFlag,
			Missing: "no device, the payer is busy, or " + storeSilent,
			Doc:     "The payer did not pay from this device in 30 days.", Source: accountRows,
			ReasonPT: "o pagador não pagou por este dispositivo nos 30 dias anteriores|o pagador já pagou por este dispositivo nos 30 dias anteriores",
			ReasonEN: "the payer did not pay from this device in the 30 days before|the payer paid from this device in the 30 days before already"},
			fromDevice(fromPayer(unlessBusy(func(f *frame) float64 { return truth(f.devices.thisUsed == 0) })))},
		{Definition{Name: "payer_devices_30d", Family: familyDevice, Entity: "payer", Window: "30d", Unit: UnitCount,
			Missing: "the payer is busy, or " + storeSilent,
			Doc:     "Number of devices that the payer paid from in 30 days.", Source: accountRows,
			ReasonPT: "o pagador usou {v dispositivo/dispositivos} nos 30 dias anteriores|o pagador não usou nenhum dispositivo nos 30 dias anteriores",
			ReasonEN: "the payer used {v device/devices} in the 30 days before|the payer used no device in the 30 days before"},
			fromPayer(unlessBusy(func(f *frame) float64 { return float64(f.devices.distinct) }))},
	}
}

func sessions() []entry {
	of := func(name, unit string, words [3]string, value func(*frame) float64) entry {
		return entry{Definition{Name: name, Family: familySession, Entity: "payer", Unit: unit,
			Missing: notGiven, Doc: words[0], Source: inEvent, ReasonPT: words[1], ReasonEN: words[2]}, value}
	}
	return []entry{
		of("session_seconds", UnitSeconds, [3]string{"Time from log-in to confirmation.",
			"o pagador confirmou {v} depois de entrar no aplicativo", "the payer confirmed {v} after logging in"}, sessionSeconds),
		of("session_failed_logins", UnitCount, [3]string{"Failed log-ins in 24 hours.",
			"o pagador teve {v acesso negado/acessos negados} em 24 horas|o pagador não teve acesso negado em 24 horas",
			"the payer had {v failed log-in/failed log-ins} in 24 hours|the payer had no failed log-in in 24 hours"},
			func(f *frame) float64 { return optionalCount(f.tx.Session.FailedLogins) }),
		of("session_pasted_key", UnitFlag, [3]string{"The key was pasted rather than typed.",
			"a chave foi colada, não digitada|a chave não foi colada", "the key was pasted, not typed|the key was not pasted"},
			func(f *frame) float64 { return optionalFlag(f.tx.Session.PastedKey) }),
		of("session_distance_km", UnitKM, [3]string{"Distance from the customer's usual place.",
			"o pagador está a {v} do seu lugar habitual|o pagador está no seu lugar habitual",
			"the payer is {v} from the usual place|the payer is at the usual place"},
			func(f *frame) float64 { return optionalCount(f.tx.Session.DistanceMetres) / 1000 }),
		of("password_reset_hours", UnitHours, [3]string{"Time since the last password reset.",
			"o pagador redefiniu a senha há {v}", "the payer reset the password {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.Session.PasswordReset, hour) }),
		of("limit_changed_hours", UnitHours, [3]string{"Time since the payer's limit was last raised.",
			"o limite do pagador foi aumentado há {v}", "the payer's limit was raised {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.PayerFacts.LimitChangedAt, hour) }),
		of("limit_changed_48h", UnitFlag, [3]string{"The payer's limit was raised less than 48 hours ago.",
			"o limite do pagador foi aumentado há menos de 48 horas|o limite do pagador não foi aumentado nas 48 horas anteriores",
			"the payer's limit was raised less than 48 hours ago|the payer's limit was not raised in the 48 hours before"},
			func(f *frame) float64 {
				h := since(f, f.tx.PayerFacts.LimitChangedAt, hour)
				if math.IsNaN(h) {
					return h
				}
				return truth(h < 48)
			}),
		of("credentials_changed_hours", UnitHours, [3]string{"Time since the payer's key or credentials last changed.",
			"a chave ou as credenciais do pagador mudaram há {v}", "the payer's key or credentials changed {v} ago"},
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
		return entry{Definition{Name: name, Family: familyTime, Entity: "payment", Unit: unit,
			Doc: doc, Source: "event time, in " + Zone, ReasonPT: pt, ReasonEN: en},
			func(f *frame) float64 { return value(f.local) }}
	}
	payday := func(name, unit string, words [3]string, value func(days float64) float64) entry {
		e := of(name, unit, words[0], words[1], words[2], nil)
		e.value = func(f *frame) float64 { return value(f.payday) }
		return e
	}
	return []entry{
		of("hour", UnitCode, "Local hour of the day.", "o pagamento foi feito entre {v}", "the payment was made between {v}",
			func(t time.Time) float64 { return float64(t.Hour()) }),
		of("night", UnitFlag, "Between 20:00 and 06:00 local.",
			"o pagamento foi feito entre 20h e 6h|o pagamento foi feito entre 6h e 20h", "the payment was made between 20:00 and 06:00|the payment was made between 06:00 and 20:00",
			func(t time.Time) float64 { return truth(t.Hour() >= 20 || t.Hour() < 6) }),
		of("weekday", UnitCode, "Local day of the week, Sunday 0.", "o pagamento foi feito {v}", "the payment was made on a {v}",
			func(t time.Time) float64 { return float64(t.Weekday()) }),
		of("weekend", UnitFlag, "Saturday or Sunday, local.", "o pagamento foi feito no fim de semana|o pagamento foi feito em dia de semana",
			"the payment was made at the weekend|the payment was made on a weekday",
			func(t time.Time) float64 { return truth(t.Weekday() == time.Saturday || t.Weekday() == time.Sunday) }),
		of("holiday", UnitFlag, "A national or bank holiday, local.", "o pagamento foi feito em um feriado|o pagamento não foi feito em um feriado",
			"the payment was made on a holiday|the payment was not made on a holiday",
			func(t time.Time) float64 { return truth(holiday(t.Date())) }),
		payday("pay_day", UnitFlag, [3]string{"The fifth working day of the month, local: wages are due (CLT art. 459).",
			"o pagamento foi feito em dia de salário (quinto dia útil do mês)|o pagamento não foi feito em dia de salário (quinto dia útil do mês)",
			"the payment was made on pay-day (fifth working day of the month)|the payment was not made on pay-day (fifth working day of the month)"},
			func(days float64) float64 { return truth(days == 0) }),
		payday("since_pay_day_days", UnitDays, [3]string{"Local days since wages were last due.",
			"o pagamento foi feito {v dia/dias} depois do último dia de salário (quinto dia útil do mês)|o pagamento foi feito em dia de salário (quinto dia útil do mês)",
			"the payment was made {v day/days} after the last pay-day (fifth working day of the month)|the payment was made on pay-day (fifth working day of the month)"}, func(days float64) float64 { return days }),
		of("day_of_month", UnitCode, "Local day of the month: pay-days are early.", "o pagamento foi feito no dia {v} do mês", "the payment was made on day {v} of the month",
			func(t time.Time) float64 { return float64(t.Day()) }),
	}
}

func initiations() []entry {
	of := func(name, entity string, words [3]string, is func(*pix.Transaction) bool) entry {
		return entry{Definition{Name: name, Family: familyInitiation, Entity: entity, Unit: UnitFlag,
			Doc: words[0], Source: inEvent, ReasonPT: words[1], ReasonEN: words[2]},
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
			"os dados da conta do recebedor foram digitados|os dados da conta do recebedor não foram digitados", "the payee's account data were typed|the payee's account data were not typed"}, pix.Manual),
		form("initiation_key", [3]string{"By Pix key (DICT).", "o pagamento foi iniciado por chave Pix|o pagamento não foi iniciado por chave Pix", "the payment was initiated by Pix key|the payment was not initiated by Pix key"}, pix.ByKey),
		form("initiation_dynamic_qr", [3]string{"By dynamic QR code (QRDN).",
			"o pagamento foi iniciado por QR Code dinâmico|o pagamento não foi iniciado por QR Code dinâmico",
			"the payment was initiated by dynamic QR code|the payment was not initiated by dynamic QR code"}, pix.DynamicQR),
		form("initiation_static_qr", [3]string{"By static QR code (QRES).",
			"o pagamento foi iniciado por QR Code estático|o pagamento não foi iniciado por QR Code estático",
			"the payment was initiated by static QR code|the payment was not initiated by static QR code"}, pix.StaticQR),
		form("initiation_initiator", [3]string{"Through a payment initiator (INIC).",
			"o pagamento veio por um iniciador de pagamentos|o pagamento não veio por um iniciador de pagamentos",
			"the payment came through a payment initiator|the payment did not come through a payment initiator"}, pix.ByInitiator),
		form("initiation_automatic", [3]string{"Pix Automático (AUTO).",
			"o pagamento é um Pix Automático|o pagamento não é um Pix Automático", "the payment is a Pix Automático|the payment is not a Pix Automático"}, pix.Automatic),
		form("initiation_contactless", [3]string{"By approximation (APDN, APES).",
			"o pagamento foi feito por aproximação|o pagamento não foi feito por aproximação", "the payment was contactless|the payment was not contactless"}, pix.ContactlessDN, pix.ContactlessES),
		of("scheduled", "payment", [3]string{"Scheduled payment (PAGAGD).", "o pagamento foi agendado|o pagamento não foi agendado",
			"the payment was scheduled|the payment was not scheduled"},
			func(tx *pix.Transaction) bool { return tx.ServiceLevel == pix.ScheduledPayment }),
		of("withdrawal", "payment", [3]string{"Pix Saque or Pix Troco.", "o pagamento é Pix Saque ou Pix Troco|o pagamento não é Pix Saque nem Pix Troco",
			"the payment is a withdrawal or change|the payment is neither withdrawal nor change"},
			func(tx *pix.Transaction) bool { return tx.Purpose == pix.Withdrawal || tx.Purpose == pix.Change }),
		of("has_txid", "payment", [3]string{"The payment settles a charge that has a txid.", "o pagamento quita uma cobrança com txid|o pagamento não traz txid de cobrança",
			"the payment settles a charge with a txid|the payment has no txid of a charge"},
			func(tx *pix.Transaction) bool { return tx.TxIDToken.Current != "" }),
		of("payer_company", "payer", [3]string{"The payer is a company.", "o pagador é uma empresa|o pagador não é uma empresa",
			"the payer is a company|the payer is not a company"},
			func(tx *pix.Transaction) bool { return tx.PayerFacts.Person == pix.LegalPerson }),
		of("payee_company", "payee", [3]string{"The payee is a company.", "o recebedor é uma empresa|o recebedor não é uma empresa",
			"the payee is a company|the payee is not a company"},
			func(tx *pix.Transaction) bool { return tx.PayeeFacts.Person == pix.LegalPerson }),
	}
}

func keys() []entry {
	of := func(name string, word words, kind pix.KeyKind) entry {
		return entry{Definition{Name: "key_" + name, Family: familyKey, Entity: "payee", Unit: UnitFlag,
			Doc: "The key used is " + word.en + ".", Source: inEvent,
			ReasonPT: "a chave usada é " + word.pt + "|a chave usada não é " + word.pt + ", ou não há chave",
			ReasonEN: "the key used is " + word.en + "|the key used is not " + word.en + ", or there is none"},
			func(f *frame) float64 { return truth(f.tx.PayeeFacts.KeyKind == kind) }}
	}
	return []entry{
		of("cpf", words{"um CPF", "a CPF"}, pix.KeyCPF), of("cnpj", words{"um CNPJ", "a CNPJ"}, pix.KeyCNPJ),
		of("phone", words{"um número de celular", "a mobile phone number"}, pix.KeyPhone), of("email", words{"um e-mail", "an e-mail address"}, pix.KeyEmail),
		of("evp", words{"aleatória", "random (EVP)"}, pix.KeyEVP),
	}
}

func mandates() []entry {
	of := func(name, unit string, words [3]string, value func(*frame) float64) entry {
		return entry{Definition{Name: name, Family: familyMandate, Entity: "payment", Unit: unit, Missing: notAutomatic,
			Doc: words[0], Source: inEvent, ReasonPT: words[1], ReasonEN: words[2]}, value}
	}
	return []entry{
		of("mandate_age_days", UnitDays, [3]string{"Age of the mandate.", "a autorização do Pix Automático foi criada há {v}", "the Pix Automático mandate was created {v} ago"},
			func(f *frame) float64 { return since(f, f.tx.Mandate.CreatedAt, day) }),
		of("mandate_first_charge", UnitFlag, [3]string{"First charge under the mandate.",
			"é a primeira cobrança da autorização do Pix Automático|não é a primeira cobrança da autorização do Pix Automático",
			"it is the first charge of the Pix Automático mandate|it is not the first charge of the Pix Automático mandate"},
			func(f *frame) float64 { return optionalFlag(f.tx.Mandate.FirstCharge) }),
		of("initiator_age_days", UnitDays, [3]string{"Age of the initiator.", "o iniciador de pagamentos existe há {v}", "the payment initiator has existed for {v}"},
			func(f *frame) float64 { return since(f, f.tx.Mandate.InitiatorOpened, day) }),
		of("initiator_payments", UnitCount, [3]string{"Payments that the initiator made so far.",
			"o iniciador já fez {v pagamento/pagamentos}|o iniciador ainda não fez nenhum pagamento", "the initiator has made {v payment/payments} so far|the initiator has made no payment so far"},
			func(f *frame) float64 { return optionalCount(f.tx.Mandate.InitiatorPayment) }),
	}
}
