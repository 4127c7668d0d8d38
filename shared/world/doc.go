// Package world is a seeded, streaming simulator of Pix as one institution sees it.
//
// There is no public Pix data, so detection is developed and measured on this world; it is only as honest as its
// legitimate look-alikes. Every fraud typology therefore has ordinary behaviour beside it that shares its signals at a
// much higher rate, facts overlap between the classes, and the fraud rate defaults to the true one (7 per 100,000
// payments). What is assumed rather than published is marked so beside its constant.
//
// The world is ring 0: it imports pix and the standard library, reads no clock, and draws from a PCG generator only, so
// the same Params give the same bytes. Payments come out in event-time order. Memory is bounded by the number of
// accounts: AccountBytes each, plus the campaigns and cases under way.
//
// The seat matters: payments between two other institutions happen (balances and DICT statistics move) but are never
// emitted, and an emitted payment carries only the facts that our institution would know.
package world
