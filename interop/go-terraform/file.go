package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const fileType = "shelf_file"

var fileSchema = &tfprotov6.Schema{
	Version: 1,
	Block: &tfprotov6.SchemaBlock{
		Description: "A file on the shelf.",
		Attributes: []*tfprotov6.SchemaAttribute{
			{Name: "name", Type: tftypes.String, Required: true, Description: "Its name. Another name is another file."},
			{Name: "content", Type: tftypes.String, Required: true, Description: "All that is in it."},
			{Name: "executable", Type: tftypes.Bool, Optional: true, Computed: true, Description: "Whether its owner may execute it."},
			{Name: "labels", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true, Description: "Kept in the state alone."},
			{Name: "size", Type: tftypes.Number, Computed: true, Description: "Its size in bytes."},
			{Name: "sha256", Type: tftypes.String, Computed: true, Description: "The SHA-256 of its content."},
		},
	},
}

func (p *provider) ValidateResourceConfig(_ context.Context, request *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	config, err := decode(request.Config, fileSchema)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.ValidateResourceConfigResponse{Diagnostics: checkFile(config)}, nil
}

func checkFile(config object) []*tfprotov6.Diagnostic {
	var found []*tfprotov6.Diagnostic
	if name := config["name"]; name.IsKnown() {
		switch name := text(name); {
		case name == "":
			found = append(found, problem("name", "A file needs a name", "The name is empty."))
		case name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
			found = append(found, problem("name", "A name is not a path", name+" would leave the shelf."))
		}
	}
	if content := config["content"]; content.IsKnown() && text(content) == "" {
		found = append(found, warning("content", "The file is empty", "An empty file takes up a name."))
	}
	return found
}

func (p *provider) PlanResourceChange(_ context.Context, request *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	prior, err := decode(request.PriorState, fileSchema)
	if err != nil {
		return nil, err
	}
	planned, err := decode(request.ProposedNewState, fileSchema)
	if err != nil {
		return nil, err
	}
	response := &tfprotov6.PlanResourceChangeResponse{PlannedPrivate: request.PriorPrivate}
	if planned != nil {
		if planned["executable"].IsNull() {
			planned["executable"] = tftypes.NewValue(tftypes.Bool, false)
		}
		if prior == nil || !prior["content"].Equal(planned["content"]) {
			planned["size"] = tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)
			if content := planned["content"]; content.IsKnown() {
				planned["size"] = number(len(text(content)))
			}
			planned["sha256"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
		}
		if prior != nil && !prior["name"].Equal(planned["name"]) {
			response.RequiresReplace = []*tftypes.AttributePath{tftypes.NewAttributePath().WithAttributeName("name")}
		}
	}
	response.PlannedState, err = encode(planned, fileSchema)
	return response, err
}

func (p *provider) ApplyResourceChange(_ context.Context, request *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	prior, err := decode(request.PriorState, fileSchema)
	if err != nil {
		return nil, err
	}
	planned, err := decode(request.PlannedState, fileSchema)
	if err != nil {
		return nil, err
	}
	response := &tfprotov6.ApplyResourceChangeResponse{
		NewState: request.PriorState,
		Private:  request.PlannedPrivate,
	}
	refused := func(found ...*tfprotov6.Diagnostic) (*tfprotov6.ApplyResourceChangeResponse, error) {
		response.Diagnostics = found
		return response, nil
	}
	shelf, unconfigured := p.shelf()
	if unconfigured != nil {
		return refused(unconfigured)
	}
	if planned == nil {
		err := os.Remove(filepath.Join(shelf, text(prior["name"])))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return refused(problem("", "The file could not be removed", err.Error()))
		}
		response.NewState, err = encode(nil, fileSchema)
		return response, err
	}
	for _, found := range checkFile(planned) {
		if found.Severity == tfprotov6.DiagnosticSeverityError {
			return refused(found)
		}
	}
	mode := fs.FileMode(0o644)
	if truth(planned["executable"]) {
		mode = 0o755
	}
	path := filepath.Join(shelf, text(planned["name"]))
	err = os.WriteFile(path, []byte(text(planned["content"])), mode)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return refused(problem("", "The file could not be written", err.Error()))
	}
	fill(planned)
	response.NewState, err = encode(planned, fileSchema)
	return response, err
}

func (p *provider) ReadResource(_ context.Context, request *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	state, err := decode(request.CurrentState, fileSchema)
	if err != nil {
		return nil, err
	}
	response := &tfprotov6.ReadResourceResponse{NewState: request.CurrentState, Private: request.Private}
	shelf, unconfigured := p.shelf()
	if unconfigured != nil {
		response.Diagnostics = append(response.Diagnostics, unconfigured)
		return response, nil
	}
	path := filepath.Join(shelf, text(state["name"]))
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		response.NewState, err = encode(nil, fileSchema)
		return response, err
	}
	found, statErr := os.Stat(path)
	if err := errors.Join(err, statErr); err != nil {
		response.Diagnostics = append(response.Diagnostics, problem("", "The file could not be read", err.Error()))
		return response, nil
	}
	state["content"] = tftypes.NewValue(tftypes.String, string(content))
	state["executable"] = tftypes.NewValue(tftypes.Bool, found.Mode()&0o100 != 0)
	fill(state)
	response.NewState, err = encode(state, fileSchema)
	return response, err
}

// UpgradeResourceState takes states of this version only; there never was another.
func (p *provider) UpgradeResourceState(_ context.Context, request *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	state, err := request.RawState.Unmarshal(fileSchema.ValueType())
	if err != nil {
		return nil, err
	}
	value, err := tfprotov6.NewDynamicValue(fileSchema.ValueType(), state)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &value}, err
}

// fill computes what follows from the content.
func fill(state object) {
	content := text(state["content"])
	sum := sha256.Sum256([]byte(content))
	state["size"] = number(len(content))
	state["sha256"] = tftypes.NewValue(tftypes.String, hex.EncodeToString(sum[:]))
}
