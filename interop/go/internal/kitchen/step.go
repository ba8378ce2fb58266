package kitchen

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"outboard.test/interop/workflowpb"
)

type step struct {
	kind   string
	name   string
	config map[string]any
}

// execute does what the step's type says. A few types are advertised,
// the others exist for tests and are created by name.
func (s step) execute(ctx context.Context, logger hclog.Logger, request *workflowpb.ExecuteStepRequest) (*workflowpb.ExecuteStepResponse, error) {
	switch s.kind {
	case "step.echo":
		return s.echo(request), nil
	case "step.fail":
		return &workflowpb.ExecuteStepResponse{Error: fmt.Sprintf("step %s failed", s.name)}, nil
	case "step.stop":
		response := output(map[string]any{"stopped": true})
		response.StopPipeline = true
		return response, nil
	case "step.sleep":
		select {
		case <-time.After(time.Duration(s.number("ms")) * time.Millisecond):
			return output(map[string]any{"slept": true}), nil
		case <-ctx.Done():
			// A status, as the caller's own clock would give, whichever is first.
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	case "step.print":
		fmt.Fprint(os.Stdout, s.text("stdout"))
		fmt.Fprint(os.Stderr, s.text("stderr"))
		return output(nil), nil
	case "step.log":
		s.log(logger)
		return output(nil), nil
	case "step.blob":
		return output(map[string]any{"blob": strings.Repeat("x", s.number("size"))}), nil
	case "step.panic":
		panic("the kitchen is on fire")
	case "step.exit":
		// Straight to the file, past anything that forwards os.Stderr later.
		_, _ = os.NewFile(2, "stderr").WriteString("the cook has left\n")
		os.Exit(s.number("code"))
	}
	return output(nil), nil
}

func (s step) echo(request *workflowpb.ExecuteStepRequest) *workflowpb.ExecuteStepResponse {
	outputs := make(map[string]any, len(request.GetStepOutputs()))
	for name, values := range request.GetStepOutputs() {
		outputs[name] = values.AsMap()
	}
	return output(map[string]any{
		"config":       s.config,
		"current":      request.GetCurrent().AsMap(),
		"metadata":     request.GetMetadata().AsMap(),
		"name":         s.name,
		"step_outputs": outputs,
		"trigger_data": request.GetTriggerData().AsMap(),
	})
}

// log writes one line at every level, each with a key and a value.
func (s step) log(logger hclog.Logger) {
	message := s.text("message")
	logger.Trace(message, "dish", "soup")
	logger.Debug(message, "dish", "soup")
	logger.Info(message, "dish", "soup")
	logger.Warn(message, "dish", "soup")
	logger.Error(message, "dish", "soup")
}

func (s step) text(key string) string {
	value, _ := s.config[key].(string)
	return value
}

func (s step) number(key string) int {
	value, _ := s.config[key].(float64)
	return int(value)
}

func output(values map[string]any) *workflowpb.ExecuteStepResponse {
	encoded, err := structpb.NewStruct(values)
	if err != nil {
		return &workflowpb.ExecuteStepResponse{Error: err.Error()}
	}
	return &workflowpb.ExecuteStepResponse{Output: encoded}
}
