//! A `ui.json`: what is accepted is written in a form that means the same, stays in the
//! plugin's directory, and can stand in a URL.

use std::path::{Component, Path};

use outboard_contracts::{
    PluginName,
    ui::{CATEGORIES, ROLES, UiManifest},
};

pub(super) fn run(bytes: &[u8]) {
    let name = PluginName::parse("reports").unwrap_or_else(|error| panic!("{error}"));
    let manifest = match UiManifest::of_plugin(&name, bytes) {
        Ok(manifest) => manifest,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let written = manifest
        .to_json()
        .unwrap_or_else(|error| panic!("cannot be written: {error}"));
    let again = UiManifest::of_plugin(&name, written.as_bytes());
    assert_eq!(again.as_ref().ok(), Some(&manifest), "{again:?}");
    assert_eq!(manifest.name, "reports");
    let mut parts = Path::new(&manifest.asset_dir).components();
    let plain = |part: Component<'_>| match part {
        Component::Normal(part) => !part.as_encoded_bytes().starts_with(b"."),
        _ => false,
    };
    assert!(
        parts.clone().next().is_some() && parts.all(plain),
        "{manifest:?}"
    );
    for page in manifest.pages() {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        assert!(
            page.id.bytes().all(plain) && !page.id.starts_with('.'),
            "{page:?}"
        );
        assert!(CATEGORIES.contains(&page.category.as_str()), "{page:?}");
        let role = page.required_role.as_str();
        assert!(role.is_empty() || ROLES.contains(&role), "{page:?}");
        assert!(!page.label.chars().any(char::is_control), "{page:?}");
        assert!(manifest.item(&page.id).is_some());
    }
}
