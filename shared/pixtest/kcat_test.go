package pixtest_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// TestKcat proves that librdkafka can produce to and consume from the in-process Kafka, an idempotent producer too.
func TestKcat(t *testing.T) {
	t.Parallel()
	kcat, err := exec.LookPath("kcat")
	if err != nil {
		t.Skip("kcat is not installed: librdkafka is not checked")
	}
	c, err := pixtest.Start(t.Context(), pixtest.Options{KafkaTopics: map[string]int32{"in": 3}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	broker := c.KafkaBrokers[0]
	for name, flags := range map[string][]string{
		"plain": nil, "idempotent": {"-X", "enable.idempotence=true"}, "compressed": {"-z", "zstd"},
		"to a topic that does not exist": {"-t", "new"},
	} {
		arguments := append([]string{"-b", broker, "-P", "-t", "in", "-K", "|"}, flags...)
		command := exec.CommandContext(t.Context(), kcat, arguments...)
		command.Stdin = strings.NewReader("key|" + name)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("in", "new"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for n := 0; n < 4; {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", n, err)
		}
		n += fetches.NumRecords()
	}
	out, err := exec.CommandContext(t.Context(), kcat, "-b", broker, "-C", "-t", "in", "-e", "-q").CombinedOutput()
	if err != nil || len(strings.Split(strings.TrimSpace(string(out)), "\n")) != 3 {
		t.Errorf("kcat consumed %q: %v", out, err)
	}
}
