package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"outboard.test/interop/connectorpb"
	"outboard.test/interop/internal/bench"
	"outboard.test/interop/internal/connector"
	"outboard.test/interop/internal/workflow"
	"outboard.test/interop/workflowpb"
)

// deadline is what every call gets, on both sides of the benchmark.
const deadline = 30 * time.Second

// running is a plugin process; one of its clients is set.
type running struct {
	client    *plugin.Client
	command   *exec.Cmd
	workflow  *workflow.Client
	bench     *bench.Client
	connector connectorpb.ConnectorClient
}

// start runs the program as any user of go-plugin would, without a log, and
// makes sure that its connection is what was asked for.
func start(o options, program string) (*running, error) {
	config := &plugin.ClientConfig{
		AllowedProtocols:    []plugin.Protocol{plugin.ProtocolGRPC},
		Cmd:                 exec.Command(program),
		AutoMTLS:            o.tls,
		GRPCBrokerMultiplex: o.mux,
		Logger:              hclog.NewNullLogger(),
	}
	var name string
	switch o.service {
	case "workflow":
		name = workflow.PluginName
		config.HandshakeConfig = workflow.Handshake
		config.Plugins = plugin.PluginSet{name: &workflow.Plugin{}}
	case "bench":
		name = bench.PluginName
		config.HandshakeConfig = bench.Handshake
		config.Plugins = plugin.PluginSet{name: &bench.Plugin{}}
	case "connector":
		name = connector.PluginName
		config.HandshakeConfig = connector.Handshake
		config.VersionedPlugins = connector.Versions(connector.MinProtoVersion, connector.ProtoVersion, nil)
	default:
		return nil, fmt.Errorf("there is no service %q", o.service)
	}
	r := &running{client: plugin.NewClient(config), command: config.Cmd}
	dispensed, err := r.dispense(name)
	if err == nil && o.tls && (config.TLSConfig == nil || config.TLSConfig.RootCAs == nil) {
		err = errors.New("the connection is not encrypted")
	}
	if err != nil {
		r.kill()
		return nil, fmt.Errorf("start %q: %w", program, err)
	}
	r.workflow, _ = dispensed.(*workflow.Client)
	r.bench, _ = dispensed.(*bench.Client)
	r.connector, _ = dispensed.(connectorpb.ConnectorClient)
	return r, nil
}

func (r *running) dispense(name string) (any, error) {
	protocol, err := r.client.Client()
	if err != nil {
		return nil, err
	}
	return protocol.Dispense(name)
}

func (r *running) pid() int { return r.command.Process.Pid }

// kill ends the plugin as go-plugin does: ask, wait two seconds, then force.
func (r *running) kill() { r.client.Kill() }

// first makes the call that shows that a start is complete.
func (r *running) first() error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if r.bench != nil {
		return bench.CallEcho(ctx, r.bench.Echo, payload())
	}
	if r.connector != nil {
		return echoOnce(r.connector)
	}
	_, err := r.workflow.GetManifest(ctx, &emptypb.Empty{})
	return err
}

// caller makes what is needed for a function that echoes 100 bytes once: with the
// workflow service a step that does so, with a connector an operation.
func (r *running) caller() (func() error, error) {
	if r.bench != nil {
		payload := payload()
		return func() error {
			ctx, cancel := context.WithTimeout(context.Background(), deadline)
			defer cancel()
			return bench.CallEcho(ctx, r.bench.Echo, payload)
		}, nil
	}
	if r.connector != nil {
		return func() error { return echoOnce(r.connector) }, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	created, err := r.workflow.CreateStep(ctx, &workflowpb.CreateStepRequest{Type: "step.echo", Name: "bench"})
	if err != nil {
		return nil, err
	}
	text := strings.Repeat("x", 100)
	data, err := structpb.NewStruct(map[string]any{"payload": text})
	if err != nil {
		return nil, err
	}
	request := &workflowpb.ExecuteStepRequest{HandleId: created.GetHandleId(), TriggerData: data}
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		answer, err := r.workflow.ExecuteStep(ctx, request)
		if err != nil {
			return err
		}
		if answer.GetError() != "" {
			return fmt.Errorf("the step failed: %s", answer.GetError())
		}
		echoed := answer.GetOutput().GetFields()["trigger_data"].GetStructValue().GetFields()["payload"]
		if echoed.GetStringValue() != text {
			return errors.New("the step did not echo what it got")
		}
		return nil
	}, nil
}
