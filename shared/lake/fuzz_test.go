package lake_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// FuzzEntry: what the decoder takes, it takes again from its own encoding, unchanged.
func FuzzEntry(f *testing.F) {
	for _, tc := range foreignCommits() {
		f.Add([]byte(tc.entry))
	}
	f.Add([]byte(`{"add":{"path":"p","stats":"{}"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := lake.DecodeEntry(data)
		if err != nil {
			return
		}
		twice, err := lake.DecodeEntry(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v: %q became %q", err, once, twice)
		}
	})
}

// FuzzCheckpoint: a damaged checkpoint is an error, never a panic.
func FuzzCheckpoint(f *testing.F) {
	good, err := os.ReadFile("testdata/foreign/plain-optimised/_delta_log/00000000000000000004.checkpoint.parquet")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), byte(0), uint32(0))
	f.Add(uint32(100), byte(7), uint32(50))
	f.Fuzz(func(_ *testing.T, at uint32, flip byte, drop uint32) {
		data := bytes.Clone(good[:len(good)-int(drop)%len(good)])
		data[int(at)%len(data)] ^= flip
		_, _ = lake.DecodeCheckpoint(bytes.NewReader(data), int64(len(data)))
	})
}
