//! Signing in to the service behind a connector, with OAuth 2.
