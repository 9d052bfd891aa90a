package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

type received struct {
	Id, Source, Type, Time string
	Data                   struct{ Quantity string }
}

// gateway stands in for the tenant's: it keeps what comes and answers one code after another, the
// last again and again.
type gateway struct {
	sync.Mutex
	codes  []int
	events []received
	tokens []string
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.Lock()
	defer g.Unlock()
	var event received
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil || r.Header.Get("Content-Type") != "application/cloudevents+json" {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	g.events, g.tokens = append(g.events, event), append(g.tokens, r.Header.Get("Authorization"))
	code := g.codes[0]
	if len(g.codes) > 1 {
		g.codes = g.codes[1:]
	}
	if code == 0 {
		panic(http.ErrAbortHandler) // The answer is lost.
	}
	w.WriteHeader(code)
}

// working is a service whose gateway answers so.
func working(t *testing.T, codes ...int) (*gateway, string, string) {
	t.Helper()
	g := &gateway{codes: codes}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	usage := newReporter(server.URL, file, "core")
	usage.wait = time.Millisecond
	service := httptest.NewServer((&service{usage: usage}).routes())
	t.Cleanup(service.Close)
	return g, service.URL + "/work", file
}

func post(t *testing.T, address, meter, quantity string) int {
	t.Helper()
	answer, err := http.PostForm(address, url.Values{"meter": {meter}, "quantity": {quantity}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestWorkIsReportedWithTheTokenOfTheMoment(t *testing.T) {
	g, address, file := working(t, 200)
	if code := post(t, address, "query", "2.5"); code != 200 {
		t.Fatalf("POST /work answers %d", code)
	}
	if err := os.WriteFile(file, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := post(t, address, "agents", ""); code != 200 {
		t.Fatalf("POST /work answers %d", code)
	}
	first, second := g.events[0], g.events[1]
	if first.Type != "dev.tenantry.usage.query" || first.Data.Quantity != "2.5" || first.Source != "core" {
		t.Errorf("the first event is %+v", first)
	}
	if second.Type != "dev.tenantry.usage.agents" || second.Data.Quantity != "1" || first.Id == second.Id || len(first.Id) < 16 {
		t.Errorf("after %+v the second is %+v", first, second)
	}
	if _, err := time.Parse(time.RFC3339Nano, first.Time); err != nil {
		t.Error(err)
	}
	if got := strings.Join(g.tokens, ", "); got != "Bearer first, Bearer second" {
		t.Errorf("the tokens are %s", got)
	}
}

func TestALostAnswerIsRepeatedWithTheSameId(t *testing.T) {
	g, address, _ := working(t, 0, 503, 200)
	if code := post(t, address, "query", "1"); code != 200 || len(g.events) != 3 {
		t.Fatalf("%d after %d tries", code, len(g.events))
	}
	for _, event := range g.events {
		if event != g.events[0] {
			t.Errorf("%+v and %+v are one event", g.events[0], event)
		}
	}
}

func TestWhatNoTryMendsIsSaidAtOnce(t *testing.T) {
	g, address, file := working(t, 403)
	if code := post(t, address, "query", "1"); code != 502 || len(g.events) != 1 {
		t.Errorf("refused: %d after %d tries", code, len(g.events))
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if code := post(t, address, "query", "1"); code != 502 || len(g.events) != 1 {
		t.Errorf("without a token: %d after %d tries", code, len(g.events))
	}
}

func TestTriesEnd(t *testing.T) {
	g, address, _ := working(t, 503)
	if code := post(t, address, "query", "1"); code != 502 || len(g.events) != 4 {
		t.Errorf("%d after %d tries", code, len(g.events))
	}
}

func TestBadWorkIsRefused(t *testing.T) {
	g, address, _ := working(t, 200)
	for _, bad := range [][2]string{{"", "1"}, {"Query", "1"}, {"a b", "1"}, {"query", "-1"}, {"query", "1e9"}, {"query", "01"}, {"query", "1.0000001"}, {"query", `1,"x":2`}} {
		if code := post(t, address, bad[0], bad[1]); code != 400 {
			t.Errorf("meter %q, quantity %q: %d", bad[0], bad[1], code)
		}
	}
	if len(g.events) != 0 {
		t.Errorf("reported all the same: %+v", g.events)
	}
	alone := httptest.NewServer((&service{usage: newReporter("", "", "core")}).routes())
	defer alone.Close()
	if code := post(t, alone.URL+"/work", "query", "1"); code != 503 {
		t.Errorf("without a gateway: %d", code)
	}
}
