// Package kitchen is a workflow plugin that does a little of everything, so that
// a host under test has something to call. Its Rust twin is rust-kitchen.
package kitchen

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"outboard.test/interop/workflowpb"
)

// Server answers for the plugin. It accepts any type name, advertised or not.
type Server struct {
	workflowpb.UnimplementedPluginServiceServer

	logger hclog.Logger
	broker *plugin.GRPCBroker

	mu      sync.Mutex
	modules map[string]module
	steps   map[string]step
	conn    *grpc.ClientConn
	engine  workflowpb.EngineCallbackServiceClient
}

// module only remembers whether it shall fail, and has nothing to do unless it is
// a trigger.
type module struct {
	failure string
	timer   *timer
}

// New makes a plugin that logs to logger when a step is told to.
func New(logger hclog.Logger) *Server {
	return &Server{logger: logger, modules: map[string]module{}, steps: map[string]step{}}
}

func (s *Server) GetManifest(context.Context, *emptypb.Empty) (*workflowpb.Manifest, error) {
	return &workflowpb.Manifest{
		Name:        "kitchen",
		Version:     "1.2.3",
		Author:      "me",
		Description: "all of it",
	}, nil
}

func (s *Server) GetModuleTypes(context.Context, *emptypb.Empty) (*workflowpb.TypeList, error) {
	return &workflowpb.TypeList{Types: []string{"kitchen.mod"}}, nil
}

func (s *Server) GetStepTypes(context.Context, *emptypb.Empty) (*workflowpb.TypeList, error) {
	return &workflowpb.TypeList{Types: []string{"step.call", "step.echo", "step.fail", "step.stop"}}, nil
}

func (s *Server) GetTriggerTypes(context.Context, *emptypb.Empty) (*workflowpb.TypeList, error) {
	return &workflowpb.TypeList{Types: []string{timerType}}, nil
}

func (s *Server) GetModuleSchemas(context.Context, *emptypb.Empty) (*workflowpb.ModuleSchemaList, error) {
	return &workflowpb.ModuleSchemaList{}, nil
}

func (s *Server) CreateModule(_ context.Context, request *workflowpb.CreateModuleRequest) (*workflowpb.HandleResponse, error) {
	failure, _ := request.GetConfig().AsMap()["fail"].(string)
	if failure == "create" {
		return &workflowpb.HandleResponse{Error: "no such cook"}, nil
	}
	handle := uuid.NewString()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modules[handle] = module{failure: failure}
	return &workflowpb.HandleResponse{HandleId: handle}, nil
}

func (s *Server) InitModule(_ context.Context, request *workflowpb.HandleRequest) (*workflowpb.ErrorResponse, error) {
	return s.onModule(request, "init")
}

func (s *Server) StartModule(_ context.Context, request *workflowpb.HandleRequest) (*workflowpb.ErrorResponse, error) {
	return s.onModule(request, "start")
}

func (s *Server) StopModule(_ context.Context, request *workflowpb.HandleRequest) (*workflowpb.ErrorResponse, error) {
	return s.onModule(request, "stop")
}

func (s *Server) DestroyModule(_ context.Context, request *workflowpb.HandleRequest) (*workflowpb.ErrorResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.modules[request.GetHandleId()]; !ok {
		return unknown("module", request.GetHandleId()), nil
	}
	if timer := s.modules[request.GetHandleId()].timer; timer != nil {
		s.run(timer, "stop")
	}
	delete(s.modules, request.GetHandleId())
	return &workflowpb.ErrorResponse{}, nil
}

// onModule fails in the phase that the module's config names, and only there.
func (s *Server) onModule(request *workflowpb.HandleRequest, phase string) (*workflowpb.ErrorResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	module, ok := s.modules[request.GetHandleId()]
	if !ok {
		return unknown("module", request.GetHandleId()), nil
	}
	if module.failure == phase {
		return &workflowpb.ErrorResponse{Error: "cannot " + phase}, nil
	}
	if module.timer != nil {
		s.run(module.timer, phase)
	}
	return &workflowpb.ErrorResponse{}, nil
}

func (s *Server) CreateStep(_ context.Context, request *workflowpb.CreateStepRequest) (*workflowpb.HandleResponse, error) {
	handle := uuid.NewString()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[handle] = step{
		kind:   request.GetType(),
		name:   request.GetName(),
		config: request.GetConfig().AsMap(),
	}
	return &workflowpb.HandleResponse{HandleId: handle}, nil
}

func (s *Server) ExecuteStep(ctx context.Context, request *workflowpb.ExecuteStepRequest) (*workflowpb.ExecuteStepResponse, error) {
	s.mu.Lock()
	step, ok := s.steps[request.GetHandleId()]
	s.mu.Unlock()
	if !ok {
		return &workflowpb.ExecuteStepResponse{Error: unknown("step", request.GetHandleId()).Error}, nil
	}
	if step.kind == "step.call" {
		return s.call(ctx, step), nil
	}
	return step.execute(ctx, s.logger, request)
}

func (s *Server) DestroyStep(_ context.Context, request *workflowpb.HandleRequest) (*workflowpb.ErrorResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.steps[request.GetHandleId()]; !ok {
		return unknown("step", request.GetHandleId()), nil
	}
	delete(s.steps, request.GetHandleId())
	return &workflowpb.ErrorResponse{}, nil
}

// InvokeService is a method that plugins of v0.1.1 do not have.
func (s *Server) InvokeService(context.Context, *workflowpb.InvokeServiceRequest) (*workflowpb.InvokeServiceResponse, error) {
	return nil, status.Error(codes.Unimplemented, "InvokeService not implemented")
}

func unknown(what, handle string) *workflowpb.ErrorResponse {
	return &workflowpb.ErrorResponse{Error: fmt.Sprintf("unknown %s handle: %s", what, handle)}
}
