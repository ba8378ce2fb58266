//! How much is measured, and what comes out of it, on either side.

use serde::Deserialize;

/// Counts for one round of one pair.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) rounds: u32,
    /// Calls before anything is measured.
    pub(crate) warmup: usize,
    /// Calls one after the other.
    pub(crate) unary: usize,
    /// Callers at once, and the calls that they make together.
    pub(crate) callers: usize,
    pub(crate) calls: usize,
    /// Fresh starts.
    pub(crate) starts: usize,
}

impl Plan {
    /// Reads the program's arguments.
    pub(crate) fn parse(arguments: &[String]) -> Option<Plan> {
        let mut plan = Plan {
            rounds: 7,
            warmup: 2_000,
            unary: 10_000,
            callers: 64,
            calls: 64_000,
            starts: 7,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => {
                    plan = Plan {
                        rounds: 3,
                        warmup: 500,
                        unary: 2_000,
                        calls: 12_800,
                        starts: 3,
                        ..plan
                    };
                }
                "--rounds" => {
                    plan.rounds = arguments
                        .next()?
                        .parse()
                        .ok()
                        .filter(|rounds| *rounds > 0)?;
                }
                _ => return None,
            }
        }
        Some(plan)
    }
}

/// What one pair of host and plugin gave in one round; `go-bench` prints the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Figures {
    pub(crate) unary_p50_us: f64,
    pub(crate) unary_p99_us: f64,
    pub(crate) calls_per_second: f64,
    /// From nothing to the first answer, and from the wish to stop to the end.
    pub(crate) start_ms: f64,
    pub(crate) kill_ms: f64,
    /// The plugin's, after all those calls.
    pub(crate) rss_kib: f64,
}
