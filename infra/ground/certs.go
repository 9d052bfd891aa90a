package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// authority is the ground's own CA. A self-signed serving certificate without
// one makes the controller manager complain about trust bundles every second.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// pair is a certificate and its key, both in PEM.
type pair struct{ cert, key []byte }

const validity = 365 * 24 * time.Hour

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tpl, err := template("tenantry-ground-ca", nil)
	if err != nil {
		return nil, err
	}
	tpl.IsCA, tpl.BasicConstraintsValid = true, true
	tpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key, pem: pemBlock("CERTIFICATE", der)}, err
}

func template(cn string, orgs []string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: cn, Organization: orgs},
		NotBefore:    time.Now().Add(-5 * time.Minute), // clocks of containers differ
		NotAfter:     time.Now().Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

func (a *authority) issue(tpl *x509.Certificate) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return pair{}, err
	}
	keyPEM, err := ecKey(key)
	return pair{cert: pemBlock("CERTIFICATE", der), key: keyPEM}, err
}

// client issues a certificate that the API server reads as user cn in groups.
func (a *authority) client(cn string, groups ...string) (pair, error) {
	tpl, err := template(cn, groups)
	if err != nil {
		return pair{}, err
	}
	tpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(tpl)
}

// server issues the API server's certificate for every name clients use.
func (a *authority) server(ips ...net.IP) (pair, error) {
	tpl, err := template("kube-apiserver", nil)
	if err != nil {
		return pair{}, err
	}
	tpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	tpl.DNSNames = []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"}
	tpl.IPAddresses = ips
	return a.issue(tpl)
}

func ecKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pemBlock("EC PRIVATE KEY", der), err
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// users of the control plane, one certificate each, so that the audit log
// tells who wrote what. kwok acts for kubelet and for several controllers;
// system:masters spares a role that would only repeat "everything".
var users = map[string][]string{
	"admin":                          {"system:masters"},
	"system:kube-controller-manager": nil,
	"system:kube-scheduler":          nil,
	"kwok":                           {"system:masters"},
}

// kubeconfigFiles maps the users to their kubeconfig inside the ground.
var kubeconfigFiles = map[string]string{
	"admin":                          "kubeconfig",
	"system:kube-controller-manager": "pki/controller-manager.kubeconfig",
	"system:kube-scheduler":          "pki/scheduler.kubeconfig",
	"kwok":                           "pki/kwok.kubeconfig",
}

// writePKI makes the CA, all certificates, the service account keys and a
// kubeconfig for each user of the API server at the given address.
func writePKI(d dir, server string, ips ...net.IP) error {
	ca, err := newAuthority()
	if err != nil {
		return fmt.Errorf("make the CA: %w", err)
	}
	caKey, err := ecKey(ca.key)
	if err != nil {
		return err
	}
	serving, err := ca.server(ips...)
	if err != nil {
		return fmt.Errorf("make the serving certificate: %w", err)
	}
	files := map[string][]byte{
		"pki/ca.crt": ca.pem, "pki/ca.key": caKey,
		"pki/apiserver.crt": serving.cert, "pki/apiserver.key": serving.key,
	}
	if err := addServiceAccountKeys(files); err != nil {
		return err
	}
	for user, groups := range users {
		p, err := ca.client(user, groups...)
		if err != nil {
			return fmt.Errorf("make the certificate of %s: %w", user, err)
		}
		files[kubeconfigFiles[user]] = kubeconfig(server, user, ca.pem, p)
		if user == "admin" {
			files["pki/admin.crt"], files["pki/admin.key"] = p.cert, p.key
		}
	}
	for name, data := range files {
		if err := writeAtomic(d.path(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func addServiceAccountKeys(files map[string][]byte) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if files["pki/sa.key"], err = ecKey(key); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	files["pki/sa.pub"] = pemBlock("PUBLIC KEY", der)
	return err
}

// kubeconfig carries its certificates inside, so that the one file can be
// copied anywhere.
func kubeconfig(server, user string, ca []byte, p pair) []byte {
	var b bytes.Buffer
	enc := base64.StdEncoding.EncodeToString
	fmt.Fprintf(&b, `apiVersion: v1
kind: Config
clusters:
- name: ground
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: %q
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: ground
  context: {cluster: ground, user: %q}
current-context: ground
`, server, enc(ca), user, enc(p.cert), enc(p.key), user)
	return b.Bytes()
}

// readPair loads the admin certificate for this program's own requests.
func readPair(d dir) (ca []byte, p pair, err error) {
	for name, into := range map[string]*[]byte{"ca.crt": &ca, "admin.crt": &p.cert, "admin.key": &p.key} {
		if *into, err = os.ReadFile(d.path("pki", name)); err != nil {
			return nil, pair{}, err
		}
	}
	return ca, p, nil
}
