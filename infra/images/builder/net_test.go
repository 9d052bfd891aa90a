package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	stdlog "log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers for the names that it knows, all 127.0.0.1, and says of others that there are
// none. It listens where resolv.conf says: a network namespace of the test's own.
func nameServer(t *testing.T, known ...string) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		question := make([]byte, 512)
		for {
			n, from, err := socket.ReadFrom(question)
			if err != nil {
				return
			}
			if reply, err := resolve(question[:n], known); err == nil {
				_, _ = socket.WriteTo(reply, from)
			}
		}
	}()
}

func resolve(question []byte, known []string) ([]byte, error) {
	var asked dnsmessage.Message
	if err := asked.Unpack(question); err != nil {
		return nil, err
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: asked.ID, Response: true, RecursionDesired: true, RecursionAvailable: true, RCode: dnsmessage.RCodeNameError},
		Questions: asked.Questions,
	}
	for _, q := range asked.Questions {
		for _, name := range known {
			if !strings.EqualFold(q.Name.String(), name+".") {
				continue
			}
			reply.RCode = dnsmessage.RCodeSuccess
			if q.Type == dnsmessage.TypeA {
				reply.Answers = append(reply.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
					Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
				})
			}
		}
	}
	return reply.Pack()
}

// issuer serves a key set over https, with a certificate of an authority of its own.
type issuer struct {
	authority string // PEM
	mu        sync.Mutex
	asked     map[string]int // by the name it was called by
}

func (i *issuer) times(name string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[name]
}

const issuerPort = "8443"

func newIssuer(t *testing.T, names ...string) *issuer {
	t.Helper()
	i := &issuer{asked: map[string]int{}}
	key, certificate := i.sign(t, names)
	listener, err := net.Listen("tcp", "127.0.0.1:"+issuerPort)
	if err != nil {
		t.Fatal(err)
	}
	set := keySet(t, key)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.asked[strings.TrimSuffix(r.Host, ":"+issuerPort)]++
		i.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, set)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	// Callers that do not trust it are what a test wants, not news.
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return i
}

// sign makes the authority and, signed by it, a server's certificate.
func (i *issuer) sign(t *testing.T, names []string) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "An authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, authority, authority, root.Public(), root)
	must(err)
	i.authority = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), root)
	must(err)
	return key, certificate
}

func keySet(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	public, err := key.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	point := public.Bytes()
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k","use":"sig","alg":"ES256","x":%q,"y":%q}]}`, text(point[1:33]), text(point[33:]))
}
