//! Manifests in the words of the API.

use outboard_contracts::connector::{Manifest, Module, arguments};

use super::types::{OperationDescription, Summary};

/// What a manifest says about a connector, without what only the host knows.
pub(super) fn summary(manifest: &Manifest) -> Summary {
    let meta = &manifest.module.meta;
    Summary {
        key: meta.key.clone(),
        name: match meta.name.is_empty() {
            true => meta.key.clone(),
            false => meta.name.clone(),
        },
        description: meta.description.clone(),
        icon: meta.icon.clone(),
        kind: manifest.kind().as_str().to_owned(),
        version: manifest.version.clone(),
        enabled: true,
        operations: manifest.module.all_operations().count(),
        signed: "none".to_owned(),
        key_id: None,
        os_arch: manifest.os_arch.clone(),
        tags: meta
            .default_tags
            .iter()
            .map(|tag| tag.name.clone())
            .collect(),
        state: "stopped".to_owned(),
        pid: None,
        problem: None,
    }
}

/// Every operation, with the JSON Schema of its input.
pub(super) fn operations(module: &Module) -> Vec<OperationDescription> {
    let categories = module.operations.iter();
    categories
        .flat_map(|category| {
            category
                .operations
                .iter()
                .map(|operation| OperationDescription {
                    category: category.title.clone(),
                    operation: operation.clone(),
                    input_schema: arguments::schema(&operation.input),
                })
        })
        .collect()
}
