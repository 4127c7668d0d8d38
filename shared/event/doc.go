// Package event is the wire format: the proto3 package pix.v1 and its JSON mapping, and the attributes beside them.
package event
