// Package evaluate is `pixctl evaluate`: it says what a table of scores would have caught, at the false positive rates
// and alert budgets that a desk can live with.
//
// Every row counts as its sampling weight, so a world with boosted fraud is measured at the true base rate. With the
// simulator's truth a fraud is a fraud whether or not anybody reported it; without, only reported ones are known. Rows
// up to the moment until which the model was fitted are left out. Intervals come from a Poisson bootstrap over accounts
// with a fixed seed: accounts, not payments, because payments of one account resemble one another.
//
// models/src/sentinela_models/evaluate.py is a second, independent implementation of the same measures; testdata holds
// a table and the figures on which both must agree within 1e-9.
package evaluate
