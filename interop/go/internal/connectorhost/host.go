package connectorhost

import (
	"errors"
	"io"

	"github.com/hashicorp/go-plugin"

	"outboard.test/interop/connectorpb"
	"outboard.test/interop/internal/connector"
	"outboard.test/interop/internal/host"
)

// Host owns the process of a connector.
type Host struct {
	// Process is what go-plugin knows of it.
	Process *host.Host
	// Client makes the family's calls.
	Client connectorpb.ConnectorClient
}

// Start runs a program with AutoMTLS and offers it the versions from oldest to newest; log
// gets go-plugin's own log.
func Start(program string, oldest, newest int, log io.Writer) (*Host, error) {
	var config *plugin.ClientConfig
	process, err := host.Start(host.Config{
		Program:   program,
		Handshake: connector.Handshake,
		Versions:  connector.Versions(oldest, newest, nil),
		Name:      connector.PluginName,
		Log:       log,
		Prepare: func(prepared *plugin.ClientConfig) error {
			prepared.AutoMTLS = true
			config = prepared
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	// go-plugin goes on in plain text when a plugin gives no certificate.
	if config.TLSConfig == nil || config.TLSConfig.RootCAs == nil {
		process.Kill()
		return nil, errors.New("the connection is not encrypted")
	}
	return &Host{Process: process, Client: process.Dispensed.(connectorpb.ConnectorClient)}, nil
}
