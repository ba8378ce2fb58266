//! The state of a plugin, a connector, a run or a call, as a word with a shape.

/// A word and how it is shown. Templates draw it with the macro `state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// For people.
    pub(crate) word: String,
    /// `good` (a disc), `busy` (half a disc), `warn` (a diamond), `bad` (a triangle) or
    /// `idle` (a ring).
    pub(crate) tone: &'static str,
}

impl Mark {
    /// Any word of the API's that says a state.
    pub(crate) fn of(word: &str) -> Mark {
        let tone = match word {
            "ready" | "idle" | "ok" | "succeeded" | "enabled" | "loaded" | "valid" | "envelope"
            | "program" => "good",
            "busy" | "starting" | "restarting" | "running" | "stopping" | "checking" => "busy",
            "skipped" | "stopped early" | "unverifiable" | "cancelled" => "warn",
            "failed" | "unusable" | "resting" | "operation_error" | "transport_error"
            | "deadline" | "refused" | "INVALID" | "compensated" | "timed_out" => "bad",
            _ => "idle",
        };
        Mark {
            word: word.replace('_', " "),
            tone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_known_is_shown_all_the_same() {
        assert_eq!(Mark::of("ready").tone, "good");
        assert_eq!(Mark::of("operation_error").word, "operation error");
        assert_eq!(Mark::of("a new state").tone, "idle");
    }
}
