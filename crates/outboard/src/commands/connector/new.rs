//! `outboard connector new`: a connector in Rust that builds, installs and answers as it is.

use std::path::PathBuf;

use outboard_contracts::connector::validate_key;
use serde_json::json;

use crate::{
    cli::connector::{KindWord, NewArgs},
    commands::plugin_new::{sdk, write},
    error::{CliError, Exit},
    output::{Output, line},
};

pub(super) fn run(arguments: &NewArgs, output: &Output) -> Result<(), CliError> {
    let key = &arguments.key;
    validate_key(key).map_err(|error| CliError::new(Exit::Usage, "invalid_name", error))?;
    let directory = arguments.path.clone().unwrap_or_else(|| PathBuf::from(key));
    let sdk = sdk(arguments.sdk_path.as_deref())?;
    let files = [
        ("Cargo.toml", cargo_toml(key, &sdk)),
        ("src/main.rs", main_rs(key, arguments.kind)),
        ("README.md", readme(key, arguments.kind)),
        (".gitignore", "/target\n/dist\n".to_owned()),
    ];
    let written = write(&directory, "src", &files)?;
    let result = json!({ "key": key, "directory": directory, "files": written });
    output.result(&result, || {
        let shown = directory.display();
        line(&format!("wrote {key} in {shown}"));
        line("next:");
        line(&format!("  outboard connector build {shown}"));
        line(&format!("  outboard connector install {shown}/dist/{key}"));
        line(&format!(
            "  outboard {} call {key} hello --input '{{\"name\": \"Ada\"}}'",
            word(arguments.kind)
        ));
        if arguments.sdk_path.is_none() {
            // Cargo's own error names a missing package and no remedy.
            line(
                "if Cargo does not find outboard-sdk on crates.io, name a checkout with --sdk-path",
            );
        }
    });
    Ok(())
}

fn word(kind: KindWord) -> &'static str {
    match kind {
        KindWord::Connector => "connector",
        KindWord::Tool => "tool",
        KindWord::Job => "job",
    }
}

/// The key as the type's name, `google_mail` as `Google Mail`.
fn title(key: &str) -> String {
    let words = key.split('_').filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn cargo_toml(key: &str, sdk: &str) -> String {
    // A package's name may not begin with a digit, and a key may.
    let package = match key.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true => key.to_owned(),
        false => format!("connector_{key}"),
    };
    format!(
        r#"[package]
name = "{package}"
version = "0.1.0"
edition = "2024"

[dependencies]
outboard-sdk = {{ {sdk}, default-features = false, features = ["connector"] }}

[dev-dependencies]
outboard-sdk = {{ {sdk}, default-features = false, features = ["connector", "testing"] }}
tokio = {{ version = "1", features = ["macros", "rt"] }}

[profile.release]
codegen-units = 1
strip = true

# A package of its own, also inside another one's directory.
[workspace]
"#
    )
}

fn main_rs(key: &str, kind: KindWord) -> String {
    let title = title(key);
    let (kind_use, kind_line) = match kind {
        KindWord::Connector => ("", ""),
        KindWord::Tool => (", Kind", "\n        .kind(Kind::Tool)"),
        KindWord::Job => (", Kind", "\n        .kind(Kind::Job)"),
    };
    format!(
        r#"//! {title}: one operation that greets.

use std::process::ExitCode;

use outboard_sdk::{{
    Value,
    connector::{{self, Connector, Context, Fields, Operation, OperationError{kind_use}}},
    json,
}};

/// What is configured once.
#[derive(Fields)]
#[fields(strict)]
struct Settings {{
    /// The word to greet with.
    #[field(default = "Hello")]
    greeting: String,
}}

/// What `hello` takes.
#[derive(Fields)]
#[fields(strict)]
struct Hello {{
    /// Whom to greet.
    #[field(required)]
    name: String,
    /// How often.
    #[field(default = 1)]
    times: u32,
}}

async fn hello(context: Context<Settings>, input: Hello) -> Result<Value, OperationError> {{
    if input.times > 100 {{
        return Err(OperationError::new("that is too often").with_code("too_often"));
    }}
    let greeting = &context.settings().greeting;
    let text = vec![format!("{{greeting}}, {{}}!", input.name); input.times as usize].join(" ");
    Ok(json!({{ "text": text }}))
}}

fn {key_function}() -> Connector<Settings> {{
    Connector::new("{key}", "{title}")
        .description("It greets.")
        .icon("👋"){kind_line}
        .category("Talk", "Says things.", [Operation::new("hello", "Hello", hello)
            .description("Greets somebody.")
            .output_field("text", "the greeting")])
}}

fn main() -> ExitCode {{
    connector::serve({key_function}())
}}

#[cfg(test)]
mod tests {{
    use outboard_sdk::testing::ConnectorHost;

    use super::*;

    #[tokio::test]
    async fn it_greets_with_the_configured_word() {{
        let host = ConnectorHost::start({key_function}(), json!({{ "greeting": "Hi" }})).await;
        let host = host.expect("a host in memory");
        let answer = host.execute("hello", json!({{ "name": "Ada", "times": 2 }})).await;
        assert_eq!(answer.expect("a greeting"), json!({{ "text": "Hi, Ada! Hi, Ada!" }}));
    }}

    #[tokio::test]
    async fn too_often_is_an_error_with_a_code() {{
        let host = ConnectorHost::start({key_function}(), json!({{}})).await;
        let host = host.expect("a host in memory");
        let answer = host.execute("hello", json!({{ "name": "Ada", "times": 101 }})).await;
        assert_eq!(answer.expect_err("too often").operation_code(), Some("too_often"));
    }}
}}
"#,
        key_function = "greeter"
    )
}

fn readme(key: &str, kind: KindWord) -> String {
    let word = word(kind);
    format!(
        r#"# {key}

```sh
cargo test
outboard connector build .
outboard connector install dist/{key}
outboard {word} call {key} hello --input '{{"name": "Ada"}}'
```

To give it to others, sign and pack it:

```sh
outboard connector keygen publisher.key
outboard connector sign dist/{key} --key publisher.key
outboard connector pack dist/{key}
```

They trust your key once, with `outboard connector trust publisher.key.pub`, and install the
archive.
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_a_title_and_a_package_that_cargo_takes() {
        assert_eq!(title("google_mail"), "Google Mail");
        assert_eq!(title("_"), "");
        assert!(cargo_toml("9", "path = \"x\"").contains("name = \"connector_9\""));
        assert!(cargo_toml("mail", "path = \"x\"").contains("name = \"mail\""));
    }
}
