package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestItGreetsAndNothingElse(t *testing.T) {
	server := httptest.NewServer((&service{greeting: greeting("Hello from acme")}).routes())
	defer server.Close()
	if code, body := get(t, server.URL+"/"); code != 200 || body != "Hello from acme\n" {
		t.Fatalf("GET / answers %d %q", code, body)
	}
	if code, _ := get(t, server.URL+"/elsewhere"); code != 404 {
		t.Fatalf("GET /elsewhere answers %d", code)
	}
	answer, err := http.Post(server.URL+"/", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 405 {
		t.Fatalf("POST / answers %d", answer.StatusCode)
	}
}

func TestPortIsANumberInRange(t *testing.T) {
	for _, text := range []string{"0", "-1", "65536", "http", "80 "} {
		if got, err := port(text); err == nil {
			t.Errorf("PORT=%q is taken as %q", text, got)
		}
	}
	for text, want := range map[string]string{"": "8080", "1": "1", "65535": "65535"} {
		if got, err := port(text); err != nil || got != want {
			t.Errorf("PORT=%q is taken as %q, %v", text, got, err)
		}
	}
}

func TestItGivesNoticeBeforeItEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	s := &service{greeting: greeting("")}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, s, time.Second) }()
	if code, body := get(t, url+"/healthz"); code != 200 || body != "ok\n" {
		t.Fatalf("GET /healthz answers %d %q", code, body)
	}
	stop()
	for !s.ending.Load() {
		time.Sleep(time.Millisecond)
	}
	if code, _ := get(t, url+"/healthz"); code != 503 {
		t.Fatalf("on its way out GET /healthz answers %d", code)
	}
	if code, body := get(t, url+"/"); code != 200 || body != "Hello\n" {
		t.Fatalf("on its way out GET / answers %d %q", code, body)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Fatal("it still listens")
	}
}
