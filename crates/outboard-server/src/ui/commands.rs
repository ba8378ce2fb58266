//! What a form asks for as commands to copy: with `curl`, and with `outboard`.
//!
//! The commands are for a POSIX shell. The token is `$TOKEN`, never the real one, and each
//! secret that was typed is a variable of its own name.

use serde_json::{Map, Value};

use super::form::Field;

/// A text as one word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:,=+@%".contains(character);
    // A `-` would begin a flag, and `~` and `=` are looked at at the beginning.
    let safe =
        text.starts_with(|first: char| first.is_ascii_alphanumeric() || "/.".contains(first));
    if safe && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// In single quotes whatever it is: JSON is easier to read and to edit so.
fn quoted_json(json: &Value) -> String {
    format!("'{}'", json.to_string().replace('\'', r"'\''"))
}

/// A character for private use that a secret's place begins and ends with until the
/// quotes are set.
const MARK: char = '\u{10FFFD}';

fn marker(key: &str) -> String {
    format!("{MARK}{}{MARK}", variable(key))
}

/// The input without what was typed as secrets.
fn without_secrets(input: &Map<String, Value>, secrets: &[&str]) -> Value {
    let shown = input.iter().map(|(key, value)| {
        let value = match secrets.contains(&key.as_str()) {
            true => Value::String(marker(key)),
            false => value.clone(),
        };
        (key.clone(), value)
    });
    Value::Object(shown.collect())
}

/// Puts variables where secrets were.
fn with_variables(quoted: &str, secrets: &[&str]) -> String {
    secrets.iter().fold(quoted.to_owned(), |text, key| {
        // Out of the single quotes, into double ones, and back.
        text.replace(&marker(key), &format!("'\"${}\"'", variable(key)))
    })
}

/// A name for an environment variable.
fn variable(key: &str) -> String {
    let mut name: String = key
        .chars()
        .map(|character| match character.is_ascii_alphanumeric() {
            true => character.to_ascii_uppercase(),
            false => '_',
        })
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_uppercase()) {
        name.insert_str(0, "SECRET_");
    }
    name
}

/// A call of an operation.
pub(crate) struct OperationCall<'a> {
    /// Where the server is, such as `http://127.0.0.1:7400`.
    pub(crate) base: &'a str,
    /// `connector`, `tool` or `job`.
    pub(crate) kind: &'a str,
    pub(crate) key: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) instance: Option<&'a str>,
    pub(crate) input: &'a Map<String, Value>,
    pub(crate) fields: &'a [Field],
    pub(crate) confirm: bool,
}

impl OperationCall<'_> {
    fn secrets(&self) -> Vec<&str> {
        let secret = self.fields.iter().filter(|field| field.secret);
        secret.map(|field| field.key.as_str()).collect()
    }

    /// With `curl`.
    pub(crate) fn curl(&self) -> String {
        let secrets = self.secrets();
        let mut body = Map::new();
        body.insert("input".to_owned(), without_secrets(self.input, &secrets));
        if let Some(instance) = self.instance {
            body.insert("instance".to_owned(), instance.into());
        }
        if self.confirm {
            body.insert("confirm".to_owned(), true.into());
        }
        let body = with_variables(&quoted_json(&Value::Object(body)), &secrets);
        let address = format!(
            "{}/api/v1/connectors/{}/operations/{}",
            self.base,
            in_path(self.key),
            in_path(self.operation)
        );
        curl(&body, &address)
    }

    /// With `outboard`.
    pub(crate) fn cli(&self) -> String {
        let secrets = self.secrets();
        let input = quoted_json(&without_secrets(self.input, &secrets));
        let mut command = format!(
            "outboard {} call {} {} --input {}",
            quoted(self.kind),
            quoted(self.key),
            quoted(self.operation),
            with_variables(&input, &secrets)
        );
        if let Some(instance) = self.instance {
            command.push_str(" --instance ");
            command.push_str(&quoted(instance));
        }
        if self.confirm {
            command.push_str(" --yes");
        }
        command
    }
}

/// A run of a pipeline with `curl`. `input` is any JSON.
pub(crate) fn curl_of_run(base: &str, pipeline: &str, input: &Value) -> String {
    let address = format!("{base}/api/v1/pipelines/{}/run", in_path(pipeline));
    curl(&quoted_json(input), &address)
}

/// A run of a pipeline with `outboard`. It runs the file by itself, without the server.
pub(crate) fn cli_of_run(pipeline: &str, input: &Value) -> String {
    format!(
        "outboard run workflow.yaml --pipeline {} --input {}",
        quoted(pipeline),
        quoted_json(input)
    )
}

fn curl(body: &str, address: &str) -> String {
    format!(
        "curl -H \"Authorization: Bearer $TOKEN\" -d {body} {}",
        quoted(address)
    )
}

/// A text as one segment of a path.
pub(crate) fn in_path(segment: &str) -> String {
    let mut path = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            // A segment of dots alone would be a step up.
            b'.' if segment.bytes().any(|byte| byte != b'.') => path.push('.'),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::form::fields_of_schema;
    use serde_json::json;
    use std::process::Command;

    /// What a shell makes of a command whose program is `printf '%s\n'`.
    fn words(command: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("printf '%s\\0' {command}"))
            .envs(variables.iter().copied())
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{command}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn whatever_a_text_is_a_shell_takes_it_as_one_word() {
        for text in [
            "",
            "plain",
            "a b",
            "it's",
            "'",
            "''",
            "\"$HOME\"",
            "`id`",
            "$(id)",
            "a\nb",
            "a\\",
            "*",
            "~",
            "-x",
            "=ls",
            "ä🌦",
            "a;b&c|d>e",
            "!",
            "#",
            "{a,b}",
            "\t",
        ] {
            assert_eq!(words(&quoted(text), &[]), [text], "{text:?}");
        }
        assert_eq!(quoted("http://127.0.0.1:7400/a"), "http://127.0.0.1:7400/a");
    }

    fn call<'a>(
        input: &'a Map<String, Value>,
        fields: &'a [Field],
        instance: Option<&'a str>,
    ) -> OperationCall<'a> {
        OperationCall {
            base: "http://127.0.0.1:7400",
            kind: "connector",
            key: "weather",
            operation: "forecast",
            instance,
            input,
            fields,
            confirm: instance.is_some(),
        }
    }

    #[test]
    fn both_commands_carry_the_input_through_a_shell_unchanged() {
        let input = json!({ "text": "it's \"so\"\n$HOME `id` \\ \u{10FFFD}", "n": 1.5 });
        let object = input.as_object().expect("an object");
        let call = call(object, &[], Some("o'brien"));
        let curl = words(&call.curl(), &[("TOKEN", "t")]);
        assert_eq!(curl[..4], ["curl", "-H", "Authorization: Bearer t", "-d"]);
        let body: Value = serde_json::from_str(&curl[4]).expect("JSON");
        assert_eq!(
            body,
            json!({ "input": input, "instance": "o'brien", "confirm": true })
        );
        assert_eq!(
            curl[5],
            "http://127.0.0.1:7400/api/v1/connectors/weather/operations/forecast"
        );
        let cli = words(&call.cli(), &[]);
        assert_eq!(
            cli[..6],
            [
                "outboard",
                "connector",
                "call",
                "weather",
                "forecast",
                "--input"
            ]
        );
        assert_eq!(serde_json::from_str::<Value>(&cli[6]).expect("JSON"), input);
        assert_eq!(cli[7..], ["--instance", "o'brien", "--yes"]);
    }

    #[test]
    fn secrets_are_variables_and_never_what_was_typed() {
        let fields = fields_of_schema(&json!({
            "properties": {
                "api-key": { "type": "string", "writeOnly": true },
                "1st": { "type": "string", "writeOnly": true },
                "city": { "type": "string" },
            },
        }));
        let input = json!({ "api-key": "hunter2", "1st": "hunter3", "city": "Bern" });
        let object = input.as_object().expect("an object");
        let call = call(object, &fields, None);
        for command in [call.curl(), call.cli()] {
            assert!(!command.contains("hunter"), "{command}");
            assert!(
                command.contains("$API_KEY") && command.contains("$SECRET_1ST"),
                "{command}"
            );
            let given = [("API_KEY", "k e y"), ("SECRET_1ST", "two"), ("TOKEN", "t")];
            let expanded = words(&command, &given).join("\n");
            assert!(expanded.contains(r#""api-key":"k e y""#), "{expanded}");
        }
    }

    #[test]
    fn a_run_is_a_command_too() {
        let input = json!({ "name": "it's" });
        let curl = words(
            &curl_of_run("http://h:1", "a b/../c", &input),
            &[("TOKEN", "t")],
        );
        assert_eq!(curl[4], r#"{"name":"it's"}"#);
        assert_eq!(curl[5], "http://h:1/api/v1/pipelines/a%20b%2F..%2Fc/run");
        let cli = words(&cli_of_run("a b", &input), &[]);
        assert_eq!(
            cli[3..],
            ["--pipeline", "a b", "--input", r#"{"name":"it's"}"#]
        );
    }

    #[test]
    fn a_segment_of_a_path_leads_nowhere_else() {
        for (segment, path) in [
            ("a-b_c.d~9", "a-b_c.d~9"),
            ("..", "%2E%2E"),
            (".", "%2E"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(in_path(segment), path);
        }
    }
}
