// Package connector is what a host and a plugin of the connector family agree on: the
// handshake, the plugin sets by version, plugin.json and its signature. It is written from
// the family's public documentation and recorded answers, and stands on go-plugin itself,
// so that our side meets a peer that shares none of its code.
package connector

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"outboard.test/interop/connectorpb"
)

// PluginName is the only name a host dispenses.
const PluginName = "connector"

// The versions of the contract that are spoken here, from the oldest to the newest.
const (
	MinProtoVersion = 1
	ProtoVersion    = 1
)

// Handshake must be identical on both sides.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  ProtoVersion,
	MagicCookieKey:   "WICK_CONNECTOR_PLUGIN",
	MagicCookieValue: "b3f1c2a4-wick-connector-grpc",
}

// Plugin serves Impl in a plugin and makes a client in a host.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Impl is nil in a host.
	Impl connectorpb.ConnectorServer
}

// GRPCServer registers the service in a plugin.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	connectorpb.RegisterConnectorServer(server, p.Impl)
	return nil
}

// GRPCClient makes the host's client.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return connectorpb.NewConnectorClient(conn), nil
}

// Versions are the plugin sets for all versions from oldest to newest. The sets are the
// same: no second version exists yet, and what tests need is how one is agreed on.
func Versions(oldest, newest int, impl connectorpb.ConnectorServer) map[int]plugin.PluginSet {
	sets := map[int]plugin.PluginSet{}
	for version := oldest; version <= newest; version++ {
		sets[version] = plugin.PluginSet{PluginName: &Plugin{Impl: impl}}
	}
	return sets
}
