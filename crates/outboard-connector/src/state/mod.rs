//! What is remembered: enabled or not, instances, calls.
