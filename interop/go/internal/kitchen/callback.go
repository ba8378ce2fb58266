package kitchen

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"outboard.test/interop/workflowpb"
)

// timerType is the only type of trigger.
const timerType = "kitchen.timer"

// timer fires when it starts, and again every so often if its config says so.
type timer struct {
	name   string
	config *structpb.Struct
	stop   context.CancelFunc
}

// SetBroker gives the server the way to its host.
func (s *Server) SetBroker(broker *plugin.GRPCBroker) { s.broker = broker }

// ConfigureCallback connects to what the host serves under this number.
func (s *Server) ConfigureCallback(_ context.Context, request *workflowpb.ConfigureCallbackRequest) (*workflowpb.ErrorResponse, error) {
	if _, err := os.Stat("no-callbacks"); err == nil {
		return nil, status.Error(codes.Unimplemented, "ConfigureCallback not implemented")
	}
	if request.GetBrokerId() == 0 {
		return &workflowpb.ErrorResponse{Error: "callback broker id is required"}, nil
	}
	if s.broker == nil {
		return &workflowpb.ErrorResponse{Error: "callback broker is not configured"}, nil
	}
	conn, err := s.broker.Dial(request.GetBrokerId())
	if err != nil {
		return &workflowpb.ErrorResponse{Error: "dial callback broker: " + err.Error()}, nil
	}
	s.mu.Lock()
	before := s.conn
	s.conn, s.engine = conn, workflowpb.NewEngineCallbackServiceClient(conn)
	s.mu.Unlock()
	if before != nil {
		_ = before.Close()
	}
	return &workflowpb.ErrorResponse{}, nil
}

// CreateTrigger makes a timer, which lives among the modules.
func (s *Server) CreateTrigger(_ context.Context, request *workflowpb.CreateTriggerRequest) (*workflowpb.HandleResponse, error) {
	if request.GetType() != timerType {
		return &workflowpb.HandleResponse{Error: fmt.Sprintf("unknown trigger type %q", request.GetType())}, nil
	}
	name := request.GetName()
	if name == "" {
		name = request.GetType()
	}
	handle := uuid.NewString()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modules[handle] = module{timer: &timer{name: name, config: request.GetConfig()}}
	return &workflowpb.HandleResponse{HandleId: handle}, nil
}

// run starts the timer or ends it. The server's lock is held.
func (s *Server) run(t *timer, phase string) {
	switch phase {
	case "start":
		if t.stop != nil {
			return
		}
		ctx, stop := context.WithCancel(context.Background())
		t.stop = stop
		go s.tick(ctx, t.name, t.config)
	case "stop":
		if t.stop != nil {
			t.stop()
			t.stop = nil
		}
	}
}

func (s *Server) tick(ctx context.Context, name string, config *structpb.Struct) {
	every, _ := config.AsMap()["every_ms"].(float64)
	for {
		if err := s.trigger(ctx, name, "tick", config); err != "" {
			s.logger.Warn("nobody heard the timer", "error", err)
		}
		if every == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(every) * time.Millisecond):
		}
	}
}

// trigger starts a workflow and gives the error that comes back.
func (s *Server) trigger(ctx context.Context, name, action string, data *structpb.Struct) string {
	engine := s.callbacks()
	if engine == nil {
		return "trigger callback client is not configured"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	answer, err := engine.TriggerWorkflow(ctx, &workflowpb.TriggerWorkflowRequest{TriggerType: name, Action: action, Data: data})
	if err != nil {
		return err.Error()
	}
	return answer.GetError()
}

func (s *Server) callbacks() workflowpb.EngineCallbackServiceClient {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine
}

// call makes one call to the engine, as a step of type step.call is configured.
func (s *Server) call(ctx context.Context, step step) *workflowpb.ExecuteStepResponse {
	config, err := structpb.NewStruct(step.config)
	if err != nil {
		return &workflowpb.ExecuteStepResponse{Error: err.Error()}
	}
	name := step.text("name")
	if step.text("call") == "trigger" {
		return output(map[string]any{"error": s.trigger(ctx, name, "now", config)})
	}
	engine := s.callbacks()
	if engine == nil {
		return output(map[string]any{"error": "trigger callback client is not configured"})
	}
	if step.text("call") == "service" {
		answer, err := engine.GetService(ctx, &workflowpb.GetServiceRequest{Name: name})
		if err != nil {
			return output(map[string]any{"error": err.Error()})
		}
		return output(map[string]any{"found": answer.GetFound()})
	}
	if _, err := engine.Log(ctx, &workflowpb.LogRequest{Level: "warn", Message: name, Fields: config}); err != nil {
		return output(map[string]any{"error": err.Error()})
	}
	return output(map[string]any{"error": ""})
}
