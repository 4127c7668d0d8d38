package table

import "testing"

// TestPaymentColumnsStandWhereTheConstantsSay: a reader of scores takes a value by its position.
func TestPaymentColumnsStandWhereTheConstantsSay(t *testing.T) {
	t.Parallel()
	at := map[string]int{
		"end_to_end_id": AtID, "event_time": AtEventTime, "label_arrived_at": AtLabelArrivedAt, "label": AtLabel, "typology": AtTypology,
		"direction": AtDirection, "split_weight": AtWeight, "payer_account": AtPayerAccount, "payee_account": AtPayeeAccount,
		"payer_age_band": AtPayerAgeBand, "payer_state": AtPayerState, "payee_age_band": AtPayeeAgeBand, "payee_state": AtPayeeState,
	}
	columns := Payment()
	if len(columns) != AfterPayment || len(at) != AfterPayment {
		t.Fatalf("%d columns, %d tested, %d numbered", len(columns), len(at), AfterPayment)
	}
	for i, c := range columns {
		if want, ok := at[c.Name]; !ok || want != i {
			t.Errorf("%s stands at %d, its constant says %d", c.Name, i, want)
		}
	}
}
