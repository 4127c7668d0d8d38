package modelstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
)

// faulty is a model store in a Cloud Storage that misbehaves as a test says.
func faulty(t *testing.T, current string, versions ...string) (*Store, *gcs.Faults) {
	t.Helper()
	faults := &gcs.Faults{}
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{
		Storage: gcs.Faulty("bucket", layout(current, versions...), faults),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	s, err := OpenWritable(t.Context(), "gs://bucket", cloud.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, faults
}

// TestLostReply: the write took effect and its reply did not come. It is a success, told as what it did, and the next
// step is the next step.
func TestLostReply(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]gcs.Loss{"answered 503": gcs.Answered503, "cut": gcs.Cut} {
		s, faults := faulty(t, "", "1", "2", "3", "4")
		for _, version := range []string{"1", "2", "3", "4"} {
			faults.LoseReplies(1, loss)
			if _, err := s.Promote(t.Context(), pix.PayerRole, version); err != nil {
				t.Fatalf("%s: promote %s: %v", name, version, err)
			}
		}
		for _, want := range [][2]string{{"4", "3"}, {"3", "2"}} {
			faults.LoseReplies(1, loss)
			if from, to, err := s.Rollback(t.Context(), pix.PayerRole, ""); err != nil || from != want[0] || to != want[1] {
				t.Fatalf("%s: rolled back from %q to %q (%v), want %v", name, from, to, err, want)
			}
		}
		if got := inForce(t, s); got != "2 1" {
			t.Errorf("%s: in force %q", name, got)
		}
		faults.LoseReplies(1, loss)
		if err := s.SetChallengers(t.Context(), pix.PayerRole, []string{"3"}); err != nil {
			t.Errorf("%s: challengers: %v", name, err)
		}
	}
}

// TestLostReplyToAnother: what somebody else wrote meanwhile is no success of one's own, even where it is the same text.
func TestLostReplyToAnother(t *testing.T) {
	t.Parallel()
	s, _ := faulty(t, "3\n2\n1\n", "1", "2", "3")
	p, err := s.Current(t.Context(), pix.PayerRole)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Rollback(t.Context(), pix.PayerRole, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.root.replace(t.Context(), "payer/current", []byte("2\n1\n"), p.mark); !errors.Is(err, ErrChanged) {
		t.Errorf("the same write by somebody else gave %v", err)
	}
}

// TestUncertainWrite: neither the reply nor what is asked after it comes. The error says so, and whoever names what is to
// be left takes no second step.
func TestUncertainWrite(t *testing.T) {
	t.Parallel()
	s, faults := faulty(t, "3\n2\n1\n", "1", "2", "3")
	s.root.(*bucket).call = 5 * time.Second
	faults.LoseReplies(1, gcs.CutAndAway)
	from, to, err := s.Rollback(t.Context(), pix.PayerRole, "3")
	if from != "3" || to != "2" || !errors.Is(err, ErrUncertain) || pix.KindOf(err) != pix.Unavailable {
		t.Errorf("rolled back from %q to %q, %v", from, to, err)
	}
	faults.SetAway(false)
	s.root.(*bucket).call = callTimeout
	if _, _, err := s.Rollback(t.Context(), pix.PayerRole, "3"); pix.KindOf(err) != pix.Conflict {
		t.Errorf("the second try gave %v", err)
	}
	if got := inForce(t, s); got != "2 1" {
		t.Errorf("in force %q: two steps were taken", got)
	}
}

// TestRefusedWrite: a refusal for good is told as it is.
func TestRefusedWrite(t *testing.T) {
	t.Parallel()
	s, _ := faulty(t, "1\n", "1")
	b := s.root.(*bucket)
	b.handle = b.client.Bucket("none")
	err := s.root.replace(t.Context(), "payer/current", []byte("1\n"), "")
	if err == nil || errors.Is(err, ErrUncertain) || errors.Is(err, ErrChanged) {
		t.Errorf("a bucket that is not there gave %v", err)
	}
}

// TestEveryCallIsBounded asks without a deadline of its own, as the client's retries would go on for as long as that.
func TestEveryCallIsBounded(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*gcs.Faults){
		"away":   func(f *gcs.Faults) { f.SetAway(true) },
		"silent": func(f *gcs.Faults) { f.SetSilent(true) },
	} {
		s, faults := faulty(t, "1\n", "1")
		b := s.root.(*bucket)
		b.call, b.artefact = 200*time.Millisecond, 200*time.Millisecond
		set(faults)
		for call, do := range map[string]func(context.Context) error{
			"current":    func(ctx context.Context) error { _, err := s.Current(ctx, pix.PayerRole); return err },
			"challenger": func(ctx context.Context) error { _, err := s.Challengers(ctx, pix.PayerRole); return err },
			"version":    func(ctx context.Context) error { _, err := s.LoadVersion(ctx, pix.PayerRole, "1"); return err },
			"list":       func(ctx context.Context) error { _, err := s.root.directories(ctx, "payer"); return err },
			"write":      func(ctx context.Context) error { return s.root.replace(ctx, "payer/current", []byte("1\n"), "") },
			"file": func(ctx context.Context) error {
				_, _, err := (&File{s, "policy.yaml", 10}).Read(ctx)
				return err
			},
		} {
			in30(t, name+": "+call, func() {
				if err := do(context.Background()); err == nil {
					t.Errorf("%s: %s gave no error", name, call)
				} else {
					t.Logf("%s: %s: %v", name, call, err)
				}
			})
		}
	}
}
