//! `outboard config show`.

use serde_json::json;

use crate::{
    output::{Output, table},
    settings::Settings,
};

pub(crate) fn show(settings: &Settings, output: &Output) {
    let objects: Vec<_> = settings
        .all()
        .map(|setting| {
            json!({
                "name": setting.name,
                "value": setting.value,
                "source": setting.source.to_string(),
                "description": setting.help,
            })
        })
        .collect();
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
