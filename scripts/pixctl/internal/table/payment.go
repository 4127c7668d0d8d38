package table

// Positions of what Payment lists.
const (
	AtID = iota
	AtEventTime
	AtLabelArrivedAt
	AtLabel
	AtTypology
	AtDirection
	AtWeight
	AtPayerAccount
	AtPayeeAccount
	AtPayerAgeBand
	AtPayerState
	AtPayeeAgeBand
	AtPayeeState
	AfterPayment // the first column of the table's own
)

// Payment lists the columns with which a table of vectors begins and likewise one of scores: what is known of the payment
// beside its features, and the split weight of its world.
func Payment() []Column {
	return []Column{
		Text("end_to_end_id"), Time("event_time"), OptionalTime("label_arrived_at"), Int32("label"), OptionalCategory("typology"),
		Category("direction"), RequiredDouble("split_weight"), Text("payer_account"), Text("payee_account"),
		OptionalCategory("payer_age_band"), OptionalCategory("payer_state"), OptionalCategory("payee_age_band"), OptionalCategory("payee_state"),
	}
}
