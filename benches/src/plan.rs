//! What is measured: how often, between whom, and which figures come out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What one run of the program does.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) rounds: u32,
    pub(crate) amounts: Amounts,
    /// A part of the names of the only rows that are wanted, in lower case.
    pub(crate) only: Option<String>,
    /// Whether the figures go into `docs/benchmarks.md`.
    pub(crate) publish: bool,
}

/// Counts for one round of one pair; zero leaves a measurement out.
#[derive(Debug, Clone)]
pub(crate) struct Amounts {
    /// Calls before anything is measured.
    pub(crate) warmup: usize,
    /// Calls one after the other.
    pub(crate) unary: usize,
    /// Callers at once, and the calls that they make together.
    pub(crate) callers: usize,
    pub(crate) calls: usize,
    /// Fresh starts.
    pub(crate) starts: usize,
    /// Streams in each direction, and what is in each of them.
    pub(crate) streams: usize,
    pub(crate) chunks: usize,
    pub(crate) chunk_size: usize,
    /// Brokered connections, and the calls on one of them.
    pub(crate) dials: usize,
    pub(crate) brokered: usize,
}

const FULL: Amounts = Amounts {
    warmup: 1_000,
    unary: 3_000,
    callers: 64,
    calls: 16_000,
    starts: 5,
    streams: 2,
    chunks: 64,
    chunk_size: 1024 * 1024,
    dials: 11,
    brokered: 2_000,
};

const QUICK: Amounts = Amounts {
    warmup: 200,
    unary: 1_000,
    calls: 6_400,
    starts: 3,
    streams: 1,
    dials: 5,
    brokered: 500,
    ..FULL
};

impl Plan {
    /// Reads the program's arguments.
    pub(crate) fn parse(arguments: &[String]) -> Option<Plan> {
        let (mut quick, mut rounds, mut only, mut publish) = (false, None, None, false);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => quick = true,
                "--publish" => publish = true,
                "--rounds" => {
                    let number = arguments.next()?.parse().ok();
                    rounds = Some(number.filter(|rounds: &u32| *rounds > 0)?);
                }
                "--only" => only = Some(arguments.next()?.to_lowercase()),
                _ => return None,
            }
        }
        // Only whole runs are for other people's eyes.
        if publish && (quick || only.is_some()) {
            return None;
        }
        Some(Plan {
            rounds: rounds.unwrap_or(if quick { 3 } else { 7 }),
            amounts: if quick { QUICK } else { FULL },
            only,
            publish,
        })
    }
}

impl Amounts {
    /// The same, without what none of these figures needs.
    pub(crate) fn only(&self, figures: &BTreeSet<Figure>) -> Amounts {
        let needed = |amount, by: &[Figure]| match by.iter().any(|by| figures.contains(by)) {
            true => amount,
            false => 0,
        };
        use Figure::{
            BrokeredDialMs, BrokeredP50Us, CallsPerSecond, DownMibPerSecond, RssMib, StartMs,
            StopMs, UnaryP50Us, UnaryP99Us, UpMibPerSecond,
        };
        Amounts {
            unary: needed(self.unary, &[UnaryP50Us, UnaryP99Us]),
            calls: needed(self.calls, &[CallsPerSecond, RssMib]),
            starts: needed(self.starts, &[StartMs, StopMs]),
            streams: needed(self.streams, &[DownMibPerSecond, UpMibPerSecond]),
            dials: needed(self.dials, &[BrokeredDialMs]),
            brokered: needed(self.brokered, &[BrokeredP50Us]),
            ..self.clone()
        }
    }
}

/// A host and a plugin, and how they are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) host: Maker,
    pub(crate) plugin: Maker,
    pub(crate) program: Program,
    pub(crate) wire: Wire,
    pub(crate) multiplexed: bool,
    /// What our host runs on.
    pub(crate) caller: Caller,
}

/// Who made an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Maker {
    Us,
    Go,
}

/// Which plugin it is; either maker has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    /// A plugin of the workflow family with a step that echoes.
    Kitchen,
    /// A plugin of the workflow family that does as little as can be.
    Hello,
    /// The service of `proto/bench`.
    Bench,
    /// The connector of the shared list of cases, called through our pool where the host
    /// is ours.
    Connector,
}

/// How connections are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wire {
    Plain,
    AutoMtls,
}

/// The runtime that a caller of ours lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// One thread for the caller and the connection.
    CurrentThread,
    /// Two worker threads, with the caller spawned on one of them.
    MultiThread,
}

/// Something that one measurement of a pair gives; `go-bench` prints the same
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    UnaryP50Us,
    UnaryP99Us,
    CallsPerSecond,
    /// From nothing to the first answer, and from the wish to stop to the end.
    StartMs,
    StopMs,
    /// The plugin's, after all those calls.
    RssMib,
    /// From the plugin to the host, and back.
    DownMibPerSecond,
    UpMibPerSecond,
    /// From the plugin's wish to dial to the answer of the host's service.
    BrokeredDialMs,
    BrokeredP50Us,
}

/// Something that only our host is asked for, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Own {
    /// A list of a thousand installed connectors.
    Listed,
    /// A hundredth of the calls through a pool is slower.
    PooledP99,
    /// The same while another connector takes five seconds to start.
    PooledP99BesideSlowStart,
}

/// What one pair gave in one round.
pub(crate) type Figures = BTreeMap<Figure, f64>;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<Plan> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Plan::parse(&arguments)
    }

    #[test]
    fn what_is_published_is_a_whole_run() {
        assert!(parsed("--publish").is_some_and(|plan| plan.publish));
        assert!(parsed("--publish --quick").is_none());
        assert!(parsed("--publish --only unary").is_none());
        assert!(parsed("--rounds 0").is_none());
        assert!(parsed("--only").is_none());
    }

    #[test]
    fn what_no_figure_needs_is_left_out() {
        let amounts = FULL.only(&BTreeSet::from([Figure::CallsPerSecond]));
        assert_eq!((amounts.unary, amounts.starts, amounts.streams), (0, 0, 0));
        assert_eq!(amounts.calls, FULL.calls);
    }

    #[test]
    fn figures_have_the_names_that_go_prints() {
        let json = r#"{"unary_p50_us": 1, "down_mib_per_second": 2, "brokered_dial_ms": 3}"#;
        let figures: Figures = serde_json::from_str(json).expect("figures");
        assert!(figures.contains_key(&Figure::UnaryP50Us));
        assert!(figures.contains_key(&Figure::DownMibPerSecond));
        assert!(figures.contains_key(&Figure::BrokeredDialMs));
        assert!(serde_json::from_str::<Figures>(r#"{"unknown": 1}"#).is_err());
    }
}
