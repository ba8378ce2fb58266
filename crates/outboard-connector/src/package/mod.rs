//! Packages: a `plugin.json` and a program, as a directory or an archive.
