package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// metrics is what of OTLP's JSON the tests look at.
type metrics struct {
	ResourceMetrics []struct {
		Resource     struct{ Attributes []attribute }
		ScopeMetrics []struct {
			Metrics []struct {
				Name, Unit string
				Histogram  struct {
					AggregationTemporality int
					DataPoints             []dataPoint
				}
			}
		}
	}
}

// collector stands in for the tenant's: keeps what comes, and answers one code after another, the last again and again.
type collector struct {
	sync.Mutex
	codes []int
	words string
	paths []string
	came  []metrics
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.Lock()
	defer c.Unlock()
	var one metrics
	if err := json.NewDecoder(r.Body).Decode(&one); err != nil || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "no OTLP in JSON", http.StatusBadRequest)
		return
	}
	c.paths, c.came = append(c.paths, r.Method+" "+r.URL.Path), append(c.came, one)
	w.WriteHeader(c.codes[0])
	_, _ = w.Write([]byte(c.words))
	if len(c.codes) > 1 {
		c.codes = c.codes[1:]
	}
}

func (c *collector) last() metrics {
	c.Lock()
	defer c.Unlock()
	return c.came[len(c.came)-1]
}

// metering is a meter that sends to a collector which answers so.
func metering(t *testing.T, env map[string]string, codes ...int) (*collector, *meter) {
	t.Helper()
	c := &collector{codes: codes, words: "{}"}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	if env == nil {
		env = map[string]string{}
	}
	env["OTEL_EXPORTER_OTLP_ENDPOINT"] = server.URL + "/"
	m, err := newMeter(func(name string) string { return env[name] })
	if err != nil || m == nil {
		t.Fatalf("%v %v", m, err)
	}
	return c, m
}

func values(all []attribute) map[string]string {
	found := map[string]string{}
	for _, one := range all {
		for kind, value := range one.Value {
			found[one.Key] = kind + " " + value
		}
	}
	return found
}

func TestWhatIsAnsweredIsSentAsSumsSinceTheStart(t *testing.T) {
	c, m := metering(t, map[string]string{
		"OTEL_SERVICE_NAME":           "core",
		"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
		"OTEL_RESOURCE_ATTRIBUTES":    "service.instance.id=core-7f%20x, deployment.environment.name=prod",
	}, 200)
	m.export(t.Context())
	if len(c.came) != 0 {
		t.Fatal("it sends before there is anything")
	}
	s := &service{meter: m}
	server := httptest.NewServer(s.routes())
	defer server.Close()
	for range 3 {
		get(t, server.URL+"/")
	}
	get(t, server.URL+"/elsewhere")
	post(t, server.URL+"/work", "query", "1")
	s.ending.Store(true)
	get(t, server.URL+"/healthz")
	m.export(t.Context())
	get(t, server.URL+"/")
	m.export(t.Context())
	if got := strings.Join(c.paths, ", "); got != "POST /v1/metrics, POST /v1/metrics" {
		t.Errorf("it sends %s", got)
	}
	resource := c.last().ResourceMetrics[0]
	who := fmt.Sprint(values(resource.Resource.Attributes))
	if want := "map[deployment.environment.name:stringValue prod service.instance.id:stringValue core-7f x service.name:stringValue core]"; who != want {
		t.Errorf("the resource is %s", who)
	}
	metric := resource.ScopeMetrics[0].Metrics[0]
	if metric.Name != "http.server.request.duration" || metric.Unit != "s" || metric.Histogram.AggregationTemporality != 2 {
		t.Errorf("%+v", metric)
	}
	counts := map[string]string{}
	for _, point := range metric.Histogram.DataPoints {
		of := values(point.Attributes)
		counts[of["http.request.method"]+", "+of["http.response.status_code"]+", "+of["error.type"]] = point.Count
		if len(point.BucketCounts) != len(point.ExplicitBounds)+1 || point.Sum <= 0 || of["url.scheme"] != "stringValue http" {
			t.Errorf("%+v", point)
		}
		if point.StartTimeUnixNano >= point.TimeUnixNano || len(point.TimeUnixNano) != 19 {
			t.Errorf("from %s to %s", point.StartTimeUnixNano, point.TimeUnixNano)
		}
	}
	want := "map[stringValue GET, intValue 200, :4 stringValue GET, intValue 404, :1 stringValue GET, intValue 503, stringValue 503:1 stringValue POST, intValue 503, stringValue 503:1]"
	if got := fmt.Sprint(counts); got != want {
		t.Errorf("counted are %s", got)
	}
}

func TestDurationsFallIntoTheirBuckets(t *testing.T) {
	_, m := metering(t, nil, 200)
	for _, took := range []time.Duration{0, 5 * time.Millisecond, 6 * time.Millisecond, 10 * time.Second, time.Minute} {
		m.add("GET", 200, took)
	}
	one := m.series[answered{"GET", 200}]
	if got := fmt.Sprint(one.buckets); got != "[2 1 0 0 0 0 0 0 0 0 0 0 0 1 1]" || one.count != 5 || one.sum < 70 || one.sum > 70.1 {
		t.Errorf("%s, %d, %v", got, one.count, one.sum)
	}
}

func TestCallersDoNotDecideHowManySeriesThereAre(t *testing.T) {
	_, m := metering(t, nil, 200)
	server := httptest.NewServer((&service{meter: m}).routes())
	defer server.Close()
	for i := range 50 {
		request, err := http.NewRequest(fmt.Sprintf("WORD%d", i), fmt.Sprintf("%s/%d", server.URL, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		m.add("GET", 600+i, time.Second)
	}
	if one := m.series[answered{"_OTHER", 404}]; len(m.series) != 2 || one == nil || one.count != 50 || m.series[answered{"GET", 500}].count != 50 {
		t.Errorf("%d series", len(m.series))
	}
}

func TestAHandlerThatFallsIsAnError(t *testing.T) {
	_, m := metering(t, nil, 200)
	server := httptest.NewServer(m.counted(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })))
	defer server.Close()
	if answer, err := http.Get(server.URL); err == nil {
		answer.Body.Close()
		t.Fatal("it was answered")
	}
	if m.series[answered{"GET", 500}] == nil {
		t.Errorf("%v", m.series)
	}
}

func TestWhatCannotBeSentIsSaidOnceAndIsInTheNext(t *testing.T) {
	c, m := metering(t, nil, 503, 503, 200, 200, 503)
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	for range 5 {
		m.add("GET", 200, time.Millisecond)
		m.export(t.Context())
	}
	said := log.String()
	if strings.Count(said, "telemetry not sent") != 2 || strings.Count(said, "telemetry is sent again") != 1 || !strings.Contains(said, "the collector answers 503") {
		t.Errorf("it says:\n%s", said)
	}
	if count := c.last().ResourceMetrics[0].ScopeMetrics[0].Metrics[0].Histogram.DataPoints[0].Count; count != "5" {
		t.Errorf("%s of 5 requests are there", count)
	}
	c.codes, c.words = []int{200}, `{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"too old"}}`
	if err := m.send(t.Context(), []byte("{}")); err == nil || !strings.Contains(err.Error(), "too old") {
		t.Errorf("a part that is refused: %v", err)
	}
	c.words = `{"partialSuccess":{"rejectedDataPoints":"0"}}`
	if err := m.send(t.Context(), []byte("{}")); err != nil {
		t.Error(err)
	}
}

func TestNothingIsSentWhereNobodyAsksForIt(t *testing.T) {
	there := "http://otel-collector:4318"
	for _, env := range []map[string]string{
		{},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": there, "OTEL_SDK_DISABLED": "true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": there, "OTEL_METRICS_EXPORTER": "none"},
	} {
		if m, err := newMeter(func(name string) string { return env[name] }); m != nil || err != nil {
			t.Errorf("%v: %v, %v", env, m, err)
		}
	}
	for word, env := range map[string]map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
		"OTEL_EXPORTER_OTLP_ENDPOINT": {"OTEL_EXPORTER_OTLP_ENDPOINT": "otel-collector:4318"},
		"OTEL_RESOURCE_ATTRIBUTES":    {"OTEL_EXPORTER_OTLP_ENDPOINT": there, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id"},
	} {
		if m, err := newMeter(func(name string) string { return env[name] }); m != nil || err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v: %v, %v", env, m, err)
		}
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	_, m := metering(t, nil, 200)
	if who := fmt.Sprint(values(m.resource)); who != "map[service.instance.id:stringValue "+name+" service.name:stringValue sample]" {
		t.Errorf("without a name it is %s", who)
	}
}
