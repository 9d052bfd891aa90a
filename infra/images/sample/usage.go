package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

// A quantity as JSON writes it and the ledger takes it: not negative, at most six decimals.
var quantityForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$`)

// A meter's name; which there are is the ledger's to say.
var meterForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// reporter tells the tenant's gateway what was used.
type reporter struct {
	url, tokenFile, source string
	client                 *http.Client
	// How long it waits before the second try, and twice as long before each one after.
	wait  time.Duration
	tries int
}

// newReporter is nil where there is no gateway to report to.
func newReporter(url, tokenFile, source string) *reporter {
	if url == "" {
		return nil
	}
	return &reporter{url: url, tokenFile: tokenFile, source: source,
		client: &http.Client{Timeout: 10 * time.Second}, wait: 250 * time.Millisecond, tries: 4}
}

// report sends one event and returns once the gateway has it on its disk. A try whose answer is lost
// is repeated with the same id, so that what arrives twice counts once.
func (r *reporter) report(ctx context.Context, meter, quantity string) error {
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0",
		"id":          rand.Text(),
		"source":      r.source,
		"type":        "dev.tenantry.usage." + meter,
		"time":        time.Now().UTC().Format(time.RFC3339Nano),
		// A text: a JSON number with a fraction is not exact, and is refused.
		"data": map[string]string{"quantity": quantity},
	})
	if err != nil {
		return err
	}
	wait := r.wait
	for try := 1; ; try++ {
		again, err := r.send(ctx, body)
		if err == nil || !again || try == r.tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait + jitter(wait)):
		}
		wait *= 2
	}
}

// send says with the error whether another try may help. The token is read each time: the kubelet
// replaces it while the process runs.
func (r *reporter) send(ctx context.Context, body []byte) (again bool, err error) {
	token, err := os.ReadFile(r.tokenFile)
	if err != nil {
		return false, fmt.Errorf("TENANTRY_USAGE_TOKEN_FILE: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("TENANTRY_USAGE_URL: %w", err)
	}
	request.Header.Set("Content-Type", "application/cloudevents+json")
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := r.client.Do(request)
	if err != nil {
		return true, err
	}
	defer answer.Body.Close()
	words, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if err != nil {
		return true, err
	}
	if answer.StatusCode == http.StatusOK {
		return false, nil
	}
	again = answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests
	return again, fmt.Errorf("the gateway answers %d: %s", answer.StatusCode, words)
}

// jitter is up to as long again, so that many pods do not come back in step.
func jitter(wait time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(wait)+1))
	if err != nil {
		return 0
	}
	return time.Duration(n.Int64())
}

// work pretends to do so much, and reports it.
func (s *service) work(w http.ResponseWriter, r *http.Request) {
	meter, quantity := r.FormValue("meter"), r.FormValue("quantity")
	if quantity == "" {
		quantity = "1"
	}
	switch {
	case !meterForm.MatchString(meter):
		http.Error(w, "meter: name one, such as query", http.StatusBadRequest)
	case !quantityForm.MatchString(quantity):
		http.Error(w, "quantity: write a number such as 12 or 0.5, with at most six decimals", http.StatusBadRequest)
	case s.usage == nil:
		http.Error(w, "TENANTRY_USAGE_URL is not set: there is no gateway to report to", http.StatusServiceUnavailable)
	default:
		if err := s.usage.report(r.Context(), meter, quantity); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, "reported %s of %s\n", quantity, meter)
	}
}
