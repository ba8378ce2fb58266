// Command go-tls-peer is one end of a TLS connection that go-plugin itself never
// negotiates any more: it speaks one version of TLS alone, with a certificate
// like go-plugin's own (P-521, self-signed, an authority).
//
//	go-tls-peer -version 1.2 serve SOCKET          prints its certificate, serves health
//	go-tls-peer -version 1.2 dial PLUGIN [ARG…]    starts a plugin as a host with AutoMTLS does, asks its health
//
// It ends when its standard input does, or after the one question.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func main() {
	log.SetFlags(0)
	name := flag.String("version", "1.3", "the only version of TLS to speak")
	flag.Parse()
	version, ok := versions[*name]
	if !ok || flag.NArg() < 2 {
		log.Fatal("usage: go-tls-peer -version 1.2|1.3 serve SOCKET | dial PLUGIN [ARG...]")
	}
	own, err := certificate()
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{own},
		MinVersion:   version,
		MaxVersion:   version,
		ServerName:   "localhost",
	}
	switch flag.Arg(0) {
	case "serve":
		err = serve(config, flag.Arg(1))
	case "dial":
		err = dial(config, flag.Args()[1:])
	}
	if err != nil {
		log.Fatal(err)
	}
}

// certificate makes one with the marks of go-plugin's.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// serve reads the peer's certificate as a line of base64 from standard input.
func serve(config *tls.Config, socket string) error {
	fmt.Println(base64.RawStdEncoding.EncodeToString(config.Certificates[0].Certificate[0]))
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadString('\n')
	if err != nil {
		return err
	}
	config.ClientCAs, err = pool(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() {
		_, _ = io.Copy(io.Discard, input)
		server.Stop()
	}()
	fmt.Println("listening")
	return server.Serve(listener)
}

func dial(config *tls.Config, command []string) error {
	var text bytes.Buffer
	block := &pem.Block{Type: "CERTIFICATE", Bytes: config.Certificates[0].Certificate[0]}
	if err := pem.Encode(&text, block); err != nil {
		return err
	}
	plugin := exec.Command(command[0], command[1:]...)
	plugin.Env = append(os.Environ(), "PLUGIN_CLIENT_CERT="+text.String(), "PLUGIN_PROTOCOL_VERSIONS=1")
	plugin.Stderr = os.Stderr
	output, err := plugin.StdoutPipe()
	if err != nil {
		return err
	}
	if err := plugin.Start(); err != nil {
		return err
	}
	defer func() {
		_ = plugin.Process.Kill()
		_ = plugin.Wait()
	}()
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return err
	}
	fields := strings.Split(strings.TrimSpace(line), "|")
	if len(fields) < 6 {
		return fmt.Errorf("the handshake %q has no certificate", line)
	}
	config.RootCAs, err = pool(fields[5])
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(
		"passthrough:///unused",
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			return net.Dial(fields[2], fields[3])
		}),
	)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request := &grpc_health_v1.HealthCheckRequest{Service: "plugin"}
	answer, err := grpc_health_v1.NewHealthClient(connection).Check(limit, request)
	if err != nil {
		return err
	}
	fmt.Println(answer.GetStatus())
	return nil
}

func pool(text string) (*x509.CertPool, error) {
	der, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool, nil
}
