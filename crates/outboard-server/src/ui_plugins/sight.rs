//! What somebody sees of a UI plugin over the API: of its pages those that are for this
//! caller, and nothing of it if it has pages and none of them is.

use axum::response::Response;
use http::StatusCode;
use outboard_contracts::ui::{UiManifest, UiNavItem};

use super::UiPluginEntry;
use crate::{plugins::envelope, security::Principal};

/// The pages of a plugin that are for this caller; `None` if there are some, and none is.
/// Where nobody was asked who it is, all are.
pub(super) fn items_for(
    entry: &UiPluginEntry,
    principal: Option<&Principal>,
) -> Option<Vec<UiNavItem>> {
    let items = &entry.manifest.nav_items;
    let Some(principal) = principal else {
        return Some(items.clone());
    };
    let seen: Vec<UiNavItem> = items
        .iter()
        .filter(|item| principal.sees(&item.required_role, &item.required_permission))
        .cloned()
        .collect();
    (!seen.is_empty() || items.is_empty()).then_some(seen)
}

/// The manifest as this caller sees it; `None` if it does not.
pub(super) fn manifest_for(
    entry: &UiPluginEntry,
    principal: Option<&Principal>,
) -> Option<UiManifest> {
    let nav_items = items_for(entry, principal)?;
    Some(UiManifest {
        nav_items,
        ..entry.manifest.clone()
    })
}

/// What is said to a caller who sees none of a plugin's pages.
pub(super) fn refused(name: &str) -> Response {
    let text = format!(
        "the pages of the UI plugin {name:?} need a role or a permission that you have not; \
         an admin can make a token that has it"
    );
    envelope::error(StatusCode::FORBIDDEN, &text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use axum::{
        Extension, Router,
        body::{Body, to_bytes},
    };
    use http::Request;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use crate::{
        security::{Permission, Principal, Role, Via},
        ui_plugins::{UiPluginHandler, UiPluginManager},
    };

    async fn ask(routes: &Router, path: &str) -> (u16, Value) {
        let request = Request::get(format!("/api/v1/plugins/ui{path}"))
            .body(Body::empty())
            .expect("a request");
        let response = routes.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await;
        let body = serde_json::from_slice(&body.expect("a body"));
        (status, body.unwrap_or_default())
    }

    /// The plugins `money`, all of whose pages need something, and `open`, which has none.
    async fn manager(directory: &tempfile::TempDir) -> UiPluginManager {
        let money = json!({ "navItems": [
            { "id": "all", "label": "All", "requiredRole": "operator" },
            { "id": "mine", "label": "Mine", "requiredPermission": "money.see" },
        ]});
        for (name, manifest) in [("money", money), ("open", json!({}))] {
            let assets = directory.path().join(name).join("assets");
            fs::create_dir_all(&assets).expect("a directory");
            fs::write(assets.join("data.json"), "{}").expect("a file");
            let path = directory.path().join(name).join("ui.json");
            fs::write(path, manifest.to_string()).expect("a manifest");
        }
        let manager = UiPluginManager::new(directory.path());
        assert!(manager.load_all().await.expect("plugins").is_empty());
        manager
    }

    #[tokio::test]
    async fn list_manifest_and_files_show_only_what_is_for_who_asks() {
        let directory = tempfile::tempdir().expect("a directory");
        let handler = UiPluginHandler::new(manager(&directory).await);
        let mut granted = Principal {
            role: Some(Role::Viewer),
            via: Via::Token,
            ..Principal::anonymous()
        };
        let stranger = granted.clone();
        granted.permissions.extend(Permission::parse("money.see"));
        let admin = Principal::local();
        for (who, items) in [
            (None, Some(vec!["all", "mine"])),
            (Some(admin), Some(vec!["all", "mine"])),
            (Some(granted), Some(vec!["mine"])),
            (Some(stranger), None),
        ] {
            let routes: Router = handler.clone().router();
            let routes = match &who {
                Some(who) => routes.layer(Extension(who.clone())),
                None => routes,
            };
            let ids = |items: &Value| -> Vec<String> {
                let items = items.as_array().expect("entries").iter();
                let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
                items.map(id).collect()
            };
            let (_, list) = ask(&routes, "").await;
            let (manifest_status, manifest) = ask(&routes, "/money/manifest").await;
            let (file_status, _) = ask(&routes, "/money/assets/data.json").await;
            assert_eq!(ask(&routes, "/open/manifest").await.0, 200);
            assert_eq!(ask(&routes, "/open/assets/data.json").await.0, 200);
            let listed = list["data"].as_array().expect("plugins");
            match items {
                Some(items) => {
                    assert_eq!(ids(&listed[0]["navItems"]), items);
                    assert_eq!(ids(&manifest["data"]["navItems"]), items);
                    assert_eq!((manifest_status, file_status), (200, 200));
                    assert_eq!(listed[1]["name"], "open");
                }
                None => {
                    assert_eq!(listed.len(), 1, "{list}");
                    assert_eq!((manifest_status, file_status), (403, 403));
                    assert_eq!(manifest["status"], "error");
                }
            }
        }
    }
}
