// Package definitions pins what PodMonitor and PrometheusRule are: the types of
// Prometheus' operator, and what makes their definitions.
package definitions

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
