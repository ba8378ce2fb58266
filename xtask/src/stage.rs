//! Stages with a heading each, and what each one took.

use std::time::Instant;

use crate::Result;

/// Runs stages one after the other and remembers how long they took.
#[derive(Default)]
pub(crate) struct Stages {
    done: Vec<(String, f64)>,
}

impl Stages {
    /// Runs a stage.
    ///
    /// # Errors
    ///
    /// The stage's own, with its name.
    pub(crate) fn run(&mut self, name: &str, stage: impl FnOnce() -> Result) -> Result {
        eprintln!("\n==> {name}");
        let started = Instant::now();
        let outcome = stage();
        let seconds = started.elapsed().as_secs_f64();
        outcome
            .map_err(|error| format!("stage \"{name}\" failed after {seconds:.1} s: {error}"))?;
        self.done.push((name.to_owned(), seconds));
        Ok(())
    }

    /// Prints what each stage took.
    pub(crate) fn report(&self) {
        eprintln!();
        for (name, seconds) in &self.done {
            eprintln!("{seconds:8.1} s  {name}");
        }
        let total: f64 = self.done.iter().map(|(_, seconds)| seconds).sum();
        eprintln!("{total:8.1} s  in all");
    }
}
