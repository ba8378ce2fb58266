package workflow

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"outboard.test/interop/workflowpb"
)

// Engine is what a plugin may call in this host. It starts nothing and remembers
// everything.
type Engine struct {
	workflowpb.UnimplementedEngineCallbackServiceServer

	broker *plugin.GRPCBroker
	fired  chan map[string]any
	logged chan map[string]any

	mu      sync.Mutex
	servers []*grpc.Server
}

// NewEngine makes an engine that is offered over this broker.
func NewEngine(broker *plugin.GRPCBroker) *Engine {
	return &Engine{broker: broker, fired: make(chan map[string]any, 100), logged: make(chan map[string]any, 100)}
}

// Call answers the list's questions about the engine.
func (e *Engine) Call(ctx context.Context, name string, _ map[string]any) (map[string]any, error) {
	switch name {
	case "Offer":
		id := e.broker.NextId()
		go e.broker.AcceptAndServe(id, e.server)
		return map[string]any{"handle_id": strconv.FormatUint(uint64(id), 10)}, nil
	case "Fired":
		return next(ctx, e.fired)
	case "Logged":
		return next(ctx, e.logged)
	}
	return nil, fmt.Errorf("the Go host knows no Engine.%s", name)
}

func (e *Engine) server(options []grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(options...)
	workflowpb.RegisterEngineCallbackServiceServer(server, e)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.servers = append(e.servers, server)
	return server
}

func next(ctx context.Context, from chan map[string]any) (map[string]any, error) {
	select {
	case value := <-from:
		return value, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the plugin did not call")
	}
}

// TriggerWorkflow refuses what is forbidden by its name.
func (e *Engine) TriggerWorkflow(_ context.Context, request *workflowpb.TriggerWorkflowRequest) (*workflowpb.ErrorResponse, error) {
	if strings.HasPrefix(request.GetTriggerType(), "forbidden") {
		return &workflowpb.ErrorResponse{Error: "no handler for " + request.GetTriggerType()}, nil
	}
	e.fired <- map[string]any{
		"trigger_type": request.GetTriggerType(),
		"action":       request.GetAction(),
		"data":         request.GetData().AsMap(),
	}
	return &workflowpb.ErrorResponse{}, nil
}

// GetService knows one service.
func (e *Engine) GetService(_ context.Context, request *workflowpb.GetServiceRequest) (*workflowpb.GetServiceResponse, error) {
	return &workflowpb.GetServiceResponse{Found: request.GetName() == "mail"}, nil
}

// Log keeps the line.
func (e *Engine) Log(_ context.Context, request *workflowpb.LogRequest) (*emptypb.Empty, error) {
	e.logged <- map[string]any{
		"level":   request.GetLevel(),
		"message": request.GetMessage(),
		"fields":  request.GetFields().AsMap(),
	}
	return &emptypb.Empty{}, nil
}
