//! Ctrl-C and its relatives, noticed instead of obeyed: the demo has a server to
//! stop and a directory to remove first.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::Result;

/// How often the demo was asked to end.
#[derive(Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// Takes the signals over for the rest of the process's life.
    pub(super) fn listen() -> io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        let count = interrupt.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for _ in signals.forever() {
                    count.0.fetch_add(1, Ordering::SeqCst);
                }
            })?;
        Ok(interrupt)
    }

    /// How often somebody has asked so far.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// # Errors
    ///
    /// When somebody has asked.
    pub(super) fn check(&self) -> Result {
        match self.count() {
            0 => Ok(()),
            _ => Err("interrupted".into()),
        }
    }
}
