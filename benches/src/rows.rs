//! All rows: what each is called, where its two figures come from, and what is
//! to be reached.

use crate::{
    plan::{Caller, Figure, Maker, Own, Pair, Program, Wire},
    report::{Beside, Goal},
};

/// A row before anything is measured.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Source,
    pub(crate) beside: Beside<Source>,
    pub(crate) goal: Option<Goal>,
}

/// Where a figure comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// The median of what the rounds gave.
    Measured(Pair, Figure),
    /// A median call, in units of a round trip on the raw socket.
    TimesRaw(Pair),
    /// The size of a maker's smallest plugin.
    HelloSize(Maker),
    /// Ours alone.
    Own(Own),
}

/// The rows in the order in which they are shown.
pub(crate) fn all() -> Vec<Row> {
    let mut rows = Rows(Vec::new());
    for wire in [Wire::AutoMtls, Wire::Plain] {
        rows.calls(wire);
        rows.other_peers(wire);
        rows.streams(wire);
        rows.broker(wire);
    }
    rows.connectors();
    rows.footprint();
    rows.0
}

struct Rows(Vec<Row>);

impl Rows {
    fn add(
        &mut self,
        name: String,
        unit: &'static str,
        (ours, go): (Source, Source),
        goal: Option<Goal>,
    ) {
        self.0.push(Row {
            name,
            unit,
            ours,
            beside: Beside::Go(go),
            goal,
        });
    }

    /// Operations of a connector, each behind a lease of our pool, and what no Go host is
    /// measured for.
    fn connectors(&mut self) {
        let (ours, go) = pairs(Program::Connector, Wire::AutoMtls, false);
        let both = |figure| (Source::Measured(ours, figure), Source::Measured(go, figure));
        let half = Goal::ratio(Some(0.5), 0.35);
        let p50 = "execute p50".to_owned();
        self.add(p50, "us", both(Figure::UnaryP50Us), Some(half));
        let threefold = Goal::ratio(Some(3.0), 4.5);
        let many = "execute with 64 callers".to_owned();
        self.add(
            many,
            "calls/s",
            both(Figure::CallsPerSecond),
            Some(threefold),
        );
        let threefold = Goal::ratio(Some(3.0), 5.0);
        let long = "64 MiB result".to_owned();
        self.add(
            long,
            "MiB/s",
            both(Figure::DownMibPerSecond),
            Some(threefold),
        );
        self.own(
            "1,000 installed connectors listed",
            (Own::Listed, Beside::Nothing),
            Goal::at_most(50.0, 10.0),
        );
        self.own(
            "p99 of others while one plugin takes 5 s to start",
            (
                Own::PooledP99BesideSlowStart,
                Beside::Baseline(Source::Own(Own::PooledP99)),
            ),
            Goal::added(1.0, 0.1),
        );
    }

    fn own(&mut self, name: &str, (own, beside): (Own, Beside<Source>), goal: Goal) {
        self.0.push(Row {
            name: name.to_owned(),
            unit: "ms",
            ours: Source::Own(own),
            beside,
            goal: Some(goal),
        });
    }

    fn calls(&mut self, wire: Wire) {
        use Figure::{CallsPerSecond, StartMs, StopMs, UnaryP50Us, UnaryP99Us};
        let on = name_of(wire);
        let (ours, go) = pairs(Program::Kitchen, wire, false);
        let both = |figure| (Source::Measured(ours, figure), Source::Measured(go, figure));
        let goal = |goal| (wire == Wire::AutoMtls).then_some(goal);

        let p50 = format!("unary 100 B p50, {on}");
        let many = format!("64 callers, {on}");
        let half = Goal::ratio(Some(0.5), 0.35);
        self.add(p50.clone(), "us", both(UnaryP50Us), goal(half));
        let name = format!("unary 100 B p99, {on}");
        self.add(name, "us", both(UnaryP99Us), None);
        let threefold = Goal::ratio(Some(3.0), 4.5);
        self.add(
            many.clone(),
            "calls/s",
            both(CallsPerSecond),
            goal(threefold),
        );
        let eighth = Goal::ratio(Some(1.0 / 8.0), 1.0 / 15.0);
        let name = format!("start to first answer, {on}");
        self.add(name, "ms", both(StartMs), goal(eighth));
        self.add(format!("stop, {on}"), "ms", both(StopMs), None);
        self.add(
            format!("{p50}, as a multiple of the raw socket"),
            "x",
            (Source::TimesRaw(ours), Source::TimesRaw(go)),
            goal(Goal::ours(1.5)),
        );

        let threads = Pair {
            caller: Caller::MultiThread,
            ..ours
        };
        let against_go = |figure| {
            let threads = Source::Measured(threads, figure);
            (threads, Source::Measured(go, figure))
        };
        self.add(
            format!("{p50}, multi-thread caller"),
            "us",
            against_go(UnaryP50Us),
            goal(Goal::ratio(Some(0.8), 0.5)),
        );
        self.add(
            format!("{many}, multi-thread caller"),
            "calls/s",
            against_go(CallsPerSecond),
            goal(Goal::ratio(None, 2.5)),
        );
    }

    /// One end of ours and one of Go's, beside Go at both ends.
    fn other_peers(&mut self, wire: Wire) {
        use Figure::{CallsPerSecond, StartMs, UnaryP50Us};
        let on = name_of(wire);
        let (ours, go) = pairs(Program::Kitchen, wire, false);
        let goal = |goal| (wire == Wire::AutoMtls).then_some(goal);
        for (peers, pair) in [
            (
                "Go host, our plugin",
                Pair {
                    plugin: Maker::Us,
                    ..go
                },
            ),
            (
                "our host, Go plugin",
                Pair {
                    plugin: Maker::Go,
                    ..ours
                },
            ),
        ] {
            let both = |figure| (Source::Measured(pair, figure), Source::Measured(go, figure));
            let name = format!("unary 100 B p50, {on}, {peers}");
            let faster = Goal::ratio(Some(0.9), 0.65);
            self.add(name, "us", both(UnaryP50Us), goal(faster));
            let name = format!("64 callers, {on}, {peers}");
            let more = Goal::ratio(Some(1.2), 1.8);
            self.add(name, "calls/s", both(CallsPerSecond), goal(more));
            let name = format!("start to first answer, {on}, {peers}");
            self.add(name, "ms", both(StartMs), None);
        }
    }

    fn streams(&mut self, wire: Wire) {
        let on = name_of(wire);
        let (ours, go) = pairs(Program::Bench, wire, false);
        for (way, figure) in [
            ("down", Figure::DownMibPerSecond),
            ("up", Figure::UpMibPerSecond),
        ] {
            self.add(
                format!("64 MiB streamed {way}, {on}"),
                "MiB/s",
                (Source::Measured(ours, figure), Source::Measured(go, figure)),
                (wire == Wire::AutoMtls).then_some(Goal::ratio(Some(3.0), 5.0)),
            );
        }
    }

    /// The main connection of a multiplexed plugin, and brokered ones of either
    /// kind beside the main one.
    fn broker(&mut self, wire: Wire) {
        use Figure::{BrokeredDialMs, BrokeredP50Us, CallsPerSecond, UnaryP50Us};
        let on = name_of(wire);
        let (ours, go) = pairs(Program::Kitchen, wire, true);
        let both = |figure| (Source::Measured(ours, figure), Source::Measured(go, figure));
        let name = format!("unary 100 B p50, {on}, multiplexed");
        self.add(name, "us", both(UnaryP50Us), None);
        let name = format!("64 callers, {on}, multiplexed");
        self.add(name, "calls/s", both(CallsPerSecond), None);

        let (ours, go) = pairs(Program::Bench, wire, false);
        let main = |figure| (Source::Measured(ours, figure), Source::Measured(go, figure));
        let name = format!("echo 100 B p50, {on}");
        self.add(name, "us", main(UnaryP50Us), None);
        for (kind, multiplexed) in [("brokered", false), ("brokered and multiplexed", true)] {
            let (ours, go) = pairs(Program::Bench, wire, multiplexed);
            let both = |figure| (Source::Measured(ours, figure), Source::Measured(go, figure));
            let name = format!("echo 100 B p50, {on}, {kind}");
            self.add(name, "us", both(BrokeredP50Us), None);
            let name = format!("dial to first answer, {on}, {kind}");
            self.add(name, "ms", both(BrokeredDialMs), None);
        }
    }

    /// What a plugin takes on disk and in memory.
    fn footprint(&mut self) {
        let hello = |plugin| {
            let pair = Pair {
                host: Maker::Us,
                plugin,
                program: Program::Hello,
                wire: Wire::AutoMtls,
                multiplexed: false,
                caller: Caller::CurrentThread,
            };
            Source::Measured(pair, Figure::RssMib)
        };
        self.add(
            "plugin RSS".to_owned(),
            "MiB",
            (hello(Maker::Us), hello(Maker::Go)),
            Some(Goal::ratio(Some(1.0 / 4.0), 1.0 / 6.0)),
        );
        let (ours, go) = pairs(Program::Kitchen, Wire::AutoMtls, false);
        let after = |pair| Source::Measured(pair, Figure::RssMib);
        self.add(
            "plugin RSS, after the calls".to_owned(),
            "MiB",
            (after(ours), after(go)),
            None,
        );
        self.add(
            "hello plugin, stripped".to_owned(),
            "MB",
            (Source::HelloSize(Maker::Us), Source::HelloSize(Maker::Go)),
            Some(Goal::ratio(Some(1.0 / 4.0), 1.0 / 7.0)),
        );
    }
}

fn name_of(wire: Wire) -> &'static str {
    match wire {
        Wire::Plain => "plain",
        Wire::AutoMtls => "AutoMTLS",
    }
}

/// Ours at both ends, and Go's at both ends.
fn pairs(program: Program, wire: Wire, multiplexed: bool) -> (Pair, Pair) {
    let by = |maker| Pair {
        host: maker,
        plugin: maker,
        program,
        wire,
        multiplexed,
        caller: Caller::CurrentThread,
    };
    (by(Maker::Us), by(Maker::Go))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let rows = all();
        let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
        assert_eq!(names.len(), rows.len());
        assert!(names.contains(&"unary 100 B p50, AutoMTLS".to_owned()));
        assert!(names.contains(&"64 callers, plain, multi-thread caller".to_owned()));
    }

    #[test]
    fn what_is_compared_with_go_is_connected_in_the_same_way() {
        for row in all() {
            if let (Source::Measured(ours, figure), Beside::Go(Source::Measured(go, other))) =
                (row.ours, row.beside)
            {
                assert_eq!(figure, other, "{}", row.name);
                assert_eq!(ours.program, go.program, "{}", row.name);
                assert_eq!(ours.wire, go.wire, "{}", row.name);
                assert_eq!(ours.multiplexed, go.multiplexed, "{}", row.name);
                assert_eq!(go.plugin, Maker::Go, "{}", row.name);
            }
        }
    }
}
