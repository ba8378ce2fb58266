//! What the rounds gave, for the rows that are wanted and no others.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Failure, go, ours,
    plan::{Amounts, Figure, Figures, Maker, Own, Pair, Program},
    programs::{Programs, megabytes},
    raw,
    report::{Beside, median_of},
    rows::{Row, Source},
};

pub(crate) struct Rounds {
    /// Each pair in the order in which rows first need it, so that ours and Go's
    /// are measured one after the other.
    wanted: Vec<(Pair, BTreeSet<Figure>)>,
    raw_wanted: bool,
    own_wanted: BTreeSet<Own>,
    pairs: BTreeMap<(Pair, Figure), Vec<f64>>,
    raw_micros: Vec<f64>,
    own: BTreeMap<Own, Vec<f64>>,
}

impl Rounds {
    /// What these rows need, and nothing measured yet.
    pub(crate) fn of(rows: &[Row]) -> Rounds {
        let mut rounds = Rounds {
            wanted: Vec::new(),
            raw_wanted: false,
            own_wanted: BTreeSet::new(),
            pairs: BTreeMap::new(),
            raw_micros: Vec::new(),
            own: BTreeMap::new(),
        };
        let sources = rows.iter().flat_map(|row| match row.beside {
            Beside::Go(other) | Beside::Baseline(other) => vec![row.ours, other],
            Beside::Nothing => vec![row.ours],
        });
        for source in sources {
            match source {
                Source::Measured(pair, figure) => rounds.want(pair, figure),
                Source::TimesRaw(pair) => {
                    rounds.want(pair, Figure::UnaryP50Us);
                    rounds.raw_wanted = true;
                }
                Source::HelloSize(_) => {}
                Source::Own(own) => drop(rounds.own_wanted.insert(own)),
            }
        }
        rounds
    }

    fn want(&mut self, pair: Pair, figure: Figure) {
        match self.wanted.iter_mut().find(|(known, _)| *known == pair) {
            Some((_, figures)) => drop(figures.insert(figure)),
            None => self.wanted.push((pair, BTreeSet::from([figure]))),
        }
    }

    /// One round: everything once.
    pub(crate) fn measure(
        &mut self,
        amounts: &Amounts,
        programs: &Programs,
    ) -> Result<(), Failure> {
        if self.raw_wanted {
            self.raw_micros.push(raw::measure(amounts.unary)?);
        }
        for (pair, wanted) in &self.wanted {
            let measured = measure(&amounts.only(wanted), *pair, programs)
                .map_err(|error| format!("{pair:?}: {error}"))?;
            for figure in wanted {
                let value = measured
                    .get(figure)
                    .ok_or_else(|| format!("{pair:?} gave no {figure:?}"))?;
                self.pairs.entry((*pair, *figure)).or_default().push(*value);
            }
        }
        for (own, value) in ours::alone(amounts, &self.own_wanted, programs)? {
            self.own.entry(own).or_default().push(value);
        }
        Ok(())
    }

    /// The figure of a row, over all rounds.
    pub(crate) fn figure(&self, source: Source, programs: &Programs) -> Result<f64, Failure> {
        let median = |values: Option<&Vec<f64>>| match values {
            Some(values) if !values.is_empty() => Ok(median_of(values.iter().copied())),
            _ => Err("it was not measured"),
        };
        let figure = match source {
            Source::Measured(pair, figure) => median(self.pairs.get(&(pair, figure)))?,
            Source::TimesRaw(pair) => {
                let raw = median(Some(&self.raw_micros))?;
                median(self.pairs.get(&(pair, Figure::UnaryP50Us)))? / raw
            }
            Source::Own(own) => median(self.own.get(&own))?,
            Source::HelloSize(maker) => megabytes(programs.plugin(Program::Hello, maker))?,
        };
        match figure.is_finite() && figure > 0.0 {
            true => Ok(figure),
            false => Err(format!("{figure} is no figure").into()),
        }
    }
}

fn measure(amounts: &Amounts, pair: Pair, programs: &Programs) -> Result<Figures, Failure> {
    let plugin = programs.plugin(pair.program, pair.plugin);
    match pair.host {
        Maker::Us => ours::measure(amounts, pair, plugin),
        Maker::Go => go::measure(amounts, pair, &programs.go_bench, plugin),
    }
}
