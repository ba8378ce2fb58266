//! UI plugins as their manager sees them: what is there, what is loaded, and what a
//! reload does.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::body::to_bytes;
use http::{HeaderMap, Method};
use outboard_server::{
    AssetLimits, AssetProblem, Snapshot, UiPluginChange, UiPluginChangeKind, UiPluginError,
    UiPluginErrorKind, UiPluginManager, UiPluginObserver,
};
use outboard_workflow::engine::{NativePlugin, PluginManager};
use serde_json::json;
use tempfile::TempDir;

/// A directory of UI plugins that goes with the test.
pub(crate) struct Pages(pub(crate) TempDir);

impl Pages {
    pub(crate) fn new() -> Pages {
        Pages(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        write(self.0.path(), path, text);
    }

    /// A plugin of one page in the group of plugins.
    fn plugin(&self, name: &str, version: &str) {
        let manifest = json!({
            "name": name, "version": version, "description": "shows things",
            "navItems": [{ "id": "home", "label": "Home" }],
        });
        self.write(&format!("{name}/ui.json"), manifest.to_string());
        self.write(
            &format!("{name}/assets/index.html"),
            format!("<p>{version}"),
        );
    }

    fn manager(&self) -> UiPluginManager {
        UiPluginManager::new(self.0.path())
    }
}

pub(crate) fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

async fn page(snapshot: &Snapshot, path: &str) -> (u16, String) {
    let response = snapshot.answer(path, &Method::GET, &HeaderMap::new());
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn problem_of(error: UiPluginError) -> AssetProblem {
    match error {
        UiPluginError::Assets { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn only_directories_with_a_ui_json_are_ui_plugins() {
    let pages = Pages::new();
    pages.plugin("b", "1.0.0");
    pages.plugin("a", "1.0.0");
    pages.write("broken/ui.json", "{");
    pages.write("workflow/plugin.json", "{}");
    pages.write("Not_A_Name/ui.json", "{}");
    pages.write("ui.json", "{}");
    std::os::unix::fs::symlink(pages.0.path().join("a"), pages.0.path().join("link")).unwrap();
    let found = pages.manager().discover_plugins().await.unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|plugin| (plugin.name.as_str(), plugin.manifest.is_ok()))
        .collect();
    let expected = [
        ("Not_A_Name", false),
        ("a", true),
        ("b", true),
        ("broken", false),
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn an_empty_and_a_missing_directory_have_no_ui_plugins() {
    let pages = Pages::new();
    assert!(pages.manager().discover_plugins().await.unwrap().is_empty());
    let manager = UiPluginManager::new(pages.0.path().join("missing"));
    assert!(manager.discover_plugins().await.unwrap().is_empty());
    assert!(manager.load_all().await.unwrap().is_empty());
    // What is no directory is a fault, and not an empty one.
    pages.write("file", "");
    let manager = UiPluginManager::new(pages.0.path().join("file"));
    let error = manager.discover_plugins().await.unwrap_err();
    assert_eq!(error.kind(), UiPluginErrorKind::Internal);
}

#[tokio::test]
async fn a_loaded_plugin_shows_its_version_its_entries_and_its_files() {
    let pages = Pages::new();
    pages.plugin("reports", "1.0.0");
    let manager = pages.manager();
    let entry = manager.load_plugin("reports").await.unwrap();
    assert!(manager.is_loaded("reports"));
    assert_eq!(entry.manifest.version, "1.0.0");
    assert_eq!(entry.manifest.nav_items[0].id, "home");
    // Where nothing says otherwise, the files are in `assets`.
    assert_eq!(entry.manifest.asset_dir, "assets");
    let snapshot = manager.serve_assets("reports").unwrap();
    assert_eq!(page(&snapshot, "").await, (200, "<p>1.0.0".to_owned()));
    assert_eq!(snapshot.paths().collect::<Vec<_>>(), ["index.html"]);
    assert_eq!((snapshot.file_count(), snapshot.total_bytes()), (1, 8));
}

#[tokio::test]
async fn what_is_not_there_or_not_loaded_is_told_apart() {
    let pages = Pages::new();
    pages.plugin("reports", "1.0.0");
    pages.write("plain/file", "");
    let manager = pages.manager();
    for name in ["missing", "plain"] {
        let error = manager.load_plugin(name).await.unwrap_err();
        assert_eq!(error.kind(), UiPluginErrorKind::NotFound, "{error}");
    }
    for name in ["", "..", "../reports", "reports/", "Reports", "loaded"] {
        for outcome in [
            manager.load_plugin(name).await.map(drop),
            manager.reload_plugin(name).await.map(drop),
            manager.unload_plugin(name).await,
        ] {
            let kind = outcome.unwrap_err().kind();
            assert_eq!(kind, UiPluginErrorKind::InvalidName, "{name}");
        }
    }
    let error = manager.unload_plugin("reports").await.unwrap_err();
    assert_eq!(error.kind(), UiPluginErrorKind::NotLoaded);
    assert_eq!(error.to_string(), "UI plugin \"reports\" is not loaded");
    assert!(manager.get("reports").is_none());
    assert!(manager.serve_assets("reports").is_none());
    assert!(manager.ui_pages("reports").is_none());
    assert!(manager.as_native_plugin("reports").is_none());
}

#[tokio::test]
async fn an_unloaded_plugin_is_gone_and_can_come_back() {
    let pages = Pages::new();
    pages.plugin("reports", "1.0.0");
    let manager = pages.manager();
    let held = manager.load_plugin("reports").await.unwrap();
    manager.unload_plugin("reports").await.unwrap();
    assert!(!manager.is_loaded("reports") && manager.loaded_plugins().is_empty());
    // Whoever has it goes on with it.
    assert_eq!(page(&held.assets, "").await.0, 200);
    manager.reload_plugin("reports").await.unwrap();
    assert!(manager.is_loaded("reports"));
}

#[tokio::test]
async fn all_loaded_plugins_are_listed_by_name() {
    let pages = Pages::new();
    for name in ["c", "a", "b"] {
        pages.plugin(name, "1.0.0");
    }
    pages.write("broken/ui.json", "{");
    let manager = pages.manager();
    let failed = manager.load_all().await.unwrap();
    assert_eq!(manager.loaded_plugins(), ["a", "b", "c"]);
    let infos = manager.all_ui_plugin_infos();
    let names: Vec<_> = infos.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (failed[0].0.as_str(), failed[0].1.kind()),
        ("broken", UiPluginErrorKind::Manifest)
    );
    // It is still known later why, until it is mended.
    assert!(
        manager.problems()["broken"]
            .detail
            .contains("ui.json cannot be read")
    );
    pages.write("broken/ui.json", "{}");
    manager.load_plugin("broken").await.unwrap();
    assert!(manager.problems().is_empty());
    // Nor does it outlive the plugin.
    pages.write("broken/ui.json", "{");
    manager.load_plugin("broken").await.unwrap_err();
    assert_eq!(manager.problems().len(), 1);
    fs::remove_dir_all(pages.0.path().join("broken")).unwrap();
    manager.discover_plugins().await.unwrap();
    assert!(manager.problems().is_empty());
}

#[tokio::test]
async fn pages_are_sorted_as_the_navigation_shows_them() {
    let pages = Pages::new();
    let item = |id: &str, category: &str, order: i64| json!({ "id": id, "label": id, "category": category, "order": order });
    let manifest = json!({ "navItems": [
        item("t", "tools", -9), item("p2", "plugin", 2), item("p1", "", 1),
        item("b", "global", 0), item("a", "global", 0), item("w", "workflow", 0),
    ]});
    pages.write("nav/ui.json", manifest.to_string());
    let manager = pages.manager();
    manager.load_plugin("nav").await.unwrap();
    let listed = manager.ui_pages("nav").unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|page| (page.id.as_str(), page.category.as_str()))
        .collect();
    let expected = [
        ("a", "global"),
        ("b", "global"),
        ("w", "workflow"),
        ("p1", "plugin"),
        ("p2", "plugin"),
        ("t", "tools"),
    ];
    assert_eq!(listed, expected);
    // The manifest keeps what was written.
    let entry = manager.get("nav").unwrap();
    assert_eq!(entry.manifest.nav_items[2].category, "");
}

#[tokio::test]
async fn a_native_plugin_follows_every_reload_without_being_registered_again() {
    let pages = Pages::new();
    pages.plugin("reports", "1.0.0");
    let manager = pages.manager();
    manager.load_plugin("reports").await.unwrap();
    let natives = PluginManager::default();
    let native = manager.as_native_plugin("reports").unwrap();
    natives.register(native.clone()).unwrap();
    natives.enable("reports").await.unwrap();
    let seen = || {
        let info = natives.plugins().remove(0);
        (info.version, info.description, info.ui_pages.len())
    };
    assert_eq!(seen(), ("1.0.0".to_owned(), "shows things".to_owned(), 1));
    let manifest = json!({
        "version": "2.0.0", "description": "shows more",
        "navItems": [{ "id": "home", "label": "Home" }, { "id": "more", "label": "More" }],
    });
    pages.write("reports/ui.json", manifest.to_string());
    manager.reload_plugin("reports").await.unwrap();
    assert_eq!(seen(), ("2.0.0".to_owned(), "shows more".to_owned(), 2));
    manager.unload_plugin("reports").await.unwrap();
    assert_eq!(seen(), ("0.0.0".to_owned(), String::new(), 0));
    assert_eq!(native.name(), "reports");
}

#[tokio::test]
async fn a_native_plugin_needs_those_of_its_programs_needs_that_are_ui_plugins() {
    let pages = Pages::new();
    pages.plugin("base", "1.0.0");
    pages.plugin("reports", "1.0.0");
    let manifest = json!({
        "name": "reports", "version": "1.0.0", "author": "tests", "description": "D",
        "dependencies": [
            { "name": "base", "constraint": "^1.0" },
            { "name": "a-program", "constraint": "^1.0" },
        ],
    });
    pages.write("reports/plugin.json", manifest.to_string());
    let manager = pages.manager();
    let entry = manager.load_plugin("reports").await.unwrap();
    assert!(!entry.has_program, "there is a plugin.json and no program");
    let needs = manager.as_native_plugin("reports").unwrap().dependencies();
    let names: Vec<_> = needs.iter().map(|need| need.name.as_str()).collect();
    assert_eq!(names, ["base"]);
}

#[tokio::test]
async fn a_reload_that_fails_leaves_what_was_there() {
    let pages = Pages::new();
    pages.plugin("reports", "1.0.0");
    let manager = pages.manager();
    let first = manager.load_plugin("reports").await.unwrap();
    let outside = pages.0.path().join("reports/assets/out");
    std::os::unix::fs::symlink("/etc", &outside).unwrap();
    let error = manager.reload_plugin("reports").await.unwrap_err();
    assert_eq!(error.kind(), UiPluginErrorKind::Assets);
    pages.write("reports/ui.json", "nonsense");
    let error = manager.reload_plugin("reports").await.unwrap_err();
    assert_eq!(error.kind(), UiPluginErrorKind::Manifest);
    fs::remove_dir_all(pages.0.path().join("reports")).unwrap();
    let error = manager.reload_plugin("reports").await.unwrap_err();
    assert_eq!(error.kind(), UiPluginErrorKind::NotFound);
    let now = manager.get("reports").unwrap();
    assert!(Arc::ptr_eq(&now.assets, &first.assets));
    assert_eq!(page(&now.assets, "").await, (200, "<p>1.0.0".to_owned()));
}

#[tokio::test]
async fn a_missing_assets_directory_has_no_files_and_is_no_fault() {
    let pages = Pages::new();
    pages.write("bare/ui.json", "{}");
    let manager = pages.manager();
    let entry = manager.load_plugin("bare").await.unwrap();
    assert_eq!(entry.assets.file_count(), 0);
    assert_eq!(page(&entry.assets, "").await.0, 404);
    // A file in its place is one.
    pages.write("bare/assets", "");
    let problem = problem_of(manager.load_plugin("bare").await.unwrap_err());
    assert!(
        matches!(problem, AssetProblem::NotAFile { .. }),
        "{problem}"
    );
}

#[tokio::test]
async fn links_may_lead_to_other_assets_and_nowhere_else() {
    use std::os::unix::fs::symlink;

    let pages = Pages::new();
    pages.plugin("links", "1.0.0");
    let assets = pages.0.path().join("links/assets");
    pages.write("links/secret.txt", "secret");
    // As a deployment does that changes the link when all is there.
    pages.write("links/assets/.releases/1/app.js", "one");
    symlink(".releases/1", assets.join("now")).unwrap();
    symlink("now/app.js", assets.join("app.js")).unwrap();
    let manager = pages.manager();
    let entry = manager.load_plugin("links").await.unwrap();
    let paths: Vec<_> = entry.assets.paths().collect();
    assert_eq!(paths, ["app.js", "index.html", "now/app.js"]);
    assert_eq!(page(&entry.assets, "app.js").await, (200, "one".to_owned()));
    for target in ["../secret.txt", "/etc/passwd", "..", "../../links/ui.json"] {
        let link = assets.join("out");
        symlink(target, &link).unwrap();
        let problem = problem_of(manager.load_plugin("links").await.unwrap_err());
        assert!(
            matches!(problem, AssetProblem::Outside { .. }),
            "{target}: {problem}"
        );
        fs::remove_file(&link).unwrap();
    }
    symlink("nothing", assets.join("out")).unwrap();
    let problem = problem_of(manager.load_plugin("links").await.unwrap_err());
    assert!(
        problem.to_string().contains("a link to nothing"),
        "{problem}"
    );
    fs::remove_file(assets.join("out")).unwrap();
    // A circle has an end.
    symlink(".", assets.join("again")).unwrap();
    let problem = problem_of(manager.load_plugin("links").await.unwrap_err());
    assert!(
        matches!(problem, AssetProblem::Depth { limit: 16, .. }),
        "{problem}"
    );
}

#[tokio::test]
async fn a_plugin_or_a_manifest_or_a_directory_of_assets_that_is_a_link_elsewhere_is_refused() {
    use std::os::unix::fs::symlink;

    let (pages, elsewhere) = (Pages::new(), Pages::new());
    elsewhere.plugin("real", "1.0.0");
    let real = elsewhere.0.path().join("real");
    symlink(&real, pages.0.path().join("real")).unwrap();
    fs::create_dir(pages.0.path().join("file")).unwrap();
    symlink(real.join("ui.json"), pages.0.path().join("file/ui.json")).unwrap();
    pages.write("dir/ui.json", "{}");
    symlink(real.join("assets"), pages.0.path().join("dir/assets")).unwrap();
    pages.write("itself/ui.json", "{}");
    symlink(".", pages.0.path().join("itself/assets")).unwrap();
    let manager = pages.manager();
    for name in ["real", "file", "dir", "itself"] {
        let error = manager.load_plugin(name).await.unwrap_err();
        assert_eq!(error.kind(), UiPluginErrorKind::Assets, "{name}: {error}");
        assert_eq!(error.status().as_u16(), 422);
    }
    assert!(manager.loaded_plugins().is_empty());
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_holds_nobody_up() {
    let pages = Pages::new();
    pages.plugin("pipes", "1.0.0");
    let pipe = pages.0.path().join("pipes/assets/pipe");
    let _socket = std::os::unix::net::UnixListener::bind(&pipe).unwrap();
    let problem = problem_of(pages.manager().load_plugin("pipes").await.unwrap_err());
    assert!(
        matches!(problem, AssetProblem::NotAFile { .. }),
        "{problem}"
    );
    fs::remove_file(&pipe).unwrap();
    // Nor is a manifest that is one.
    fs::remove_file(pages.0.path().join("pipes/ui.json")).unwrap();
    fs::create_dir(pages.0.path().join("pipes/ui.json")).unwrap();
    let error = pages.manager().load_plugin("pipes").await.unwrap_err();
    assert_eq!(error.kind(), UiPluginErrorKind::Internal, "{error}");
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[tokio::test]
async fn hidden_files_are_left_out_and_names_that_no_url_can_say_refused() {
    use std::os::unix::ffi::OsStrExt as _;

    let pages = Pages::new();
    pages.plugin("names", "1.0.0");
    pages.write("names/assets/.env", "secret");
    pages.write("names/assets/.git/config", "secret");
    pages.write("names/assets/a b/ü&.txt", "odd");
    let manager = pages.manager();
    let entry = manager.load_plugin("names").await.unwrap();
    assert_eq!(
        entry.assets.paths().collect::<Vec<_>>(),
        ["a b/ü&.txt", "index.html"]
    );
    assert_eq!(page(&entry.assets, "a%20b/%C3%BC%26.txt").await.1, "odd");
    for path in [".env", "%2eenv", ".git/config", "names/../.env"] {
        assert_eq!(page(&entry.assets, path).await.0, 404, "{path}");
    }
    let name = std::ffi::OsStr::from_bytes(b"\xff.txt");
    fs::write(pages.0.path().join("names/assets").join(name), "").unwrap();
    let problem = problem_of(manager.load_plugin("names").await.unwrap_err());
    assert!(matches!(problem, AssetProblem::Name { .. }), "{problem}");
}

#[tokio::test]
async fn each_limit_is_an_error_that_names_it() {
    let pages = Pages::new();
    pages.plugin("large", "1.0.0");
    pages.write("large/assets/a/b/c.txt", [b'x'; 100]);
    pages.write("large/assets/d.txt", [b'x'; 50]);
    let fits = || {
        let mut limits = AssetLimits::default();
        // With the 8 bytes of the page that all have.
        (
            limits.total_bytes,
            limits.file_bytes,
            limits.files,
            limits.depth,
        ) = (158, 100, 3, 2);
        limits
    };
    let load = |limits| async {
        let manager = pages.manager().with_limits(limits);
        let outcome = manager.load_plugin("large").await;
        outcome.map(drop).map_err(problem_of)
    };
    load(fits()).await.unwrap();
    let mut limits = fits();
    limits.total_bytes -= 1;
    let problem = load(limits).await.unwrap_err();
    assert!(
        matches!(problem, AssetProblem::TotalBytes { limit: 157 }),
        "{problem}"
    );
    let mut limits = fits();
    limits.file_bytes -= 1;
    let problem = load(limits).await.unwrap_err();
    assert!(
        problem
            .to_string()
            .contains("assets/a/b/c.txt has more than 99 bytes"),
        "{problem}"
    );
    let mut limits = fits();
    limits.files -= 1;
    let problem = load(limits).await.unwrap_err();
    assert!(
        matches!(problem, AssetProblem::Files { limit: 2 }),
        "{problem}"
    );
    let mut limits = fits();
    limits.depth -= 1;
    let problem = load(limits).await.unwrap_err();
    assert!(
        matches!(problem, AssetProblem::Depth { limit: 1, .. }),
        "{problem}"
    );
}

#[tokio::test]
async fn a_huge_manifest_is_refused_and_not_read_to_its_end() {
    let pages = Pages::new();
    pages.write("huge/ui.json", "{}");
    let file = fs::File::options()
        .write(true)
        .open(pages.0.path().join("huge/ui.json"));
    // Sparse: it has a length and no blocks.
    file.unwrap().set_len(1 << 40).unwrap();
    let error = pages.manager().load_plugin("huge").await.unwrap_err();
    assert_eq!(error.kind(), UiPluginErrorKind::Manifest);
    assert!(error.to_string().contains("the limit is 262144"), "{error}");
    pages.plugin("large", "1.0.0");
    let file = fs::File::create(pages.0.path().join("large/assets/film.mp4"));
    file.unwrap().set_len(1 << 40).unwrap();
    let problem = problem_of(pages.manager().load_plugin("large").await.unwrap_err());
    assert!(
        matches!(problem, AssetProblem::FileBytes { .. }),
        "{problem}"
    );
}

#[derive(Default)]
struct Heard(Mutex<Vec<(UiPluginChangeKind, String, String)>>);

#[async_trait::async_trait]
impl UiPluginObserver for Heard {
    async fn changed(&self, change: &UiPluginChange) {
        let heard = (change.kind, change.name.clone(), change.version.clone());
        self.0.lock().unwrap().push(heard);
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_each_change_in_its_order() {
    use UiPluginChangeKind::{Loaded, Reloaded, Unloaded};

    let pages = Pages::new();
    pages.plugin("reports", "1.0.0");
    let manager = pages.manager();
    let heard = Arc::new(Heard::default());
    manager.observe(heard.clone());
    manager.load_plugin("reports").await.unwrap();
    pages.plugin("reports", "2.0.0");
    manager.reload_plugin("reports").await.unwrap();
    pages.write("reports/ui.json", "{");
    manager.reload_plugin("reports").await.unwrap_err();
    manager.unload_plugin("reports").await.unwrap();
    let happened: Vec<_> = heard.0.lock().unwrap().clone();
    let expected = [(Loaded, "1.0.0"), (Reloaded, "2.0.0"), (Unloaded, "2.0.0")]
        .map(|(kind, version)| (kind, "reports".to_owned(), version.to_owned()));
    assert_eq!(happened, expected);
}
