//! What a plugin writes to standard error: it becomes the same lines however it
//! is cut, each of them bounded and harmless.

use outboard_go_plugin::host::{LogSource, PluginLog};

type Line = (String, Option<String>, Option<String>, Option<String>);

pub(super) fn run(bytes: &[u8]) {
    let whole = lines(&[bytes], LogSource::Stderr);
    // Cut at a place that depends on the input, so that the search finds all.
    let cut = bytes
        .first()
        .map_or(0, |first| usize::from(*first) % bytes.len());
    let (head, tail) = bytes.split_at(cut);
    assert_eq!(lines(&[head, tail], LogSource::Stderr), whole);
    let printed = lines(&[bytes], LogSource::Stdout);
    assert_eq!(printed.len(), whole.len());
}

fn lines(pieces: &[&[u8]], source: LogSource) -> Vec<Line> {
    let log = PluginLog::new("fuzzed");
    let mut writer = log.writer(1, source);
    for piece in pieces {
        writer.write(piece);
    }
    drop(writer);
    let lines = log.recent().into_iter().map(|line| {
        harmless(&line.message);
        for text in [&line.module, &line.timestamp].into_iter().flatten() {
            harmless(text);
        }
        if let Some(fields) = &line.fields {
            harmless(fields);
            let fields: serde_json::Value = serde_json::from_str(fields)
                .unwrap_or_else(|error| panic!("{error} in the fields {fields:?}"));
            assert!(fields.is_object());
        }
        let level = line.level.as_str();
        let message = format!("{level} {}", line.message);
        (message, line.module, line.timestamp, line.fields)
    });
    lines.collect()
}

fn harmless(text: &str) {
    let steers = |character: char| {
        (character.is_control() && character != '\t')
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(steers), "{text:?}");
    assert!(text.len() < 3000, "{} bytes", text.len());
}
