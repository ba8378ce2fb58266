//! What every parser must keep to whatever it is given: one target for each,
//! fed from a corpus by a test, and by libFuzzer where that is installed.

mod corpus;
mod mutate;
mod targets;

pub use self::{corpus::corpus, mutate::Mutator, targets::TARGETS};

/// One parser and its promises.
#[derive(Debug)]
pub struct Target {
    /// Its name, which is also that of its corpus.
    pub name: &'static str,
    /// Gives it some bytes; panics if it breaks a promise.
    pub run: fn(&[u8]),
    /// Words that its input is made of.
    pub words: &'static [&'static str],
    /// How many made-up inputs an ordinary test run gives it: what takes about a
    /// second.
    pub rounds: u32,
}

/// Gives one target some bytes.
///
/// # Panics
///
/// If the target breaks a promise, or there is none of this name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let Some(target) = target else {
        panic!("there is no target {name:?}");
    };
    (target.run)(bytes);
}
