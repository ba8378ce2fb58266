package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const listingType = "shelf_listing"

// pollInterval is how often a listing that waits looks again.
const pollInterval = 20 * time.Millisecond

var listingSchema = &tfprotov6.Schema{
	Block: &tfprotov6.SchemaBlock{
		Description: "The files on the shelf.",
		Attributes: []*tfprotov6.SchemaAttribute{
			{Name: "suffix", Type: tftypes.String, Optional: true, Description: "Only names that end so."},
			{Name: "wait_for", Type: tftypes.String, Optional: true, Description: "Waits until a file of this name is there."},
			{Name: "names", Type: tftypes.List{ElementType: tftypes.String}, Computed: true, Description: "Their names, sorted."},
		},
	},
}

func (p *provider) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (p *provider) ReadDataSource(ctx context.Context, request *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	state, err := decode(request.Config, listingSchema)
	if err != nil {
		return nil, err
	}
	refused := func(found *tfprotov6.Diagnostic) (*tfprotov6.ReadDataSourceResponse, error) {
		return &tfprotov6.ReadDataSourceResponse{
			State:       request.Config,
			Diagnostics: []*tfprotov6.Diagnostic{found},
		}, nil
	}
	shelf, unconfigured := p.shelf()
	if unconfigured != nil {
		return refused(unconfigured)
	}
	wanted := text(state["wait_for"])
	for {
		entries, err := os.ReadDir(shelf)
		if err != nil {
			return refused(problem("", "The shelf could not be listed", err.Error()))
		}
		names := []tftypes.Value{}
		arrived := wanted == ""
		for _, entry := range entries {
			arrived = arrived || entry.Name() == wanted
			if strings.HasSuffix(entry.Name(), text(state["suffix"])) {
				names = append(names, tftypes.NewValue(tftypes.String, entry.Name()))
			}
		}
		if arrived {
			state["names"] = tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, names)
			value, err := encode(state, listingSchema)
			return &tfprotov6.ReadDataSourceResponse{State: value}, err
		}
		select {
		case <-ctx.Done():
			return refused(problem("wait_for", "The wait was interrupted", wanted+" had not come."))
		case <-time.After(pollInterval):
		}
	}
}
