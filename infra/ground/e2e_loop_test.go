package main

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tests below are steps of TestInstall: a request becomes a customer whose
// use speaks through kubectl. Nothing is told but over public ways: the form
// over HTTP, and usage by the customer's pod with its own projected token.

// becomesCustomer: from the form to a Ready tenant.
func (i install) becomesCustomer(t *testing.T) {
	i.pagesAreServed(t)
	server := "http://" + i.run(t, "forward", "tenantry-system/tenantry-api-server:http")
	sent := ask(t, http.MethodPost, server+"/onboarding", "", form())
	if plan, profile := member(sent, "plan", "key"), member(sent, "profile", "key"); plan != "starter" || profile != "dev" {
		t.Fatalf("an evaluation of little use gets plan %s on profile %s: %v", plan, profile, sent)
	}
	follow, receipt := server+member(sent, "follow"), member(sent, "receipt_token")
	i.absent(t, "tenant", "initech")
	ask(t, http.MethodPost, follow+"/approve", i.people.manager(t, "onboarding:approve"), nil)
	i.eventually(t, "initech is Ready", func() error {
		if got := i.k.run("get", "tenant", "initech", "--ignore-not-found", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`); got != "True" {
			return fmt.Errorf("Ready is %q", got)
		}
		return nil
	})
	// Whoever asked may follow it that far.
	i.eventually(t, "the sender of the form sees the stack ready", func() error {
		told := ask(t, http.MethodGet, follow, receipt, nil)
		if state, ready := member(told, "stack", "state"), member(told, "stack", "parts", "ready"); state != "ready" || ready == "0" {
			return fmt.Errorf("it is %v", told["stack"])
		}
		return nil
	})
	if got := i.k.run("get", "tenant", "initech", "-o", `jsonpath={.metadata.annotations.tenantry\.dev/intake} {.status.accountId} {.spec.plan}`); got != strings.TrimPrefix(member(sent, "follow"), "/onboarding/")+" initech starter" {
		t.Errorf("intake, account and plan of initech: %s", got)
	}
}

// anchor is a day of the month on which no period turns while the test runs.
func anchor() int {
	if d := time.Now().UTC().Day(); d > 12 && d < 17 {
		return 1
	}
	return 15
}

func form() map[string]any {
	return map[string]any{
		"display_name": "Initech Legal", "tenant": "initech",
		"contact":  map[string]any{"name": "Operations", "email": "ops@initech.example"},
		"use_case": "Read contracts", "purpose": "evaluation",
		"go_live_date": time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly),
		"departments": []any{map[string]any{"name": "Litigation", "people": 2, "weeks_per_year": 46,
			"hours_per_week": map[string]any{"low": "1", "base": "2", "high": "3"}}},
		"usage": map[string]any{"query": map[string]any{"base": "1000"}}, "support_hours": 24,
		"currency": "USD", "time_zone": "UTC", "anchor_day": anchor(),
		"roi": map[string]any{"salary": map[string]any{"amount": "52000.00", "currency": "USD"}, "burden": "0.30"},
	}
}

// speaksThroughKubectl: what its pod reports stands in `kubectl get tenants`;
// marks that are passed raise condition and event, and a larger plan ends them.
func (i install) speaksThroughKubectl(t *testing.T) {
	address := "http://" + i.run(t, "forward", "tenant-initech/core:http")
	// Of the plan's 100,000 for a month, what the rest of this one comes to.
	quota := 0.0
	i.eventually(t, "initech has a quota", func() (err error) {
		quota, err = strconv.ParseFloat(i.k.run("get", "tenant", "initech", "-o", `jsonpath={.status.usage.meters[?(@.name=="query")].quota}`), 64)
		return err
	})
	if quota < 1000 || quota > 100_000 {
		t.Fatalf("initech's quota of queries is %v", quota)
	}
	i.reports(t, address, int(math.Ceil(0.8*quota)))
	i.used(t, "query 80 %", "SoftLimitReached")
	i.reports(t, address, int(0.16*quota))
	i.used(t, "query 9[56] %", "HardLimitReached")
	i.told(t, "UsageThresholdReached", 2)
	i.isStopped(t)
	server := "http://" + i.run(t, "forward", "tenantry-system/tenantry-api-server:http")
	agreed := ask(t, http.MethodPost, server+"/accounts/initech/plan", i.people.manager(t, "billing:plan"), map[string]any{"plan": "team"})
	i.used(t, "query 9 %", "WithinLimits")
	i.turnsAtItsInstant(t, server, member(agreed, "effective_at"))
	i.isStartedAgain(t)
	i.told(t, "UsageThresholdRecovered", 2)
	row := strings.Fields(i.k.run("get", "tenant", "initech", "--no-headers"))
	if got := strings.Join(row[:4], " "); got != "initech dev team True" {
		t.Errorf("kubectl get tenants: %s", strings.Join(row, " "))
	}
}

// reports has the customer's pod do work, which it reports by itself.
func (i install) reports(t *testing.T, address string, queries int) {
	t.Helper()
	code, words := patiently(t, func() *http.Request {
		return request(t, fmt.Sprintf("%s/work?meter=query&quantity=%d", address, queries), "", "", "")
	})
	if code != http.StatusOK {
		t.Fatalf("POST /work: %d %s", code, words)
	}
}

// used waits until initech's column USAGE, a pattern, and its condition read so.
func (i install) used(t *testing.T, column, reason string) {
	t.Helper()
	i.eventually(t, "initech used "+column, func() error {
		const words = `{.status.display.usage}, {.status.conditions[?(@.type=="QuotaWithinLimits")].reason}`
		got := i.k.run("get", "tenant", "initech", "-o", "jsonpath="+words)
		if !regexp.MustCompile("^" + column + ", " + reason + "$").MatchString(got) {
			return fmt.Errorf("it reads %q", got)
		}
		return nil
	})
	if table := i.k.run("get", "tenants"); !regexp.MustCompile("(?m)^initech .* " + column + " ").MatchString(table) {
		t.Errorf("kubectl get tenants without %s:\n%s", column, table)
	}
}

// told wants so many events of a reason on initech.
func (i install) told(t *testing.T, reason string, times int) {
	t.Helper()
	i.eventually(t, fmt.Sprintf("%d events %s", times, reason), func() error {
		got := i.k.run("get", "events", "-n", "default", "--field-selector", "involvedObject.name=initech,reason="+reason, "-o", "name")
		if n := strings.Count(got, "\n"); n != times {
			return fmt.Errorf("%d: %s", n, got)
		}
		return nil
	})
}

// absent wants no such object.
func (i install) absent(t *testing.T, kind, name string) {
	t.Helper()
	if got := i.k.run("get", kind, name, "--ignore-not-found", "-o", "name"); got != "" {
		t.Errorf("%s %s is there", kind, name)
	}
}
