// Package host is the ground under every function: configuration from the environment, logger, metrics, traces, the bus.
package host
