//go:build goplugin_1_4_3

package contract

import (
	"errors"

	"github.com/hashicorp/go-plugin"
)

type pingPong struct{}

// Panicking is the part of the test service that this version does not have.
type Panicking struct{}

// Multiplex is what this version cannot do.
func Multiplex(*plugin.ClientConfig) error {
	return errors.New("this version of go-plugin has no multiplexed broker")
}
