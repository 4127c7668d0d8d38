package live_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// chromium is a headless browser that a test drives over its debugging pipe: JSON messages that end with a zero byte.
type chromium struct {
	t       *testing.T
	to      *os.File
	session string
	gone    chan struct{} // closed when it says nothing more

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
	seen    []happening // what the page said and asked for
}

// answer is the browser's to one command.
type answer struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// happening is an event of the browser.
type happening struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

var errGone = errors.New("the browser has gone")

// within bounds everything that a test waits for in a browser.
const within = 2 * time.Minute

// startChromium opens an empty page, or skips where there is no browser.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine: the page is not looked at")
	}
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-pipe",
		"--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "about:blank")
	cmd.ExtraFiles = []*os.File{inRead, outWrite}
	if err := cmd.Start(); err != nil {
		cancel()
		t.Skipf("chromium does not start here: %v", err)
	}
	_ = errors.Join(inRead.Close(), outWrite.Close())
	c := &chromium{t: t, to: inWrite, gone: make(chan struct{}), waiting: map[int]chan answer{}}
	var reading sync.WaitGroup
	reading.Go(func() { c.read(outRead) })
	t.Cleanup(func() {
		_, _ = c.ask("Browser.close", nil)
		_ = inWrite.Close()
		stopped := time.AfterFunc(5*time.Second, cancel)
		_ = cmd.Wait()
		stopped.Stop()
		cancel()
		_ = outRead.Close()
		reading.Wait()
	})
	if _, err := c.ask("Browser.getVersion", nil); errors.Is(err, errGone) {
		t.Skip("chromium does not run on this machine: the page is not looked at")
	}
	c.attach()
	return c
}

func (c *chromium) read(from *os.File) {
	defer close(c.gone)
	r := bufio.NewReader(from)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID int `json:"id"`
			answer
			happening
		}
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		c.mu.Lock()
		if m.ID == 0 {
			c.seen = append(c.seen, m.happening)
		} else if ch := c.waiting[m.ID]; ch != nil {
			ch <- m.answer
			delete(c.waiting, m.ID)
		}
		c.mu.Unlock()
	}
}

// ask sends a command and waits for its answer.
func (c *chromium) ask(method string, params map[string]any) (json.RawMessage, error) {
	c.mu.Lock()
	c.next++
	ch := make(chan answer, 1)
	c.waiting[c.next] = ch
	message := map[string]any{"id": c.next, "method": method, "params": params}
	if params == nil {
		message["params"] = map[string]any{}
	}
	if c.session != "" {
		message["sessionId"] = c.session
	}
	body, err := json.Marshal(message)
	if err == nil {
		_, err = c.to.Write(append(body, 0))
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case a := <-ch:
		if a.Error != nil {
			return nil, errors.New(a.Error.Message)
		}
		return a.Result, nil
	case <-c.gone:
		return nil, fmt.Errorf("%s: %w", method, errGone)
	case <-time.After(within):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

func (c *chromium) must(method string, params map[string]any) json.RawMessage {
	c.t.Helper()
	result, err := c.ask(method, params)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return result
}

func (c *chromium) attach() {
	c.t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	if err := json.Unmarshal(c.must("Target.createTarget", map[string]any{"url": "about:blank"}), &target); err != nil {
		c.t.Fatal(err)
	}
	var session struct {
		SessionID string `json:"sessionId"`
	}
	if err := json.Unmarshal(c.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &session); err != nil {
		c.t.Fatal(err)
	}
	c.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		c.must(domain+".enable", nil)
	}
}

// look sets what the page is looked at with.
func (c *chromium) look(width, height int, theme string) {
	c.t.Helper()
	c.must("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
	c.must("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}})
}

func (c *chromium) open(url string) {
	c.t.Helper()
	c.must("Page.navigate", map[string]any{"url": url})
}

// eval returns the value of an expression, as text.
func (c *chromium) eval(expression string) string {
	c.t.Helper()
	var out struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception any `json:"exceptionDetails"`
	}
	if err := json.Unmarshal(c.must("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}), &out); err != nil {
		c.t.Fatal(err)
	}
	if out.Exception != nil {
		c.t.Fatalf("%s: %v", expression, out.Exception)
	}
	return fmt.Sprint(out.Result.Value)
}

// await waits until an expression is true.
func (c *chromium) await(expression string) {
	c.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c.eval("!!("+expression+")") == "true" {
			return
		}
	}
	c.t.Fatalf("never: %s\nthe page shows: %s", expression, c.eval("document.body.innerText"))
}

// press presses a key as a person does.
func (c *chromium) press(key string) {
	c.t.Helper()
	code := map[string]int{"Enter": 13, "Escape": 27, "Tab": 9}[key]
	down := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": code}
	switch {
	case len(key) == 1:
		down["text"] = key
	case key == "Enter":
		down["text"] = "\r"
	}
	c.must("Input.dispatchKeyEvent", down)
	c.must("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": code})
}

// shoot keeps a picture of the page where LIVE_SHOTS names a directory.
func (c *chromium) shoot(name string) {
	c.t.Helper()
	dir := os.Getenv("LIVE_SHOTS")
	if dir == "" {
		return
	}
	var picture struct {
		Data string `json:"data"`
	}
	if err := json.Unmarshal(c.must("Page.captureScreenshot", map[string]any{"format": "png"}), &picture); err != nil {
		c.t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(picture.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// complaints are what the page logged as errors, what broke its own policy, and what it asked of anybody else.
func (c *chromium) complaints(origin string) (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.seen {
		var p struct {
			Type  string `json:"type"`
			Entry struct {
				Level string `json:"level"`
				Text  string `json:"text"`
				URL   string `json:"url"`
			} `json:"entry"`
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
		}
		_ = json.Unmarshal(h.Params, &p)
		switch {
		case h.Method == "Runtime.exceptionThrown", h.Method == "Runtime.consoleAPICalled" && p.Type == "error":
			all = append(all, string(h.Params))
		case h.Method == "Log.entryAdded" && p.Entry.Level == "error":
			all = append(all, p.Entry.Text+" "+p.Entry.URL)
		case h.Method == "Network.requestWillBeSent" && !strings.HasPrefix(p.Request.URL, origin) && p.Request.URL != "about:blank":
			all = append(all, "asked for "+p.Request.URL)
		}
	}
	return all
}
