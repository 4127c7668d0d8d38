package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// BenchmarkColdStart is how long a process takes from its start to /readyz, with the two models that this release ships, 1.6 MB
// each, verified against their golden scores: go test -run xxx -bench ColdStart -benchtime 10x ./functions/score/server. With
// SCORE_BINARY it starts that program, else this test's own, which is larger.
func BenchmarkColdStart(b *testing.B) {
	cloud, err := pixtest.Start(b.Context(), pixtest.Options{PubSub: true, Bigtable: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cloud.Close() })
	if err := store.CreateSchema(b.Context(), store.Config{ProjectID: cloud.ProjectID, InstanceID: "i"}, store.Retention{}, cloud.BigtableOptions()...); err != nil {
		b.Fatal(err)
	}
	program := os.Args[0]
	if named := os.Getenv(binaryVariable); named != "" {
		program = named
	}
	var processor time.Duration
	for b.Loop() {
		address, operators := port.Free(b), port.Free(b)
		cmd := exec.CommandContext(context.WithoutCancel(b.Context()), program)
		cmd.Env = append(append(os.Environ(), cloud.Env()...), asServer+"=1", "LISTEN_ADDR="+address, "ADMIN_ADDR="+operators, "LOG_LEVEL=ERROR",
			"VERIFY_CALLERS=off", "PROJECT_ID="+cloud.ProjectID, "BIGTABLE_INSTANCE=i", "TOKEN_KEY="+keytest.Base64("k"))
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		for !ready(b, "http://"+operators+"/readyz") {
			time.Sleep(time.Millisecond)
		}
		b.StopTimer()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		processor += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		b.StartTimer()
	}
	b.ReportMetric(float64(processor.Milliseconds())/float64(b.N), "cpu-ms/start") // what it takes on a machine that others share
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/start")
}

func ready(b *testing.B, url string) bool {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
