package bustest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// Option changes how the servers of a cluster are set up.
type Option func(*Cluster) error

// Config gives every server a piece of nats-server configuration, such as users or accounts; account names the one the streams lie
// in. Addresses, folders and routes are the cluster's own.
func Config(text, account string) Option {
	return func(c *Cluster) error {
		path := filepath.Join(c.dir, "extra.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		c.account = account
		c.setups = append(c.setups, func(o *server.Options) error {
			read, err := server.ProcessConfigFile(path)
			if err == nil {
				*o = *read
			}
			return err
		})
		return nil
	}
}

// TLS lets the servers speak only TLS to clients, with a certificate for 127.0.0.1 that no machine trusts by itself. Cluster.CA is
// the file with which a client can.
func TLS() Option {
	return func(c *Cluster) error {
		cert, err := selfSigned()
		if err != nil {
			return err
		}
		c.ca = filepath.Join(c.dir, "ca.pem")
		c.scheme = "tls://"
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
		c.setups = append(c.setups, func(o *server.Options) error {
			o.TLS, o.TLSTimeout = true, 5
			o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
			return nil
		})
		return os.WriteFile(c.ca, block, 0o600)
	}
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bustest"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// Operator lets the servers admit only users with a JWT of one account, as a managed NATS does. Cluster.Credentials makes users.
func Operator() Option {
	return func(c *Cluster) error {
		operator, err := newIssuer(nkeys.CreateOperator)
		if err != nil {
			return err
		}
		system, err := newIssuer(nkeys.CreateAccount)
		if err != nil {
			return err
		}
		if c.issuer, err = newIssuer(nkeys.CreateAccount); err != nil {
			return err
		}
		c.account = c.issuer.public
		claims := jwt.NewOperatorClaims(operator.public)
		claims.SystemAccount = system.public
		resolver := &server.MemAccResolver{}
		for _, account := range []struct {
			*issuer
			storage int64
		}{{system, 0}, {c.issuer, jwt.NoLimit}} {
			claims := jwt.NewAccountClaims(account.public)
			claims.Limits.DiskStorage, claims.Limits.MemoryStorage = account.storage, account.storage
			token, err := claims.Encode(operator.pair)
			if err != nil {
				return err
			}
			if err := resolver.Store(account.public, token); err != nil {
				return err
			}
		}
		c.setups = append(c.setups, func(o *server.Options) error {
			o.TrustedOperators = []*jwt.OperatorClaims{claims}
			o.SystemAccount = system.public
			o.AccountResolver = resolver
			return nil
		})
		return nil
	}
}

// issuer is a key that signs for others.
type issuer struct {
	pair   nkeys.KeyPair
	public string
}

func newIssuer(create func() (nkeys.KeyPair, error)) (*issuer, error) {
	pair, err := create()
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	return &issuer{pair: pair, public: public}, err
}

// Credentials writes the credentials file, JWT and seed, of a new user of a cluster with the Operator option, and gives its path.
func (c *Cluster) Credentials(name string) (path string, err error) {
	if c.issuer == nil {
		return "", fmt.Errorf("the cluster has no operator")
	}
	user, err := newIssuer(nkeys.CreateUser)
	if err != nil {
		return "", err
	}
	claims := jwt.NewUserClaims(user.public)
	claims.Name = name
	token, err := claims.Encode(c.issuer.pair)
	if err != nil {
		return "", err
	}
	seed, err := user.pair.Seed()
	if err != nil {
		return "", err
	}
	text, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		return "", err
	}
	path = filepath.Join(c.dir, name+".creds")
	return path, os.WriteFile(path, text, 0o600)
}
