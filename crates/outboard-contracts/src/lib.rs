//! What crosses a boundary in Outboard: messages, manifests, names and versions.
