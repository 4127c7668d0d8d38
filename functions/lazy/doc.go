// Package lazy starts a function with its first request.
package lazy
