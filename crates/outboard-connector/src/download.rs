//! Fetching files over HTTP, within limits.
