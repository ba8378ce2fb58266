//! What a workflow file allows plugins to call of the engine.

use outboard_contracts::PluginName;

use super::{
    PluginRights,
    fields::join,
    node::{Content, Node},
    reader::Reader,
    triggers::is_pipeline,
};

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, pipelines: &[&str]) -> Vec<PluginRights> {
    let entries = match &node.content {
        Content::Mapping(entries) => entries.as_slice(),
        // `plugins:` with nothing after it.
        Content::Scalar(serde_json::Value::Null) => &[],
        _ => {
            let message = format!("expected a mapping of plugins, found {}", node.kind());
            reader.report.add(node.place, "plugins", message);
            &[]
        }
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = join("plugins", &entry.key);
        if let Err(error) = PluginName::parse(&entry.key) {
            reader.report.add(entry.place, &path, error.to_string());
        }
        let known = ["may_trigger", "may_look_up"];
        let Some(fields) = reader.report.fields(&entry.node, &path, &known) else {
            continue;
        };
        let mut rights = PluginRights::none(&entry.key);
        for (index, (name, place)) in reader.texts(&fields, "may_trigger").iter().enumerate() {
            let path = format!("{}[{index}]", fields.path_of("may_trigger"));
            if is_pipeline(reader, name, *place, &path, pipelines) {
                rights.may_trigger.push((*name).to_owned());
            }
        }
        let services = reader.texts(&fields, "may_look_up");
        rights.may_look_up = services
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        all.push(rights);
    }
    all
}
