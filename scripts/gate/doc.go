// Command gate watches a release for a while and says whether it may go on: exit 0 when every check held, 1 when one did not.
//
// A check is a PromQL expression with bounds. The gate asks a Prometheus API, which Managed Prometheus answers too, again and
// again until the time is over. It fails closed: a value out of its bounds twice running, an expression that has no value at
// the end, a Prometheus that does not answer, and an interruption all refuse the release.
package main
