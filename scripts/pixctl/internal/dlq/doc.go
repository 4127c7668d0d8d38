// Package dlq is `pixctl dlq list|show|replay`: what could not be handled, why, and how it gets its decision after all.
//
// Letters are read from a pull subscription of the dead-letter topic, which keeps each until it is acknowledged. Looking
// acknowledges nothing: letters are pulled, held while they are looked at, and given back. So
//
//   - two who look at the same time each see a part;
//   - a process that is killed leaves its letters held for up to ten minutes;
//   - a subscription knows the letters from after it was made, and keeps them for its retention;
//   - Pub/Sub has no order, and does not say when it has given everything: reading ends when nothing came for -wait.
//
// A seek to a snapshot would show the same, and change for everybody what the subscription has seen: it is not used.
package dlq
