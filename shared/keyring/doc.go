// Package keyring reads the token keys of a trusted hop from its environment, the same way in the bridge and in the
// scorer: both must give one entity the same token.
package keyring
