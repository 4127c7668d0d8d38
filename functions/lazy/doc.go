// Package lazy starts a function with its first request and closes it before the instance ends.
package lazy
