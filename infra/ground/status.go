package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// processStatus is one line of `ground status`.
type processStatus struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Running bool   `json:"running"`
	RSS     int    `json:"rss_mib"`
	Log     string `json:"log"`
	Count   int    `json:"count,omitempty"` // of several in one line
}

func status(ctx context.Context, d dir, asJSON bool, out io.Writer) error {
	st, err := loadState(d)
	if errors.Is(err, os.ErrNotExist) {
		st, err = &state{Dir: string(d), Phase: "stopped"}, nil
	}
	if err != nil {
		return err
	}
	report := struct {
		*state
		Ready     bool            `json:"ready"`
		NodeList  []nodeStatus    `json:"node_list,omitempty"`
		Processes []processStatus `json:"processes"`
	}{state: st, Processes: []processStatus{}}
	for _, p := range st.Processes {
		report.Processes = append(report.Processes, processStatus{Name: p.Name, PID: p.PID, Running: p.alive(), RSS: p.rssMiB(), Log: d.log(p.Name)})
	}
	if first, ok := st.find(firstProcess); ok && first.alive() {
		report.Processes = append(report.Processes, insideStatus(d, first)...)
	}
	if st.Phase != "stopped" && !st.alive() {
		st.Phase = "dead"
	}
	report.Ready = st.Phase == "ready" && answers(ctx, d, st)
	if report.Ready && st.Real != nil {
		report.NodeList = nodesOf(ctx, d, st)
	}
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = printStatus(out, st, report.Ready, report.NodeList, report.Processes)
	}
	if err == nil && !st.alive() {
		return exitCode(3)
	}
	return err
}

func answers(ctx context.Context, d dir, st *state) bool {
	client, err := newAPI(d, st.Server)
	if err != nil {
		return false
	}
	defer client.close()
	return client.ready(ctx) == nil
}

func printStatus(out io.Writer, st *state, ready bool, nodes []nodeStatus, procs []processStatus) error {
	fmt.Fprintf(out, "%s · %s", st.Dir, st.Phase)
	if st.alive() {
		fmt.Fprintf(out, " · %s · API server ready: %t · up %s", st.Server, ready, time.Since(st.StartedAt).Round(time.Second))
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, n := range nodes {
		fmt.Fprintf(w, "  %s\t%s\t%d pods\t%s\n", n.Name, n.word(), n.Pods, n.kind())
	}
	for _, p := range procs {
		switch {
		case p.Count > 0:
			fmt.Fprintf(w, "  %s\trunning\t× %d\t%d MiB\n", p.Name, p.Count, p.RSS)
		case p.Running:
			fmt.Fprintf(w, "  %s\trunning\tpid %d\t%d MiB\n", p.Name, p.PID, p.RSS)
		default:
			fmt.Fprintf(w, "  %s\tENDED\tpid %d\tlog %s\n", p.Name, p.PID, p.Log)
		}
	}
	return w.Flush()
}

// nodeStatus is a node as the API server knows it.
type nodeStatus struct {
	Name      string `json:"name"`
	Ready     bool   `json:"ready"`
	Simulated bool   `json:"simulated"`
	Pods      int    `json:"pods"`
}

func (n nodeStatus) word() string {
	if n.Ready {
		return "Ready"
	}
	return "NOT READY"
}

func (n nodeStatus) kind() string {
	if n.Simulated {
		return "simulated: nothing runs there"
	}
	return "real"
}

// nodesOf asks for nodes and counts their pods; an API server that does not
// answer is reported elsewhere.
func nodesOf(ctx context.Context, d dir, st *state) []nodeStatus {
	client, err := newAPI(d, st.Server)
	if err != nil {
		return nil
	}
	defer client.close()
	var nodes nodeList
	var pods struct {
		Items []struct{ Spec struct{ NodeName string } }
	}
	if client.do(ctx, "GET", "/api/v1/nodes", nil, &nodes) != nil || client.do(ctx, "GET", "/api/v1/pods", nil, &pods) != nil {
		return nil
	}
	count := map[string]int{}
	for _, p := range pods.Items {
		count[p.Spec.NodeName]++
	}
	var all []nodeStatus
	for _, n := range nodes.Items {
		s := nodeStatus{Name: n.Metadata.Name, Simulated: n.Metadata.Annotations["kwok.x-k8s.io/node"] != "", Pods: count[n.Metadata.Name]}
		for _, c := range n.Status.Conditions {
			s.Ready = s.Ready || c.Type == "Ready" && c.Status == "True"
		}
		all = append(all, s)
	}
	return all
}
