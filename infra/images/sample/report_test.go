package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestARoundReportsEveryMeterAndTheNextOneToo(t *testing.T) {
	g := &gateway{codes: []int{200}}
	server := httptest.NewServer(g)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		newReporter(server.URL, file, "core").reports(ctx, time.Millisecond)
		close(done)
	}()
	seen := func() map[string]int {
		g.Lock()
		defer g.Unlock()
		types := map[string]int{}
		for _, event := range g.events {
			types[event.Type]++
		}
		return types
	}
	for len(seen()) < 5 || seen()["dev.tenantry.usage.ingestion"] < 2 {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-done
	for _, meter := range []string{"ingestion", "query", "timeline", "agents", "signup"} {
		if seen()["dev.tenantry.usage."+meter] == 0 {
			t.Errorf("no %s among %v", meter, seen())
		}
	}
	for _, one := range used {
		if !quantityForm.MatchString(one.quantity) {
			t.Errorf("%s: %q is no quantity", one.meter, one.quantity)
		}
	}
}

func TestHowOftenIsATimeOfASecondOrMore(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "1s": time.Second, "2m": 2 * time.Minute} {
		if got, err := every(text); err != nil || got != want {
			t.Errorf("REPORT_EVERY=%q is taken as %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"15", "999ms", "-5s", "often"} {
		if got, err := every(text); err == nil || !strings.Contains(err.Error(), "REPORT_EVERY") {
			t.Errorf("REPORT_EVERY=%q is taken as %v, %v", text, got, err)
		}
	}
}

func TestHealthcheckAsksAll(t *testing.T) {
	well := httptest.NewServer((&service{}).routes())
	defer well.Close()
	ill := httptest.NewServer(http.NotFoundHandler())
	defer ill.Close()
	port := func(s *httptest.Server) string { return s.URL[strings.LastIndex(s.URL, ":")+1:] }
	if err := healthcheck(nil, port(well)); err != nil {
		t.Error(err)
	}
	if err := healthcheck(nil, port(ill)); err == nil {
		t.Error("404 is no health")
	}
	if err := healthcheck([]string{well.URL, well.URL + "/healthz"}, ""); err != nil {
		t.Error(err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	err := healthcheck([]string{well.URL, ill.URL, gone.URL}, "")
	if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), gone.URL) {
		t.Errorf("it says %v", err)
	}
}
