//! What is called on a running connector.
