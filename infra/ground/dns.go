package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"slices"
	"time"
)

//go:embed files/Corefile
var corefile string

// askDNS asks the ground's CoreDNS for the name that every cluster has.
func askDNS(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(nodeIPv4, "53"))
	}}
	found, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	if err == nil && !slices.Contains(found, serviceIP) {
		err = fmt.Errorf("its address is %v, not %s", found, serviceIP)
	}
	return err
}
