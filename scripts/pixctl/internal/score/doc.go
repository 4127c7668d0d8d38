// Package score is `pixctl score`: it scores a table of vectors with a model, as the scorer would, and writes raw
// score, probability and contributions per payment.
//
// Columns: those of the vectors table before the features, amount_brl, raw (log-odds), probability (calibrated), and
// contributions, a list of log-odds in the order of the model's features with the expected value last, so that it adds
// up to raw, as LightGBM's pred_contrib does. The footer says which model it was, up to when it was fitted, and the
// names of the features.
package score
