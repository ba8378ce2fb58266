// Package workflow is what a host and a plugin of the workflow family agree on:
// the handshake, the name that is dispensed, and the go-plugin glue.
package workflow

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"outboard.test/interop/workflowpb"
)

// PluginName is the only name a host dispenses.
const PluginName = "plugin"

// Handshake must be identical on both sides.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "WORKFLOW_PLUGIN",
	MagicCookieValue: "workflow-external-plugin-v1",
}

// Plugin serves Impl in a plugin and makes a Client in a host.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Impl is nil in a host.
	Impl workflowpb.PluginServiceServer
}

// Client is what a host gets by dispensing PluginName.
type Client struct {
	workflowpb.PluginServiceClient
	// Conn is the connection underneath, for calls that the stubs do not know.
	Conn *grpc.ClientConn
	// Engine is what the plugin may call, once it is offered.
	Engine *Engine
}

// brokered is a plugin that calls its host.
type brokered interface{ SetBroker(*plugin.GRPCBroker) }

// GRPCServer registers the service in a plugin.
func (p *Plugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	if impl, ok := p.Impl.(brokered); ok {
		impl.SetBroker(broker)
	}
	workflowpb.RegisterPluginServiceServer(server, p.Impl)
	return nil
}

// GRPCClient wraps the connection in a host.
func (p *Plugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &Client{PluginServiceClient: workflowpb.NewPluginServiceClient(conn), Conn: conn, Engine: NewEngine(broker)}, nil
}

// Serve is the main function of a plugin; it returns when the host is done.
func Serve(impl workflowpb.PluginServiceServer) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         plugin.PluginSet{PluginName: &Plugin{Impl: impl}},
		GRPCServer:      plugin.DefaultGRPCServer,
	})
}
