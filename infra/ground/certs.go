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

// server issues a serving certificate for every name and address clients use.
func (a *authority) server(cn string, ips ...net.IP) (pair, error) {
	tpl, err := template(cn, nil)
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

// user of the control plane: each has a certificate of its own, so that the
// audit log tells who wrote what.
type user struct {
	name   string
	groups []string
	config string // its kubeconfig, inside the ground's folder
	node   bool   // only a real node needs it
}

// kwok acts for kubelet and for several controllers; system:masters spares a
// role that would only repeat "everything".
var users = []user{
	{name: "admin", groups: []string{"system:masters"}, config: "kubeconfig"},
	{name: "system:kube-controller-manager", config: "pki/controller-manager.kubeconfig"},
	{name: "system:kube-scheduler", config: "pki/scheduler.kubeconfig"},
	{name: "kwok", groups: []string{"system:masters"}, config: "pki/kwok.kubeconfig"},
	{name: "system:node:" + realNode, groups: []string{"system:nodes"}, config: "pki/kubelet.kubeconfig", node: true},
	{name: "system:kube-proxy", config: "pki/kube-proxy.kubeconfig", node: true},
	{name: "system:coredns", config: "pki/coredns.kubeconfig", node: true},
}

// kubeconfigOf is the place of a user's kubeconfig inside the ground.
func kubeconfigOf(name string) string {
	for _, u := range users {
		if u.name == name {
			return u.config
		}
	}
	return ""
}

// pkiPlan says for which addresses certificates are made.
type pkiPlan struct {
	outside string // the API server as people and tests reach it
	inside  string // and as the ground's own parts do
	ips     []net.IP
	kubelet net.IP // of the real node, if there is one
}

// writePKI makes the CA, all certificates, the service account keys and a
// kubeconfig for each user.
func writePKI(d dir, plan pkiPlan) error {
	ca, err := newAuthority()
	if err != nil {
		return fmt.Errorf("make the CA: %w", err)
	}
	caKey, err := ecKey(ca.key)
	if err != nil {
		return err
	}
	serving, err := ca.server("kube-apiserver", plan.ips...)
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
	if err := ca.addUsers(files, plan); err != nil {
		return err
	}
	if plan.kubelet != nil {
		if err := ca.addKubelet(files, plan.kubelet); err != nil {
			return err
		}
	}
	for name, data := range files {
		if err := writeAtomic(d.path(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (a *authority) addUsers(files map[string][]byte, plan pkiPlan) error {
	for _, u := range users {
		if u.node && plan.kubelet == nil {
			continue
		}
		p, err := a.client(u.name, u.groups...)
		if err != nil {
			return fmt.Errorf("make the certificate of %s: %w", u.name, err)
		}
		server := plan.inside
		if u.name == "admin" {
			server = plan.outside
			files["pki/admin.crt"], files["pki/admin.key"] = p.cert, p.key
		}
		files[u.config] = kubeconfig(server, u.name, a.pem, p)
	}
	return nil
}

// kubeletClient is who the API server is when it asks a kubelet for logs.
const kubeletClient = "kube-apiserver-kubelet-client"

// addKubelet makes both sides of the connection from API server to kubelet.
func (a *authority) addKubelet(files map[string][]byte, ip net.IP) error {
	serving, err := a.server("kubelet", ip, net.IPv4(127, 0, 0, 1))
	if err != nil {
		return fmt.Errorf("make the kubelet's certificate: %w", err)
	}
	files["pki/kubelet.crt"], files["pki/kubelet.key"] = serving.cert, serving.key
	client, err := a.client(kubeletClient)
	files["pki/kubelet-client.crt"], files["pki/kubelet-client.key"] = client.cert, client.key
	return err
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
