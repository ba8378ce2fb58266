//! `ui.json`: what is read, what is filled in, and what is refused.

use outboard_contracts::{
    PluginName,
    ui::{MAX_UI_MANIFEST_BYTES, UiManifest, UiManifestErrorKind as Kind, UiNavItem, UiPageDef},
};

fn read(json: &str) -> Result<UiManifest, Kind> {
    let name = PluginName::parse("reports").unwrap();
    UiManifest::of_plugin(&name, json.as_bytes()).map_err(|error| {
        assert!(error.to_string().len() > 20, "{error}");
        error.kind().clone()
    })
}

#[test]
fn an_empty_object_is_a_manifest_and_gets_the_defaults() {
    let manifest = read("{}").unwrap();
    assert_eq!(
        (manifest.name.as_str(), manifest.version.as_str()),
        ("reports", "")
    );
    assert_eq!(manifest.asset_dir, "assets");
    assert_eq!(
        serde_json::to_string(&manifest).unwrap(),
        r#"{"name":"reports","version":"","assetDir":"assets"}"#
    );
    // Go reads a null as if the field were not there.
    assert_eq!(
        read(r#"{"name":null,"version":null,"navItems":null,"assetDir":null,"permissions":null}"#),
        Ok(manifest)
    );
}

#[test]
fn a_manifest_with_all_fields_reads_and_prints_as_the_same_json() {
    let json = r#"{
  "name": "reports",
  "version": "1.2.0",
  "description": "Reports on runs",
  "navItems": [
    {
      "id": "daily",
      "label": "Daily",
      "icon": "📊",
      "category": "global",
      "order": -5,
      "requiredRole": "viewer",
      "requiredPermission": "reports.see"
    },
    {
      "id": "b",
      "label": "B"
    }
  ],
  "assetDir": "ui/dist",
  "permissions": [
    "runs.read",
    "operations.call:weather",
    "pipelines.run:Restock_2"
  ]
}"#;
    let manifest = read(json).unwrap();
    assert_eq!(manifest.to_json().unwrap(), json);
    assert_eq!(
        manifest.pages(),
        [
            UiPageDef {
                id: "daily".to_owned(),
                label: "Daily".to_owned(),
                icon: "📊".to_owned(),
                category: "global".to_owned(),
                order: -5,
                required_role: "viewer".to_owned(),
                required_permission: "reports.see".to_owned(),
                api_endpoint: "/api/v1/plugins/ui/reports/assets/".to_owned(),
                template: String::new(),
            },
            UiPageDef {
                id: "b".to_owned(),
                label: "B".to_owned(),
                category: "plugin".to_owned(),
                api_endpoint: "/api/v1/plugins/ui/reports/assets/".to_owned(),
                ..UiPageDef::default()
            },
        ]
    );
    assert!(manifest.item("b").is_some() && manifest.item("c").is_none());
}

#[test]
fn unknown_fields_of_a_newer_version_are_ignored() {
    assert!(read(r#"{"future": [1], "navItems": [{"id": "a", "label": "A", "new": {}}]}"#).is_ok());
}

#[test]
fn what_is_no_manifest_says_why() {
    let huge = format!(
        r#"{{"description":"{}"}}"#,
        "x".repeat(MAX_UI_MANIFEST_BYTES)
    );
    assert!(matches!(read(&huge), Err(Kind::TooLarge { .. })));
    assert_eq!(read(" \n"), Err(Kind::Empty));
    for json in [
        "{",
        "[]",
        "7",
        r#"{"name":7}"#,
        r#"{"navItems":{}}"#,
        r#"{"navItems":[["id","label"]]}"#,
        "nul",
    ] {
        assert!(matches!(read(json), Err(Kind::NotJson { .. })), "{json}");
    }
    let name = PluginName::parse("reports").unwrap();
    let error = UiManifest::of_plugin(&name, b"{\"name\":\"\xff\"}").unwrap_err();
    assert!(
        matches!(error.kind(), Kind::NotUtf8 { position: 9 }),
        "{error}"
    );
    // As deep as the reader goes and deeper: an error, not the end of the stack.
    let lists = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let deep = format!(r#"{{"navItems":[{{"id":{lists}}}]}}"#);
    assert!(matches!(read(&deep), Err(Kind::NotJson { .. })));
    assert!(read(&format!(r#"{{"unknown":{lists}}}"#)).is_ok());
}

#[test]
fn a_manifest_of_another_plugin_is_refused() {
    let kind = read(r#"{"name":"other"}"#).unwrap_err();
    let expected = Kind::NameDiffers {
        directory: "reports".to_owned(),
        found: "other".to_owned(),
    };
    assert_eq!(kind, expected);
    for name in ["../reports", "Reports", "reports/", "loaded"] {
        let json = format!(r#"{{"name":"{name}"}}"#);
        assert!(
            matches!(read(&json), Err(Kind::NameInvalid { .. })),
            "{name}"
        );
    }
}

#[test]
fn an_asset_directory_is_a_plain_path_below_the_plugin() {
    for path in ["assets", "ui/dist", "a-b_c/d.e", "dist/[x]", "ü"] {
        let json = format!(r#"{{"assetDir":"{path}"}}"#);
        assert!(read(&json).is_ok(), "{path}");
    }
    for path in [
        "..",
        "../x",
        "a/../../b",
        "a/..",
        "/etc",
        "/",
        ".",
        "./a",
        "a/",
        "a//b",
        ".git",
        "a/.b",
        "a\\\\b",
        "C:x",
        "a\\u0000b",
        &"a".repeat(201),
    ] {
        let json = format!(r#"{{"assetDir":"{path}"}}"#);
        assert!(
            matches!(read(&json), Err(Kind::AssetDirInvalid { .. })),
            "{path}: {:?}",
            read(&json)
        );
    }
}

#[test]
fn entries_of_the_navigation_are_checked_one_by_one() {
    let item = |fields: &str| {
        read(&format!(
            r#"{{"navItems":[{{"id":"first","label":"First"}},{{{fields}}}]}}"#
        ))
    };
    assert!(item(r#""id":"a.b_C-9","label":"A""#).is_ok());
    for id in ["", "a/b", "..", ".a", "-a", "a b", "ü", &"a".repeat(65)] {
        let kind = item(&format!(r#""id":"{id}","label":"A""#)).unwrap_err();
        assert!(matches!(kind, Kind::ItemIdInvalid { index: 1, .. }), "{id}");
    }
    assert_eq!(
        item(r#""id":"first","label":"A""#),
        Err(Kind::ItemIdDuplicate {
            id: "first".to_owned()
        })
    );
    for label in ["", "  ", "a\\nb", &"a".repeat(101)] {
        let kind = item(&format!(r#""id":"a","label":"{label}""#)).unwrap_err();
        let Kind::TextInvalid { field, .. } = kind else {
            panic!("{label}: {kind:?}")
        };
        assert_eq!(field, "navItems[1].label");
    }
    for (field, value) in [("category", "Global"), ("category", "other")] {
        let kind = item(&format!(r#""id":"a","label":"A","{field}":"{value}""#)).unwrap_err();
        assert!(matches!(kind, Kind::CategoryUnknown { .. }), "{kind:?}");
    }
    for role in ["Admin", "root", " viewer"] {
        let kind = item(&format!(r#""id":"a","label":"A","requiredRole":"{role}""#)).unwrap_err();
        assert!(matches!(kind, Kind::RoleUnknown { .. }), "{kind:?}");
    }
    for word in ["Reports", "a b", "9a", "a/b"] {
        let json = format!(r#""id":"a","label":"A","requiredPermission":"{word}""#);
        let kind = item(&json).unwrap_err();
        assert!(matches!(kind, Kind::PermissionInvalid { .. }), "{kind:?}");
    }
    let many = vec![UiNavItem::default(); 65];
    let manifest = UiManifest {
        nav_items: many,
        name: "a".to_owned(),
        ..UiManifest::default()
    };
    let error = manifest.validate().unwrap_err();
    assert_eq!(error.kind(), &Kind::TooManyItems { count: 65 });
}

#[test]
fn permissions_are_words_with_or_without_a_scope() {
    let with = |words: &[&str]| read(&serde_json::json!({ "permissions": words }).to_string());
    assert!(with(&["runs.read", "operations.call:a.B_c-9"]).is_ok());
    for word in [
        "",
        ":",
        "runs.read:",
        "runs.read:a:b",
        "Runs.read",
        "runs.read:a/b",
        "a b",
    ] {
        assert!(
            matches!(with(&[word]), Err(Kind::PermissionInvalid { .. })),
            "{word}"
        );
    }
    assert_eq!(
        with(&["a"; 65]),
        Err(Kind::TooManyPermissions { count: 65 })
    );
}

#[test]
fn a_version_may_be_absent_and_must_otherwise_be_one() {
    assert!(read(r#"{"version":"1.0.0-rc.1"}"#).is_ok());
    let kind = read(r#"{"version":"one"}"#).unwrap_err();
    assert!(matches!(kind, Kind::VersionInvalid { .. }));
}
