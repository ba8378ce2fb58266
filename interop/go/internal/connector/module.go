package connector

import (
	"context"
	"time"
)

// Module is what a connector says of itself. Its JSON has Go's field names but for a few
// keys; what runs an operation is no part of it.
type Module struct {
	Meta               Meta
	Configs            []Config
	Operations         []Category
	OAuth              *OAuth
	AllowSessionConfig bool
	DefaultAccess      Access
	// ResolveIdentity says whose access token it is; nil if there is nobody to ask.
	ResolveIdentity func(ctx context.Context, token string) (id, name string, err error) `json:"-"`
	// CheckPermissions says which operations the credentials permit; nil if it cannot tell.
	CheckPermissions func(ctx context.Context, creds map[string]string) ([]Permission, error) `json:"-"`
	// Detail is what a healthy connector adds to its answer.
	Detail string `json:"-"`
	// Unlisted are operations that run although the module does not say so: what a host
	// must survive, and no SDK would offer.
	Unlisted []Operation `json:"-"`
}

// Meta says who a connector is.
type Meta struct {
	Key, Name, Description, Icon string
	Fixed, LiveCatalog           bool
	DefaultTags                  []Tag
}

// Tag is a word that connectors are filed under.
type Tag struct {
	Name, Description           string
	IsGroup, IsFilter, IsSystem bool
	SortOrder                   int
}

// Config is a field that people fill in.
type Config struct {
	Owner, Key, Value, Type, Options          string
	IsSecret, CanRegenerate, Locked, Required bool
	Description                               string
	UpdatedAt                                 time.Time
	Hidden                                    bool              `json:"hidden,omitempty"`
	ColOptions                                map[string]string `json:"col_options,omitempty"`
	VisibleWhen                               string            `json:"visible_when,omitempty"`
	Group                                     string            `json:"group,omitempty"`
	Mode                                      string            `json:"mode,omitempty"`
	EnvOverride                               string            `json:"env_override,omitempty"`
}

// Category is operations under one heading.
type Category struct {
	Title, Description string
	Ops                []Operation
}

// Operation is something a connector can do.
type Operation struct {
	Key, Name, Description string
	Input                  []Config
	Destructive            bool
	Docs
	// Run answers a call; exactly one of Run and Stream is set.
	Run func(context.Context, Call) (any, error) `json:"-"`
	// Stream answers with messages of its own making, also to a call that does not stream.
	Stream func(context.Context, Call, Sender) error `json:"-"`
}

// Docs are an operation's words for people and models, among its own keys.
type Docs struct {
	OutputShape        map[string]string `json:"output_shape,omitempty"`
	TemplateableFields []string          `json:"templateable_fields,omitempty"`
	Quirks             []string          `json:"quirks,omitempty"`
	Examples           []Example         `json:"examples,omitempty"`
	PairWith           []string          `json:"pair_with,omitempty"`
	CommonPitfalls     []string          `json:"common_pitfalls,omitempty"`
	InputSample        string            `json:"input_sample,omitempty"`
	OutputSample       string            `json:"output_sample,omitempty"`
}

// Example is one input of an operation.
type Example struct {
	Name string `json:"name"`
	Body string `json:"body"`
}

// OAuth is how a user signs in.
type OAuth struct {
	AuthorizeURL, TokenURL string
	ExtraParams            map[string]string
	Scopes                 string
	DisplayName, Icon      string
}

// Access is what users may do.
type Access struct {
	EnableSSO, AllowOthersConnectSSO, MultiAccount, AllowOthersConfigure bool
}

// Call is what an operation gets.
type Call struct {
	Operation            string
	Args, Creds          map[string]string
	RequestID, SessionID string
}

// Permission is whether an operation is permitted.
type Permission struct {
	Key    string
	OK     bool
	Reason string
}

// operations are all of them by key; of two with one key the later one counts.
func (m *Module) operations() map[string]Operation {
	found := map[string]Operation{}
	for _, category := range m.Operations {
		for _, operation := range category.Ops {
			found[operation.Key] = operation
		}
	}
	for _, operation := range m.Unlisted {
		found[operation.Key] = operation
	}
	return found
}
