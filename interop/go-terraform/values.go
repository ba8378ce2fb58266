package main

import (
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// object is a block's attributes by name; nil is the null object.
type object map[string]tftypes.Value

// decode takes a value apart that has the type of a schema.
func decode(value *tfprotov6.DynamicValue, schema *tfprotov6.Schema) (object, error) {
	if value == nil {
		return nil, nil
	}
	decoded, err := value.Unmarshal(schema.ValueType())
	if err != nil {
		return nil, err
	}
	if decoded.IsNull() {
		return nil, nil
	}
	if !decoded.IsKnown() {
		return nil, fmt.Errorf("a whole block is unknown")
	}
	var attributes map[string]tftypes.Value
	err = decoded.As(&attributes)
	return attributes, err
}

// encode is the opposite of decode.
func encode(attributes object, schema *tfprotov6.Schema) (*tfprotov6.DynamicValue, error) {
	var inner any
	if attributes != nil {
		inner = map[string]tftypes.Value(attributes)
	}
	kind := schema.ValueType()
	value, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, inner))
	return &value, err
}

// text is a known string, or nothing.
func text(value tftypes.Value) string {
	var found string
	if value.IsKnown() && !value.IsNull() {
		_ = value.As(&found)
	}
	return found
}

// truth is a known true.
func truth(value tftypes.Value) bool {
	var found bool
	if value.IsKnown() && !value.IsNull() {
		_ = value.As(&found)
	}
	return found
}

func number(value int) tftypes.Value {
	return tftypes.NewValue(tftypes.Number, new(big.Float).SetInt64(int64(value)))
}

// problem is an error about an attribute, or about none.
func problem(attribute, summary, detail string) *tfprotov6.Diagnostic {
	return diagnostic(tfprotov6.DiagnosticSeverityError, attribute, summary, detail)
}

func warning(attribute, summary, detail string) *tfprotov6.Diagnostic {
	return diagnostic(tfprotov6.DiagnosticSeverityWarning, attribute, summary, detail)
}

func diagnostic(severity tfprotov6.DiagnosticSeverity, attribute, summary, detail string) *tfprotov6.Diagnostic {
	made := &tfprotov6.Diagnostic{Severity: severity, Summary: summary, Detail: detail}
	if attribute != "" {
		made.Attribute = tftypes.NewAttributePath().WithAttributeName(attribute)
	}
	return made
}
