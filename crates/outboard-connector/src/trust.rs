//! Which signatures are asked for, and whose are trusted.
