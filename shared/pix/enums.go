package pix

// Enumerations are typed strings with the field's own codes. The zero value means "not given"; Validate refuses it
// where the contract requires one, and features read it as missing elsewhere.

// Direction tells from which seat the institution sees the payment (an institution sees only payments that
// touch its customers).
type Direction string

// The three seats.
const (
	Outbound Direction = "OUTBOUND" // our customer pays
	Inbound  Direction = "INBOUND"  // our customer receives
	Internal Direction = "INTERNAL" // both are ours
)

// Initiation is the local instrument of pacs.008: how the payment was started.
type Initiation string

// Initiation forms, as the pacs.008 local instrument writes them.
const (
	Manual        Initiation = "MANU" // account data typed by hand
	ByKey         Initiation = "DICT" // by Pix key
	DynamicQR     Initiation = "QRDN"
	StaticQR      Initiation = "QRES"
	ByInitiator   Initiation = "INIC" // payment initiation service
	Automatic     Initiation = "AUTO" // Pix Automático
	ContactlessDN Initiation = "APDN" // by approximation, dynamic
	ContactlessES Initiation = "APES" // by approximation, static
)

// Purpose is the pacs.008 purpose code.
type Purpose string

// Purposes, as pacs.008 writes them.
const (
	Payment    Purpose = "IPAY"
	Change     Purpose = "GSCB" // Pix Troco
	Withdrawal Purpose = "OTHR" // Pix Saque
	Refund     Purpose = "REFU"
	MEDReturn  Purpose = "IPRT" // MED 2.0 return
)

// ServiceLevel is the pacs.008 service level.
type ServiceLevel string

// Service levels, as pacs.008 writes them.
const (
	PriorityPayment  ServiceLevel = "PAGPRI"
	ScheduledPayment ServiceLevel = "PAGAGD"
	FraudAnalysis    ServiceLevel = "PAGFRD" // with NORM priority it is the hold
)

// Priority is the pacs.008 instruction priority.
type Priority string

// Priorities.
const (
	High   Priority = "HIGH"
	Normal Priority = "NORM"
)

// AccountType is the kind of account.
type AccountType string

// Account types. UnknownAccount stands for types that the Banco Central adds after this release: they are accepted.
const (
	Checking       AccountType = "CACC"
	Savings        AccountType = "SVGS"
	Prepaid        AccountType = "TRAN"
	Salary         AccountType = "SLRY" // never a creditor's
	Other          AccountType = "OTHR"
	UnknownAccount AccountType = "UNKNOWN"
)

// Person tells people from companies.
type Person string

// Kinds of person.
const (
	NaturalPerson Person = "NATURAL"
	LegalPerson   Person = "LEGAL"
)

// KeyKind is the kind of a Pix key.
type KeyKind string

// Kinds of key. UnknownKey stands for kinds that the Banco Central adds after this release: they are accepted.
const (
	KeyCPF     KeyKind = "CPF"
	KeyCNPJ    KeyKind = "CNPJ"
	KeyPhone   KeyKind = "PHONE"
	KeyEmail   KeyKind = "EMAIL"
	KeyEVP     KeyKind = "EVP"
	UnknownKey KeyKind = "UNKNOWN"
)

// Outcome is what the policy decides, ordered by Severity.
type Outcome string

// Outcomes: hold is REVIEW, the cautionary block of a receiving institution is BLOCK.
const (
	Approve Outcome = "APPROVE"
	Review  Outcome = "REVIEW"
	Block   Outcome = "BLOCK"
	Reject  Outcome = "REJECT"
)

// Severity orders outcomes: APPROVE 0 < REVIEW 1 < BLOCK 2 < REJECT 3. An unknown outcome is the most severe, so a
// corrupt value never weakens a decision.
func (o Outcome) Severity() int {
	switch o {
	case Approve:
		return 0
	case Review:
		return 1
	case Block:
		return 2
	default:
		return 3
	}
}

// Role names which question a model answers.
type Role string

// Roles: payer asks whether our paying customer is being robbed, receiver whether the receiving account is a mule.
const (
	PayerRole    Role = "payer"
	ReceiverRole Role = "receiver"
)

// Roles returns the models that score a payment of this direction, in a fixed order.
func (d Direction) Roles() []Role {
	switch d {
	case Outbound:
		return []Role{PayerRole}
	case Inbound:
		return []Role{ReceiverRole}
	default:
		return []Role{PayerRole, ReceiverRole}
	}
}
