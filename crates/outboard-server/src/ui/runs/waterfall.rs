//! Where in a run's time each of its steps stands, as bars.
//!
//! ```text
//! read   ██▌
//! check     ▎
//! save       ████████████
//!        0                3.2 s
//! ```

use std::time::Duration;

use super::super::format::duration;

/// How wide the drawing of a whole run is, in its own units.
pub(super) const WIDTH: u32 = 1000;
/// The least that is still seen.
const LEAST: u32 = 6;

/// The bar of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: u32,
    pub(super) width: u32,
    /// The same in words.
    pub(super) words: String,
}

impl Bar {
    /// The bar of what began `offset` after the run and took `took`, where the run took
    /// `whole`.
    pub(super) fn new(offset: Duration, took: Duration, whole: Duration) -> Bar {
        let whole = whole.max(offset + took);
        let place = |at: Duration| match whole.is_zero() {
            true => 0,
            false => {
                let place = at.as_secs_f64() / whole.as_secs_f64() * f64::from(WIDTH);
                // It is between zero and the width, whatever the clocks say.
                place.round().clamp(0.0, f64::from(WIDTH)) as u32
            }
        };
        let x = place(offset).min(WIDTH - LEAST);
        let width = place(offset + took).saturating_sub(x).max(LEAST);
        Bar {
            x,
            width,
            words: format!("after {}, for {}", duration(offset), duration(took)),
        }
    }
}

/// How long the drawing is: the run, and what was undone after it.
pub(super) fn whole(run: Duration, steps: impl Iterator<Item = (Duration, Duration)>) -> Duration {
    let ends = steps.map(|(offset, took)| offset + took);
    ends.fold(run, Duration::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_bar_stands_where_its_step_stood_in_the_run() {
        let bar = Bar::new(ms(250), ms(500), ms(1000));
        assert_eq!((bar.x, bar.width), (250, 500));
        assert_eq!(bar.words, "after 250 ms, for 500 ms");
    }

    #[test]
    fn what_took_no_time_is_seen_all_the_same_and_nothing_leaves_the_drawing() {
        for (offset, took, whole) in [
            (0, 0, 0),
            (0, 0, 1000),
            (1000, 0, 1000),
            (999, 1, 1000),
            (0, 1000, 1000),
            (900, 500, 1000),
        ] {
            let bar = Bar::new(ms(offset), ms(took), ms(whole));
            assert!(bar.width >= LEAST, "{bar:?}");
            assert!(bar.x + bar.width <= WIDTH, "{bar:?}");
        }
    }

    #[test]
    fn what_is_undone_after_the_run_has_room() {
        let steps = [(ms(0), ms(10)), (ms(95), ms(20))];
        assert_eq!(whole(ms(100), steps.into_iter()), ms(115));
        assert_eq!(whole(ms(100), std::iter::empty()), ms(100));
    }
}
