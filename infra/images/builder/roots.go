package main

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// caFile is where Go, OpenSSL and rustls look first on Debian's kin.
const caFile = "/etc/ssl/certs/ca-certificates.crt"

// rootsModule is pinned in go.mod and checked by go.sum, so that the bundle is the same everywhere.
const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// roots are Mozilla's certificate authorities as PEM. Those that Mozilla trusts under a condition
// (only certificates from before some day) are left out: a PEM file cannot say the condition.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		// Writing to memory does not fail.
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return out.Bytes()
}
