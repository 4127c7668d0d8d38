package live_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// watched is a feed on a real port, as a process has it.
type watched struct {
	feed *live.Feed
	url  string
	away atomic.Bool // the store
	slow atomic.Bool // the clock
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{feed: live.NewFeed(serving, nil)}
	handler, err := w.feed.Handler(live.Around{
		Conditions: []lifecycle.Condition{
			{Name: "store", Check: func() error { return failsWhile(&w.away, "histories: open for 3s, 12 failures") }},
			{Name: "clock", Own: true, Check: func() error { return failsWhile(&w.slow, "90 s behind") }},
		},
		Pipeline: func() []live.Step {
			return []live.Step{{Name: "audited", Count: 1234}, {Name: "alerted", Count: 12}, {Name: "dead_letters", Count: 3}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = lifecycle.NewServer(handler, lifecycle.ServerConfig{})
	server.Start()
	t.Cleanup(func() {
		w.feed.Close()
		server.Close()
	})
	w.url = server.URL
	return w
}

func failsWhile(condition *atomic.Bool, text string) error {
	if condition.Load() {
		return errors.New(text)
	}
	return nil
}

// play decides what a desk would see.
func (w *watched) play() {
	chances := []float64{0.95, 0.47, 0.0031, 0.012, 0.68}
	outcomes := []pix.Outcome{pix.Reject, pix.Block, pix.Review}
	for i := range 12 {
		d := decision(i, outcomes[i%3], pix.Money(1_000_00*(12-i)+34), chances[i%5])
		if d.Outcome != pix.Reject {
			d.HoldUntil = time.Now().Add(time.Duration(31+7*i) * time.Minute)
		}
		d.Reasons = append([]pix.Reason{{
			Code: "payer-score-review", TextPT: "O modelo do pagador estima em 95 % a chance de fraude; o limite para rejeição é 40 %.",
			TextEN: "The payer model puts the chance of fraud at 95 %; the limit for rejection is 40 %.",
		}}, d.Reasons...)
		d.RuleHits = []pix.RuleHit{
			{ID: "payer-score-reject", Outcome: d.Outcome, LegalBasis: "Regulamento do Pix, rejeição por fundada suspeita de fraude / rejection on well-founded suspicion of fraud"},
			{ID: "trusted-payee", Outcome: pix.Review, Lifted: true},
		}
		d.Shadow = []pix.Score{{Role: pix.PayerRole, Version: "8", Probability: chances[i%5] / 3, Outcome: pix.Review}}
		w.feed.Decided(seen(d))
	}
	for i := range 600 {
		w.feed.Decided(seen(decision(100+i, pix.Approve, pix.Money(i*1234), 0.0004)))
	}
}

// TestInABrowser looks at the page as people do. It needs Chromium.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.play()
	w.feed.Decided(seen(hostileDecision(1000)))
	c := startChromium(t)
	c.look(1920, 1080, "dark")
	c.open(w.url + "/live/?lang=pt")
	c.await(`document.querySelectorAll("#queue li").length === 13 && document.querySelectorAll("#feed li").length > 3`)
	c.await(`document.getElementById("status").className === "status well"`)
	c.await(`document.getElementById("rate").textContent !== "–" && document.getElementById("pipeline").textContent.includes("1.234")`)
	c.shoot("page-1920-dark-pt")

	c.staysInert()
	c.pressKeys()
	c.seeFaults(w)
	c.fit()
	c.loseContact(w)

	for _, complaint := range c.complaints(w.url) {
		if !strings.Contains(complaint, "/live/events") { // the process was stopped at the end
			t.Errorf("the browser complains: %s", complaint)
		}
	}
}

// staysInert sees that a hostile text is shown and does nothing.
func (c *chromium) staysInert() {
	if got := c.eval(`[window.pwned, document.querySelectorAll("img").length, document.querySelectorAll("script").length].join()`); got != ",0,2" {
		c.t.Errorf("a hostile text did something: %s", got)
	}
	if got := c.eval(`document.querySelector("#queue li .reason").textContent`); !strings.Contains(got, "</script><img src=x") {
		c.t.Errorf("the hostile text is not shown: %s", got)
	}
}

// pressKeys works through the queue with keys alone.
func (c *chromium) pressKeys() {
	chosen := `document.querySelector("#queue [aria-current=true]")?.dataset.id`
	first := c.eval(`document.querySelector("#queue li:nth-child(2)").dataset.id`)
	for _, key := range []string{"j", "j", "j", "k"} {
		c.press(key)
	}
	if got := c.eval(chosen); got != first {
		c.t.Errorf("j j j k chose %s, want %s", got, first)
	}
	if got := c.eval(`document.activeElement.closest("li")?.dataset.id`); got != first {
		c.t.Errorf("the focus is at %s, want %s", got, first)
	}
	if outline := c.eval(`getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth`); outline != "solid3px" {
		c.t.Errorf("the focus is not to be seen: %s", outline)
	}
	c.press("Enter")
	c.await(`document.getElementById("detail").open`)
	for _, part := range []string{"R$\u00a012.000,34", "chance de fraude 95\u00a0%", "limite para rejeição 40\u00a0%: atingido", "desafiante, não decide; teria retido", "afastada por exceção", "pixctl explain E12345678"} {
		if text := c.eval(`document.getElementById("detail").innerText`); !strings.Contains(text, part) {
			c.t.Errorf("the detail lacks %q:\n%s", part, text)
		}
	}
	c.shoot("detail-1920-dark-pt")
	c.press("l")
	c.await(`document.getElementById("detail").innerText.includes("limit for rejection 40\u00a0%: reached") && document.documentElement.lang === "en"`)
	c.press("Escape")
	c.await(`!document.getElementById("detail").open`)
	c.await(`document.activeElement.closest("li")?.dataset.id === "` + first + `"`)
	dark := c.eval(`getComputedStyle(document.body).backgroundColor`)
	c.press("t")
	if light := c.eval(`getComputedStyle(document.body).backgroundColor`); light == dark || light != "rgb(243, 245, 247)" {
		c.t.Errorf("t leaves %s as %s", dark, light)
	}
	c.shoot("page-1920-light-en")
	c.press("?")
	c.await(`document.getElementById("keys").open`)
	c.shoot("keys-1920-light-en")
	c.press("Escape")
	c.await(`!document.getElementById("keys").open`)
}

// seeFaults reads what is wrong in words, and that a pause holds the lists.
func (c *chromium) seeFaults(w *watched) {
	w.away.Store(true)
	c.await(`document.getElementById("status").className === "status ill" && document.getElementById("faults").innerText.includes("history does not answer")`)
	missing := decision(2000, pix.Review, 5_000_00, -1)
	missing.FeaturesMissing = true
	w.feed.Decided(seen(missing))
	c.await(`document.getElementById("queue").innerText.includes("no score")`)
	c.shoot("fault-1920-light-en")
	c.press("p")
	c.await(`!document.getElementById("paused").hidden`)
	w.slow.Store(true) // a pause hides no fault
	c.await(`document.getElementById("status").className === "status out"`)
	c.press("l")
	c.await(`document.getElementById("faults").innerText.includes("relógio")`)
	before := c.eval(`document.getElementById("queue").innerText`)
	w.feed.Decided(seen(decision(3000, pix.Reject, 9_999_999_99, 0.99)))
	time.Sleep(3 * time.Second) // in which it would have come
	if after := c.eval(`document.getElementById("queue").innerText`); after != before {
		c.t.Error("the queue changed during a pause")
	}
	c.shoot("paused-1920-light-pt")
	c.press("p")
	c.await(`document.querySelector("#queue .worth").innerText.includes("9.899.999,99")`)
	w.away.Store(false)
	w.slow.Store(false)
}

// fit looks at the page at the sizes that people have: nothing runs out of it at the side.
func (c *chromium) fit() {
	for _, size := range []struct {
		name          string
		width, height int
	}{{"1280", 1280, 720}, {"phone", 390, 844}, {"1920", 1920, 1080}} {
		c.look(size.width, size.height, "dark")
		c.await(`innerWidth === ` + c.eval("innerWidth"))
		for _, theme := range []string{"light", "dark"} {
			c.shoot("page-" + size.name + "-" + theme + "-pt")
			c.press("t")
			if wide := c.eval(`document.documentElement.scrollWidth - innerWidth`); wide != "0" {
				c.t.Errorf("%s %s: %s pixels run out at the side", size.name, theme, wide)
			}
			out := c.eval(`[...document.querySelectorAll(".tile, .tile *, header *, .list > ol > li *, footer *")].filter((e) => e.getClientRects().length &&
				(e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")).map((e) => e.className + "#" + e.id).join()`)
			if out != "" {
				c.t.Errorf("%s %s: runs over: %s", size.name, theme, out)
			}
		}
	}
}

// loseContact stops the process.
func (c *chromium) loseContact(w *watched) {
	w.feed.Close()
	c.await(`document.getElementById("status").innerText.includes("Sem contato")`)
	c.shoot("down-1920-light-pt")
}
