package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// used is what one round of work comes to, one line a meter: small, so that days of it fit into a plan.
var used = []struct{ meter, quantity string }{
	{"ingestion", "0.25"},
	{"query", "12"},
	{"timeline", "5"},
	{"agents", "1"},
	{"signup", "1"},
}

// every reads REPORT_EVERY; 0 when nothing is reported by itself.
func every(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= time.Second {
		return d, nil
	}
	return 0, fmt.Errorf("REPORT_EVERY %q: write a time of at least a second, such as 15s", text)
}

// reports sends an event of each meter, now and after each such time, until the context ends. What
// cannot be sent is logged and left: the next round is work of its own.
func (r *reporter) reports(ctx context.Context, pause time.Duration) {
	for {
		for _, one := range used {
			if err := r.report(ctx, one.meter, one.quantity); err != nil && ctx.Err() == nil {
				slog.Warn("usage not reported", "meter", one.meter, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
