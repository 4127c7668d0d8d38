package world

import "github.com/sentinela-pix/sentinela/shared/pix"

// tables are the world's fixed distributions. They hang on a World rather than on the package so that nothing of the
// package is mutable.
type tables struct {
	hourly, weekend, office, sleepless, nightly, treasury [24]float64
	weekday                                               [7]float64 // from Sunday

	ispbs         [23]pix.ISPB // ours first
	ageBands      [6]string
	ageWeights    [6]float64
	states        [12]string
	stateWeights  [12]float64
	keyKinds      [5]pix.KeyKind
	personKeys    [5]float64
	businessKeys  [5]float64
	accountTypes  [3]pix.AccountType
	typeWeights   [3]float64
	pastReports   [3]float64 // by kind: share of accounts that somebody reported in the last six months, rightly or not
	rejectReasons [7]string
	rejectWeights [7]float64
	markerWeights [4]float64 // kinds of DICT's fraud markers: scammer, mule, application, other

	initiations                                [7]pix.Initiation
	toPerson, toMerchant, toBiller, toSupplier [7]float64

	windowDays [windows]float64 // of DICT's counters
	typologies []pix.Typology
	lookAlikes []LookAlike

	habits
	names
}

// names are what identities are made of.
type names struct {
	areaCodes  [15]string
	surnames   [20]string
	trades     [15]string
	givenNames [20]givenName
}

// givenName is a name and how it is written in a mailbox.
type givenName struct{ name, mailbox string }

// fradReason is the index of FRAD among the reasons of a rejection.
const fradReason = 6

// newTables returns the distributions. All of them are assumed, after the usual shape of retail payments; shares of key
// kinds and initiation forms follow the order of magnitude that the Banco Central publishes.
func newTables() *tables {
	return &tables{
		hourly: [24]float64{
			.35, .2, .13, .1, .12, .25, .55, .9, 1.2, 1.4, 1.5, 1.6, 1.65, 1.5, 1.45, 1.45, 1.5, 1.65, 1.7, 1.55, 1.25, 1, .8, .55,
		},
		office: [24]float64{
			.1, .05, .05, .05, .05, .1, .3, .8, 1.6, 2.3, 2.6, 2.5, 1.9, 2.1, 2.5, 2.4, 2.2, 1.4, .7, .4, .3, .25, .2, .15,
		},
		sleepless: [24]float64{
			1.3, 1.3, 1.2, 1, .9, .8, .7, .7, .8, .9, .9, 1, 1, .9, .9, .9, 1, 1, 1.1, 1.2, 1.3, 1.3, 1.3, 1.3,
		},
		weekend: [24]float64{
			.8, .5, .35, .25, .2, .2, .3, .5, .85, 1.15, 1.4, 1.55, 1.6, 1.5, 1.4, 1.4, 1.4, 1.45, 1.5, 1.55, 1.5, 1.4, 1.25, 1.05,
		},
		nightly: [24]float64{
			1.6, 1.3, 1, .7, .5, .3, .1, .05, .05, .05, .05, .05, .1, .1, .1, .1, .15, .3, .6, 1.1, 1.7, 2.2, 2.3, 2,
		},
		treasury: [24]float64{
			.3, .2, .2, .2, .2, .2, .5, 1, 1.5, 2, 2.2, 2, 1.6, 1.6, 2, 2.2, 2.2, 2, 1.2, .8, .5, .4, .3, .3,
		},
		weekday: [7]float64{.82, 1.0, 1.0, 1.0, 1.02, 1.15, 1.03},
		ispbs: [23]pix.ISPB{
			OurISPB, "99000002", "99000003", "99000004", "99000005", "99000006", "99000007", "99000008", "99000009",
			"99000010", "99000011", "99000012", "99000013", "99000014", "99000015", "99000016", "9A00B017", "9A00B018",
			"9A00B019", "9A00B020", "9A00B021", "9A00B022", "9A00B023",
		},
		ageBands:      [6]string{"18-24", "25-34", "35-44", "45-54", "55-64", "65+"},
		ageWeights:    [6]float64{0.17, 0.24, 0.22, 0.17, 0.12, 0.08},
		states:        [12]string{"SP", "MG", "RJ", "BA", "PR", "RS", "PE", "CE", "PA", "SC", "GO", "AM"},
		stateWeights:  [12]float64{0.27, 0.12, 0.10, 0.08, 0.07, 0.07, 0.06, 0.06, 0.05, 0.05, 0.04, 0.03},
		keyKinds:      [5]pix.KeyKind{pix.KeyCPF, pix.KeyPhone, pix.KeyEmail, pix.KeyEVP, pix.KeyCNPJ},
		personKeys:    [5]float64{0.232, 0.214, 0.150, 0.404, 0},
		businessKeys:  [5]float64{0, 0.12, 0.13, 0.35, 0.40},
		accountTypes:  [3]pix.AccountType{pix.Checking, pix.Prepaid, pix.Savings},
		typeWeights:   [3]float64{0.72, 0.21, 0.07},
		pastReports:   [3]float64{person: 0.004, company: 0.012, merchant: 0.025},
		rejectReasons: [7]string{"AB03", "AC03", "AC06", "AC07", "BE01", "DS04", "FRAD"},
		rejectWeights: [7]float64{0.3, 0.25, 0.1, 0.1, 0.15, 0.08, 0.02},
		markerWeights: [4]float64{.38, .27, .01, .34},
		initiations: [7]pix.Initiation{
			pix.ByKey, pix.Manual, pix.DynamicQR, pix.StaticQR, pix.ByInitiator, pix.Automatic, pix.ContactlessDN,
		},
		toPerson:   [7]float64{0.74, 0.14, 0.04, 0.08, 0, 0, 0},
		toMerchant: [7]float64{0.18, 0.01, 0.50, 0.24, 0.05, 0, 0.02},
		toBiller:   [7]float64{0.14, 0.04, 0.64, 0.02, 0.06, 0.10, 0},
		toSupplier: [7]float64{0.45, 0.30, 0.23, 0.01, 0.01, 0, 0},
		windowDays: [windows]float64{3, 30, 180, 90, 365, 1825},
		typologies: Typologies(),
		lookAlikes: LookAlikes(),
		habits:     newHabits(),
		names:      newNames(),
	}
}

func newNames() names {
	return names{
		areaCodes: [15]string{
			"11", "21", "31", "41", "51", "61", "62", "71", "81", "85", "91", "92", "48", "27", "19",
		},
		surnames: [20]string{
			"Silva", "Santos", "Oliveira", "Souza", "Lima", "Pereira", "Ferreira", "Costa", "Rodrigues", "Almeida",
			"Nascimento", "Alves", "Carvalho", "Araújo", "Ribeiro", "Barbosa", "Gomes", "Martins", "Rocha", "Dias",
		},
		trades: [15]string{
			"Padaria", "Mercado", "Farmácia", "Oficina", "Salão", "Restaurante", "Papelaria", "Transportes", "Comercial",
			"Construtora", "Clínica", "Escola", "Distribuidora", "Auto Peças", "Confecções",
		},
		givenNames: [20]givenName{
			{"Maria", "maria"}, {"José", "jose"}, {"Ana", "ana"}, {"João", "joao"}, {"Antônio", "antonio"},
			{"Francisca", "francisca"}, {"Carlos", "carlos"}, {"Paulo", "paulo"}, {"Adriana", "adriana"},
			{"Lucas", "lucas"}, {"Juliana", "juliana"}, {"Pedro", "pedro"}, {"Márcia", "marcia"},
			{"Fernanda", "fernanda"}, {"Luiz", "luiz"}, {"Patrícia", "patricia"}, {"Marcos", "marcos"},
			{"Aline", "aline"}, {"Rafael", "rafael"}, {"Camila", "camila"},
		},
	}
}
