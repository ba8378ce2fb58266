//! `outboard config show`.

use serde_json::{Value, json};

use crate::{
    error::{CliError, Exit},
    output::{Output, line, table},
    settings::{Setting, Settings},
};

pub(crate) fn show(
    name: Option<&str>,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let Some(name) = name else {
        all(settings, output);
        return Ok(());
    };
    let Some(setting) = settings.all().find(|setting| setting.name == name) else {
        let message = format!("there is no setting {name:?}");
        return Err(CliError::new(Exit::NotFound, "not_found", message)
            .hint("`outboard config show` lists all of them"));
    };
    output.result(&object(setting), || line(&setting.value));
    Ok(())
}

fn object(setting: &Setting) -> Value {
    json!({
        "name": setting.name,
        "value": setting.value,
        "source": setting.source.to_string(),
        "description": setting.help,
    })
}

fn all(settings: &Settings, output: &Output) {
    let objects: Vec<_> = settings.all().map(object).collect();
    output.result(&objects, || {
        let rows: Vec<_> = settings
            .all()
            .map(|setting| {
                let value = if setting.value.is_empty() {
                    "-"
                } else {
                    &setting.value
                };
                vec![
                    setting.name.to_owned(),
                    value.to_owned(),
                    setting.source.to_string(),
                ]
            })
            .collect();
        table(&["SETTING", "VALUE", "FROM"], &rows);
    });
}
