// Package config is what the kafka-bridge process reads from its environment.
package config
