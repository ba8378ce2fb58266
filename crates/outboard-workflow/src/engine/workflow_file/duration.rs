//! Durations as people write them: `250ms`, `30s`, `5m`, `1h30m`.

use std::time::Duration;

use jiff::SignedDuration;

/// Longer than this is a mistake, or should be written down elsewhere: 366 days.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Reads a duration that is longer than zero.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let example = "write a number and a unit, such as 250ms, 30s, 5m or 1h30m";
    let starts_well = text.starts_with(|character: char| character.is_ascii_digit());
    let duration: SignedDuration = text
        .parse()
        .ok()
        .filter(|_| starts_well)
        .ok_or_else(|| format!("{text:?} is no duration; {example}"))?;
    match Duration::try_from(duration) {
        Ok(duration) if duration.is_zero() => Err("a duration must be longer than zero".to_owned()),
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) => Err("a duration cannot be longer than 366 days".to_owned()),
        Err(_) => Err(format!("{text:?} is no duration; {example}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn the_common_ways_to_write_a_duration_are_understood() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
        ] {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in [
            "",
            "soon",
            "-5s",
            "0s",
            "5",
            "5 parsecs",
            "9999999h",
            "PT5S",
            "5s ago",
        ] {
            assert!(parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(parse("30").unwrap_err().contains("30s"));
    }
}
