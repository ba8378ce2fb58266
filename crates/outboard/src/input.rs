//! Arguments that are a text, `@FILE`, or `-` for standard input.

use std::{fs::File, io::Read};

use serde_json::Value;

use crate::error::{CliError, Exit};

/// The most that is read, in bytes.
const MAX_INPUT: u64 = 64 * 1024 * 1024;

/// What an argument stands for. `flag` names it in errors.
pub(crate) fn text(argument: &str, flag: &str) -> Result<String, CliError> {
    let read = |from: &mut dyn Read, what: &str| {
        let mut text = String::new();
        from.take(MAX_INPUT + 1)
            .read_to_string(&mut text)
            .map_err(|error| CliError::usage(format!("{flag}: cannot read {what}: {error}")))?;
        if text.len() as u64 > MAX_INPUT {
            let message = format!("{flag}: {what} has more than {MAX_INPUT} bytes");
            return Err(CliError::failed("too_large", message));
        }
        Ok(text)
    };
    if argument == "-" {
        return read(&mut std::io::stdin(), "standard input");
    }
    let Some(path) = argument.strip_prefix('@') else {
        return Ok(argument.to_owned());
    };
    let mut file = File::open(path).map_err(|error| {
        let message = format!("{flag}: cannot read {path}: {error}");
        CliError::new(Exit::NotFound, "file", message)
    })?;
    read(&mut file, path)
}

/// The same as JSON.
pub(crate) fn json(argument: &str, flag: &str) -> Result<Value, CliError> {
    serde_json::from_str(&text(argument, flag)?).map_err(|error| {
        CliError::usage(format!("{flag} is no JSON: {error}"))
            .hint(format!("{flag} takes JSON, @FILE, or - for standard input"))
    })
}
