//! Host side of the workflow plugin family, with a small engine.
