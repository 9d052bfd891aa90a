// Sample is the smallest service that a tenant's stack can run: it greets, it says how it is, and it
// reports usage as a service should.
//
//	PORT                        where it listens; 8080 when nothing is said
//	GREETING                    what GET / answers; "Hello" when nothing is said
//	TENANTRY_USAGE_URL          the tenant's gateway; each service of a stack has it
//	TENANTRY_USAGE_TOKEN_FILE   the token for it, which the kubelet keeps new
//	REPORT_EVERY                how often it reports some of every meter by itself, such as 15s; never
//	                            when nothing is said
//	OTEL_EXPORTER_OTLP_ENDPOINT the tenant's collector, and the other OTEL_ variables that a stack has: how
//	                            long requests took goes there every 15 s (telemetry.go)
//
// POST /work?meter=query&quantity=12 pretends to do so much work and answers once the gateway has the
// event that says so: 200, or 502 with what is wrong.
//
// GET /healthz answers 200 from the moment it can serve until it is asked to end. On SIGTERM it says
// 503 there, so that traffic goes elsewhere, finishes what it has begun, and ends.
//
// `sample healthcheck [URL…]` asks for that, or whether the URLs answer 200. `sample identity` is another
// service: where there is no Kubernetes, it gives workloads the tokens that a cluster would (identity.go).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// How long traffic may still arrive after the signal, and how long a request may take then.
	notice = 2 * time.Second
	grace  = 10 * time.Second
)

type service struct {
	greeting string
	ending   atomic.Bool
	usage    *reporter
	meter    *meter
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, s.greeting+"\n")
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if s.ending.Load() {
			http.Error(w, "ending", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("POST /work", s.work)
	return s.meter.counted(mux)
}

// port reads PORT; the error names it and says what to write.
func port(text string) (string, error) {
	if text == "" {
		return "8080", nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("PORT %q: write a number from 1 to 65535", text)
	}
	return text, nil
}

func greeting(text string) string {
	if text == "" {
		return "Hello"
	}
	return text
}

// source names the sender in its events: the pod, which Kubernetes makes its host name.
func source() string {
	if name, err := os.Hostname(); err == nil {
		return "sample/" + name
	}
	return "sample"
}

// serve answers on the listener until the context ends, then gives notice and drains.
func serve(ctx context.Context, listener net.Listener, s *service, notice time.Duration) error {
	return answer(ctx, listener, s.routes(), func() {
		s.ending.Store(true)
		time.Sleep(notice)
	})
}

// answer serves until the context ends; then it does what is to be done first, and drains.
func answer(ctx context.Context, listener net.Listener, routes http.Handler, first func()) error {
	server := &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      60 * time.Second, // POST /work tries several times.
		IdleTimeout:       60 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	first()
	ending, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return err
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func run(args []string) error {
	number, err := port(os.Getenv("PORT"))
	if err != nil {
		return err
	}
	if len(args) > 0 && args[0] == "healthcheck" {
		return healthcheck(args[1:], number)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch {
	case len(args) == 0:
		return greet(ctx, number)
	case len(args) == 1 && args[0] == "identity":
		return identify(ctx, number)
	}
	return fmt.Errorf("%q is nothing that this does: identity, healthcheck, or no argument", args)
}

func listen(number string) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("", number))
	if err == nil {
		slog.Info("listening", "address", listener.Addr().String())
	}
	return listener, err
}

// greet is the service of a stack.
func greet(ctx context.Context, number string) error {
	pause, err := every(os.Getenv("REPORT_EVERY"))
	if err != nil {
		return err
	}
	usage := newReporter(os.Getenv("TENANTRY_USAGE_URL"), os.Getenv("TENANTRY_USAGE_TOKEN_FILE"), source())
	if pause > 0 && usage == nil {
		return errors.New("REPORT_EVERY is set, but TENANTRY_USAGE_URL is not: there is no gateway to report to")
	}
	// A service works without telemetry: what is wrong with it is said, and no reason to end.
	meter, err := newMeter(os.Getenv)
	if err != nil {
		slog.Warn("no telemetry is sent", "error", err)
	}
	listener, err := listen(number)
	if err != nil {
		return err
	}
	if pause > 0 {
		go usage.reports(ctx, pause)
	}
	if meter != nil {
		go meter.exports(ctx, exportEvery)
		defer meter.lastly()
	}
	return serve(ctx, listener, &service{greeting: greeting(os.Getenv("GREETING")), usage: usage, meter: meter}, notice)
}

// identify plays the cluster that gives workloads their tokens.
func identify(ctx context.Context, number string) error {
	i, err := newIssuer(os.Getenv)
	if err != nil {
		return err
	}
	if err := i.publish(time.Now()); err != nil {
		return err
	}
	listener, err := listen(number)
	if err != nil {
		return err
	}
	go i.keep(ctx, renew)
	return answer(ctx, listener, i.routes(), func() {})
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		slog.Error("cannot go on", "error", err)
		os.Exit(1)
	}
}
