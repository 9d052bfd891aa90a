package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// Of one request, on a machine that does much else besides.
	requestPatience = time.Minute
	// Between two tries of one that no server answered.
	createPause = 200 * time.Millisecond
)

// api is the little of a Kubernetes client that the ground needs itself.
type api struct {
	server string
	http   *http.Client
}

func newAPI(d dir, server string) (*api, error) {
	ca, p, err := readPair(d)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &api{server: server, http: &http.Client{
		Timeout: requestPatience,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		},
	}}, nil
}

func (a *api) close() { a.http.CloseIdleConnections() }

// apiError keeps the status code, so that "exists already" can be told apart.
type apiError struct {
	code int
	text string
}

func (e *apiError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.code, e.text) }

func (a *api) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.server+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tenantry-ground")
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		var st struct{ Message string }
		if json.Unmarshal(data, &st) != nil || st.Message == "" {
			st.Message = string(data)
		}
		return &apiError{code: resp.StatusCode, text: st.Message}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// create posts an object, again as long as no server answers; one that is
// there already is fine.
func (a *api) create(ctx context.Context, path string, object any) error {
	for {
		err := a.do(ctx, http.MethodPost, path, object, nil)
		var ae *apiError
		if errors.As(err, &ae) && ae.code == http.StatusConflict {
			return nil
		}
		if err == nil || ae != nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(createPause):
		}
	}
}

// ready asks /readyz once, with a short limit so that polling stays lively.
func (a *api) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return a.do(ctx, http.MethodGet, "/readyz", nil, nil)
}
