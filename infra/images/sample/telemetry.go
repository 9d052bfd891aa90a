package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How often what was counted is sent: the stack's Prometheus asks the collector as often.
const exportEvery = 15 * time.Second

// The boundaries, in seconds, that OpenTelemetry's conventions give http.server.request.duration.
var boundaries = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// Who calls may write any word for a method; a series of each would be memory that a caller decides on.
var methods = []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

type answered struct {
	method string
	status int
}

// durations is a histogram; its last bucket is what took longer than the last boundary.
type durations struct {
	count   uint64
	sum     float64
	buckets []uint64
}

// meter counts what the service answers, and tells the tenant's collector.
type meter struct {
	url      string
	resource []attribute
	client   *http.Client
	began    time.Time

	mutex  sync.Mutex
	series map[answered]*durations
	// Whether the last try failed: only the first of several is logged.
	failing bool
}

// newMeter reads the variables that every OpenTelemetry SDK reads; nil where nothing is to be sent.
func newMeter(env func(string) string) (*meter, error) {
	endpoint := strings.TrimRight(env("OTEL_EXPORTER_OTLP_ENDPOINT"), "/")
	if endpoint == "" || strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") || env("OTEL_METRICS_EXPORTER") == "none" {
		return nil, nil
	}
	// What takes http/protobuf takes JSON at the same address; gRPC is another port and another protocol.
	if protocol := env("OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && !strings.HasPrefix(protocol, "http/") {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL %q: only OTLP over HTTP is spoken here: write http/json or http/protobuf, and the address of port 4318", protocol)
	}
	if to, err := url.Parse(endpoint); err != nil || to.Host == "" || (to.Scheme != "http" && to.Scheme != "https") {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT %q: write an address such as http://otel-collector:4318", endpoint)
	}
	attributes, err := resource(env)
	if err != nil {
		return nil, err
	}
	return &meter{url: endpoint + "/v1/metrics", resource: attributes, client: &http.Client{Timeout: 10 * time.Second},
		began: time.Now(), series: map[answered]*durations{}}, nil
}

// resource is who sends: what OTEL_RESOURCE_ATTRIBUTES says, the service's name, and which of its instances.
func resource(env func(string) string) ([]attribute, error) {
	given := map[string]string{"service.name": "sample"}
	if name, err := os.Hostname(); err == nil {
		given["service.instance.id"] = name
	}
	for _, pair := range strings.Split(env("OTEL_RESOURCE_ATTRIBUTES"), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !found || name == "" || err != nil {
			return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %q is not of the form name=value", pair)
		}
		given[name] = value
	}
	if name := env("OTEL_SERVICE_NAME"); name != "" {
		given["service.name"] = name
	}
	var all []attribute
	for name, value := range given {
		all = append(all, text(name, value))
	}
	slices.SortFunc(all, func(a, b attribute) int { return cmp.Compare(a.Key, b.Key) })
	return all, nil
}

// counted is the handler, with all that it answers counted; probes too, as SDKs do.
func (m *meter) counted(next http.Handler) http.Handler {
	if m == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := time.Now(), &seenStatus{ResponseWriter: w}
		defer func() {
			fell := recover()
			if fell != nil {
				seen.status = http.StatusInternalServerError
			}
			m.add(r.Method, seen.status, time.Since(began))
			if fell != nil {
				panic(fell)
			}
		}()
		next.ServeHTTP(seen, r)
	})
}

// seenStatus remembers what was answered.
type seenStatus struct {
	http.ResponseWriter
	status int
}

func (s *seenStatus) WriteHeader(status int) {
	// What stands before the answer, such as 103, is not it.
	if s.status == 0 && status >= 200 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *seenStatus) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (m *meter) add(method string, status int, took time.Duration) {
	if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	switch {
	case status == 0:
		status = http.StatusOK
	case http.StatusText(status) == "":
		status = http.StatusInternalServerError
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	one := m.series[answered{method, status}]
	if one == nil {
		one = &durations{buckets: make([]uint64, len(boundaries)+1)}
		m.series[answered{method, status}] = one
	}
	// A boundary belongs to the bucket below it.
	bucket, _ := slices.BinarySearch(boundaries, took.Seconds())
	one.count++
	one.sum += took.Seconds()
	one.buckets[bucket]++
}

// exports sends what was counted after each such time, until the context ends.
func (m *meter) exports(ctx context.Context, pause time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			m.export(ctx)
		}
	}
}

// export sends once. What cannot be sent is not lost: figures are sums since the start, and the next ones hold it.
func (m *meter) export(ctx context.Context) {
	body, err := m.body(time.Now())
	if err == nil && body != nil {
		err = m.send(ctx, body)
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil && !m.failing:
		m.failing = true
		slog.Warn("telemetry not sent; said once until it works again", "error", err)
	case err == nil && m.failing:
		m.failing = false
		slog.Info("telemetry is sent again")
	}
}

// lastly sends what came since the last time, when the service ends; not for long, since it is waited for.
func (m *meter) lastly() {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	m.export(ctx)
}

func (m *meter) send(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := m.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	words, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the collector answers %d: %s", answer.StatusCode, words)
	}
	var taken struct {
		PartialSuccess struct {
			RejectedDataPoints json.Number
			ErrorMessage       string
		}
	}
	if json.Unmarshal(words, &taken) == nil && strings.Trim(taken.PartialSuccess.RejectedDataPoints.String(), "0") != "" {
		return errors.New("the collector refuses a part: " + taken.PartialSuccess.ErrorMessage)
	}
	return nil
}

// What OTLP's JSON is made of, as far as it is said here. Its 64-bit numbers are texts.
type attribute struct {
	Key   string            `json:"key"`
	Value map[string]string `json:"value"`
}

type dataPoint struct {
	Attributes        []attribute `json:"attributes"`
	StartTimeUnixNano string      `json:"startTimeUnixNano"`
	TimeUnixNano      string      `json:"timeUnixNano"`
	Count             string      `json:"count"`
	Sum               float64     `json:"sum"`
	BucketCounts      []string    `json:"bucketCounts"`
	ExplicitBounds    []float64   `json:"explicitBounds"`
}

func text(key, value string) attribute {
	return attribute{key, map[string]string{"stringValue": value}}
}

func (one *durations) point(of answered, began, now time.Time) dataPoint {
	point := dataPoint{
		Attributes: []attribute{text("http.request.method", of.method), text("url.scheme", "http"),
			{"http.response.status_code", map[string]string{"intValue": strconv.Itoa(of.status)}}},
		StartTimeUnixNano: strconv.FormatInt(began.UnixNano(), 10),
		TimeUnixNano:      strconv.FormatInt(now.UnixNano(), 10),
		Count:             strconv.FormatUint(one.count, 10),
		Sum:               one.sum,
		ExplicitBounds:    boundaries,
	}
	if of.status >= 500 {
		point.Attributes = append(point.Attributes, text("error.type", strconv.Itoa(of.status)))
	}
	for _, count := range one.buckets {
		point.BucketCounts = append(point.BucketCounts, strconv.FormatUint(count, 10))
	}
	return point
}

// body is what was counted since the start; nil when that is nothing.
func (m *meter) body(now time.Time) ([]byte, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.series) == 0 {
		return nil, nil
	}
	var points []dataPoint
	for of, one := range m.series {
		points = append(points, one.point(of, m.began, now))
	}
	const cumulative = 2
	metric := map[string]any{"name": "http.server.request.duration", "unit": "s", "description": "Duration of HTTP server requests.",
		"histogram": map[string]any{"aggregationTemporality": cumulative, "dataPoints": points}}
	scope := map[string]any{"scope": map[string]string{"name": "tenantry.dev/infra/images/sample"}, "metrics": []any{metric}}
	return json.Marshal(map[string]any{"resourceMetrics": []any{map[string]any{
		"resource": map[string]any{"attributes": m.resource}, "scopeMetrics": []any{scope}}}})
}
