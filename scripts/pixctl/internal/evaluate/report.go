package evaluate

// Report is everything that evaluate measures; the JSON names are a contract with the Python twin. Shares are of
// weighted payments or R$; an interval is the 2.5th and 97.5th percentile of the bootstrap.
type Report struct {
	Role     string    `json:"role"`
	Model    string    `json:"model"`
	Truth    bool      `json:"truth"` // measured against the simulator's truth, not only against reports
	From     string    `json:"from"`
	To       string    `json:"to"`
	Days     int       `json:"days"`
	Rows     int       `json:"rows"`
	LeftOut  int       `json:"rows_left_out"`
	Frauds   int       `json:"frauds"`
	Payments float64   `json:"payments"` // rows by weight
	FraudBRL float64   `json:"fraud_brl"`
	Per100k  float64   `json:"fraud_per_100k"`
	AP       float64   `json:"average_precision"`
	AUC      float64   `json:"auc"` // a sanity line only
	AtFPR    []Point   `json:"at_fpr"`
	AtBudget []Budget  `json:"at_budget"`
	Accounts TopDaily  `json:"accounts"`
	Mules    *Mules    `json:"mules,omitempty"`
	Typology []Group   `json:"by_typology"`
	Delay    []Group   `json:"by_label_delay"`
	Look     []Group   `json:"look_alikes"`
	Age      []Group   `json:"by_age_band"`
	State    []Group   `json:"by_state"`
	Calib    Calibrate `json:"calibration"`
	Shares   []Share   `json:"contributions"`
	Boot     Bootstrap `json:"bootstrap"`
	Beside   []Beside  `json:"beside,omitempty"`

	ids   uint64       // names the payments and their order
	curve []xy         // recall and precision, for the plot
	drawn [2][]float64 // share of R$ in each replicate, by order
}

// Beside is another table on the same payments. The intervals of the ratios are paired: each replicate counts the same
// accounts in both.
type Beside struct {
	Model    string   `json:"model"`
	AtFPR    []Point  `json:"at_fpr"`
	AtBudget []Budget `json:"at_budget"`
	Mules    *Mules   `json:"mules,omitempty"`
	Ratios   []Ratio  `json:"brl_ratios"`

	curve []xy
}

// Ratio is the R$ that the table in question detects at the budget, over those of the other one.
type Ratio struct {
	Order string   `json:"ranked_by"`
	Ratio float64  `json:"ratio"`
	CI    Interval `json:"ratio_interval"`
}

// xy is a point of a plot.
type xy struct{ x, y float64 }

// Interval is a lower and an upper bound.
type Interval [2]float64

// Point is what flagging every payment at or above a threshold gives, at a false positive rate.
type Point struct {
	FPR       float64  `json:"fpr"` // asked for; the measured one is at most this
	Threshold float64  `json:"threshold_raw"`
	Recall    float64  `json:"recall"`
	RecallCI  Interval `json:"recall_interval"`
	Precision float64  `json:"precision"`
	PrecCI    Interval `json:"precision_interval"`
	BRLRecall float64  `json:"brl_recall"` // share of the R$ of fraud
	BRLCI     Interval `json:"brl_recall_interval"`
	Alerts    float64  `json:"alerts_per_100k"`
}

// Budget is what a desk with a daily capacity gets when it takes the payments of each day in an order.
type Budget struct {
	Per100k   float64   `json:"alerts_per_100k"`
	Order     string    `json:"ranked_by"`
	Alerts    float64   `json:"alerts"`
	Precision float64   `json:"precision"`
	Recall    float64   `json:"recall"`
	BRL       float64   `json:"detected_brl"`
	BRLRecall float64   `json:"brl_recall"`
	PrecCI    *Interval `json:"precision_interval,omitempty"`
	RecallCI  *Interval `json:"recall_interval,omitempty"`
	BRLCI     *Interval `json:"brl_recall_interval,omitempty"`
}

// TopDaily is the precision among each day's most suspicious accounts, of which those already reported are left out.
type TopDaily struct {
	K         int     `json:"k"`
	Precision float64 `json:"precision"` // mean over days
	Recall    float64 `json:"recall"`    // of the accounts with a fraud on the day
	Days      int     `json:"days"`
}

// Mules says how early the receiver model finds accounts that receive stolen money.
type Mules struct {
	FPR         float64  `json:"account_fpr"`
	Threshold   float64  `json:"threshold_raw"`
	Accounts    int      `json:"accounts"`
	Mules       int      `json:"mules"`
	BeforeThird float64  `json:"found_before_third_fraud"`
	CI          Interval `json:"found_before_third_fraud_interval"`
	Ever        float64  `json:"found_ever"`
	Once        int      `json:"mules_with_one_fraud"`        // that we see: there is no second one to learn from
	Repeated    float64  `json:"found_of_those_with_several"` // before the third, of the others
	PaymentFPR  float64  `json:"payment_fpr"`                 // at this threshold
}

// Group is a part of the payments, flagged at a false positive rate of 0.1 % over all.
type Group struct {
	Name         string  `json:"name"`
	Payments     float64 `json:"payments"`
	Frauds       int     `json:"frauds"`
	FraudBRL     float64 `json:"fraud_brl"`
	FPR          float64 `json:"fpr"`
	Recall       float64 `json:"recall"`
	BRLRecall    float64 `json:"brl_recall"`
	BudgetRecall float64 `json:"budget_recall"` // at the daily alert budget, by score
	OnlyFraud    bool    `json:"-"`             // by what it is: a typology, a delay
}

// Calibrate compares probabilities with what happened.
type Calibrate struct {
	Brier    float64 `json:"brier"`
	ECE      float64 `json:"ece"`      // expected calibration error over the bins
	Expected float64 `json:"expected"` // frauds that the probabilities add up to
	Observed float64 `json:"observed"`
	Bins     []Bin   `json:"bins"`
}

// Bin is a range of probabilities, the upper end excluded.
type Bin struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	Payments float64 `json:"payments"`
	Mean     float64 `json:"mean_probability"`
	Fraud    float64 `json:"fraud_share"`
}

// Share is the mean absolute contribution of a feature, in log-odds.
type Share struct {
	Feature string  `json:"feature"`
	Mean    float64 `json:"mean_absolute"`
}

// Bootstrap says how the intervals were made.
type Bootstrap struct {
	Replicates int    `json:"replicates"`
	Seed       uint64 `json:"seed"`
	Unit       string `json:"unit"`
}
