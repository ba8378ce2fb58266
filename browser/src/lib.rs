//! The server's pages in a real browser: a Chromium without a window, driven through
//! ChromeDriver, looks at a real `outboard serve` with real plugins.
//!
//! All of it is in `tests/it`: this library is empty, so that nothing of it is compiled
//! but for tests. `tests/it/pages.rs` lists the pages; each that stands there is looked at
//! for accessibility, weight, its Content-Security-Policy and strangers' hosts, in light
//! and dark, wide and narrow, and is photographed. The other files are each about one thing
//! that people do.
//!
//! Chromium, ChromeDriver and `axe.min.js` are tools of the machine, not dependencies:
//! where one is missing, its tests say `skipped`, and with `OUTBOARD_BROWSER=require` they
//! fail.
