// Command go-plugin-hello is the smallest workflow plugin that does something,
// for comparing sizes.
package main

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"outboard.test/interop/internal/workflow"
	"outboard.test/interop/workflowpb"
)

type hello struct {
	workflowpb.UnimplementedPluginServiceServer
}

func (hello) GetManifest(context.Context, *emptypb.Empty) (*workflowpb.Manifest, error) {
	return &workflowpb.Manifest{Name: "hello", Version: "1.0.0", Author: "me", Description: "says hello"}, nil
}

func (hello) GetStepTypes(context.Context, *emptypb.Empty) (*workflowpb.TypeList, error) {
	return &workflowpb.TypeList{Types: []string{"step.hello"}}, nil
}

func (hello) CreateStep(context.Context, *workflowpb.CreateStepRequest) (*workflowpb.HandleResponse, error) {
	return &workflowpb.HandleResponse{HandleId: "hello"}, nil
}

func (hello) ExecuteStep(context.Context, *workflowpb.ExecuteStepRequest) (*workflowpb.ExecuteStepResponse, error) {
	output, err := structpb.NewStruct(map[string]any{"greeting": "hello"})
	if err != nil {
		return nil, err
	}
	return &workflowpb.ExecuteStepResponse{Output: output}, nil
}

func (hello) DestroyStep(context.Context, *workflowpb.HandleRequest) (*workflowpb.ErrorResponse, error) {
	return &workflowpb.ErrorResponse{}, nil
}

func main() {
	workflow.Serve(hello{})
}
