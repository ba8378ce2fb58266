package main

import (
	"context"
	"os"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// provider is the whole provider: what each call means is in the file of the thing
// that it is about. Calls come at the same time.
type provider struct {
	absent

	mutex     sync.Mutex
	directory string
}

var providerSchema = &tfprotov6.Schema{
	Block: &tfprotov6.SchemaBlock{
		Description: "Files on a shelf.",
		Attributes: []*tfprotov6.SchemaAttribute{{
			Name:        "directory",
			Type:        tftypes.String,
			Required:    true,
			Description: "An existing directory, in which the files are.",
		}},
	},
}

func (p *provider) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	return &tfprotov6.GetMetadataResponse{
		Resources:   []tfprotov6.ResourceMetadata{{TypeName: fileType}},
		DataSources: []tfprotov6.DataSourceMetadata{{TypeName: listingType}},
	}, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		Provider:          providerSchema,
		ResourceSchemas:   map[string]*tfprotov6.Schema{fileType: fileSchema},
		DataSourceSchemas: map[string]*tfprotov6.Schema{listingType: listingSchema},
	}, nil
}

func (p *provider) ValidateProviderConfig(_ context.Context, request *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (p *provider) ConfigureProvider(_ context.Context, request *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	config, err := decode(request.Config, providerSchema)
	if err != nil {
		return nil, err
	}
	directory := text(config["directory"])
	if found, err := os.Stat(directory); err != nil || !found.IsDir() {
		return &tfprotov6.ConfigureProviderResponse{Diagnostics: []*tfprotov6.Diagnostic{
			problem("directory", "There is no such shelf", directory+" is not a directory."),
		}}, nil
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.directory = directory
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

// StopProvider is about calls that run: tf6server cancels their contexts by itself.
func (p *provider) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

// shelf is the configured directory, or why there is none.
func (p *provider) shelf() (string, *tfprotov6.Diagnostic) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.directory == "" {
		return "", problem("", "The provider is not configured", "Call ConfigureProvider first.")
	}
	return p.directory, nil
}
