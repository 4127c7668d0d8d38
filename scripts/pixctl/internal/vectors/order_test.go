package vectors

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func shuffled(text string) string {
	list := strings.SplitAfter(strings.TrimSuffix(text, "\n")+"\n", "\n")
	list = list[:len(list)-1]
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return strings.Join(list, "")
}

// TestShuffledLogs: a shuffled log is refused, with the file and the line and without a table; sorted, it gives the table of
// the log in order, bit for bit. Malformed lines keep their numbers.
func TestShuffledLogs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs(t, dir)
	events := readFile(t, dir+"/events.jsonl")
	write(t, dir, "shuffled.jsonl", shuffled(events))
	args := func(events, out string, more ...string) []string {
		return append([]string{"-events", filepath.Join(dir, events), "-labels", dir + "/labels.jsonl", "-out", filepath.Join(dir, out)}, more...)
	}
	if code, said := pixctl(t, args("events.jsonl", "want.parquet")...); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	code, said := pixctl(t, args("shuffled.jsonl", "none.parquet")...)
	if code != 1 || !strings.Contains(said, "shuffled.jsonl: line ") || !strings.Contains(said, "-sort") || strings.Contains(said, "endToEndId") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if left, _ := filepath.Glob(dir + "/none*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if code, said := pixctl(t, args("shuffled.jsonl", "sorted.parquet", "-sort")...); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if readFile(t, dir+"/want.parquet") != readFile(t, dir+"/sorted.parquet") {
		t.Error("sorted, the shuffled log gives another table than the log in order")
	}
	write(t, dir, "broken.jsonl", "{broken\n\n"+shuffled(events)+"{broken\n")
	lines := strings.Count(events, "\n")
	if code, said := pixctl(t, args("broken.jsonl", "sorted.parquet", "-sort")...); code != 1 ||
		!strings.Contains(said, "broken.jsonl:1:") || !strings.Contains(said, fmt.Sprintf("broken.jsonl:%d:", lines+3)) {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// TestStrangers: labels, statuses and weights of another log are told from those of this one.
func TestStrangers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	payments, at := logs(t, dir)
	other := string(payments[0].Submission.ID)
	other = other[:len(other)-4] + "zzzz"
	stamp := at.Format("2006-01-02T15:04:05.000Z07:00")
	made := payments[0].Submission.EventTime.Format("2006-01-02T15:04:05.000Z07:00")
	label := fmt.Sprintf(`{"endToEndId":%q,"eventTime":%q,"arrivedAt":%q,"fraud":true,"source":"LABEL_SOURCE_MED"}`+"\n", other, made, stamp)
	write(t, dir, "both.jsonl", label+readFile(t, dir+"/labels.jsonl"))
	write(t, dir, "other-labels.jsonl", label)
	write(t, dir, "other-statuses.jsonl", fmt.Sprintf(`{"endToEndId":%q,"eventTime":%q,"state":"PAYMENT_STATE_SETTLED","occurredAt":%q}`+"\n", other, made, made))
	write(t, dir, "other-weights.jsonl", fmt.Sprintf(`{"end_to_end_id":%q,"weight":0.5}`+"\n", other))
	for _, c := range []struct {
		flag, file, says string
		code             int
	}{
		{"-labels", "both.jsonl", "1 labelled payments", 0}, {"-labels", "other-labels.jsonl", "none of the 1 -labels", 1},
		{"-statuses", "other-statuses.jsonl", "none of the 1 -statuses", 1}, {"-weights", "other-weights.jsonl", "none of the 1 -weights", 1},
	} {
		out := filepath.Join(dir, c.file+".parquet")
		code, said := pixctl(t, "-events", dir+"/events.jsonl", c.flag, filepath.Join(dir, c.file), "-out", out)
		if code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%s %s: exit code %d, want %d with %q: %s", c.flag, c.file, code, c.code, c.says, said)
		}
		if _, err := os.Stat(out); (err == nil) != (c.code == 0) {
			t.Errorf("%s %s: table written: %v", c.flag, c.file, err == nil)
		}
	}
}

// TestPackedLogs: every input may be gzip, of several members; one that is cut short or no text in UTF-8 is refused by name.
func TestPackedLogs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs(t, dir)
	events, labels := readFile(t, dir+"/events.jsonl"), readFile(t, dir+"/labels.jsonl")
	half := strings.Index(events[len(events)/2:], "\n") + len(events)/2 + 1
	packed := pack(t, events[:half]) + pack(t, events[half:])
	write(t, dir, "events.gz", packed)
	write(t, dir, "labels.gz", pack(t, labels))
	write(t, dir, "weights.gz", pack(t, readFile(t, dir+"/truth.jsonl")))
	var tables []string
	for i, in := range [][3]string{{"events.jsonl", "labels.jsonl", "truth.jsonl"}, {"events.gz", "labels.gz", "weights.gz"}} {
		out := fmt.Sprintf("%s/%d.parquet", dir, i)
		code, said := pixctl(t, "-events", filepath.Join(dir, in[0]), "-labels", filepath.Join(dir, in[1]), "-weights", filepath.Join(dir, in[2]), "-out", out)
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, said)
		}
		tables = append(tables, readFile(t, out))
	}
	if tables[0] != tables[1] {
		t.Error("packed inputs give another table")
	}
	for text, says := range map[string]string{
		packed[:len(packed)-9]: "cut short", "\xef\xbb\xbf" + events: "byte order mark of UTF-8", "\xff\xfe{\x00": "UTF-16",
		pack(t, "\xef\xbb\xbf"+events): "byte order mark of UTF-8", "\x28\xb5\x2f\xfd....": "zstd",
	} {
		write(t, dir, "bad", text)
		for _, sort := range []string{"-sort=false", "-sort"} {
			code, said := pixctl(t, "-events", dir+"/bad", "-out", dir+"/bad.parquet", sort)
			if code != 1 || !strings.Contains(said, says) || !strings.Contains(said, dir+"/bad: ") {
				t.Errorf("exit code %d, want 1 with %q: %s", code, says, said)
			}
			if left, _ := filepath.Glob(dir + "/bad.parquet*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
}

func pack(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
