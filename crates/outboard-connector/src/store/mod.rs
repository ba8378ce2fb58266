//! What is installed: versions side by side, one of them current.
