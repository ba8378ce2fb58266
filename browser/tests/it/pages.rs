//! The pages, in one list: what stands here is looked at by every test of `every_page.rs`.

/// A page to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// The name of its picture.
    pub(crate) name: &'static str,
    /// Where it is; `{run}` and the like stand for names of the world.
    pub(crate) path: &'static str,
    /// The picture is for the documents, too: light, the upper part of the page.
    pub(crate) shown: bool,
}

impl Page {
    /// Whether it says that something is not there, with a status that a browser's console
    /// complains of.
    pub(crate) fn is_missing(&self) -> bool {
        self.name.starts_with("no-such-")
    }
}

const fn page(name: &'static str, path: &'static str) -> Page {
    Page {
        name,
        path,
        shown: false,
    }
}

const fn shown(name: &'static str, path: &'static str) -> Page {
    Page {
        name,
        path,
        shown: true,
    }
}

/// Pages of a server with ten plugins.
pub(crate) const FULL: &[Page] = &[
    page("sign-in", "/ui/sign-in"),
    shown("overview", "/ui/"),
    shown("plugins", "/ui/plugins"),
    page("plugins-none-fits", "/ui/plugins?q=zzz"),
    shown("plugin", "/ui/plugins/workflow/store-plugin"),
    page("plugin-types", "/ui/plugins/workflow/store-plugin/types"),
    page(
        "plugin-settings",
        "/ui/plugins/workflow/store-plugin/settings",
    ),
    page("plugin-log", "/ui/plugins/workflow/store-plugin/log"),
    page("plugin-runs", "/ui/plugins/workflow/store-plugin/runs"),
    page(
        "plugin-process",
        "/ui/plugins/workflow/store-plugin/process",
    ),
    page("plugin-failed", "/ui/plugins/workflow/hello-plugin"),
    page("plugin-failed-log", "/ui/plugins/workflow/hello-plugin/log"),
    page(
        "plugin-failed-process",
        "/ui/plugins/workflow/hello-plugin/process",
    ),
    page("plugin-stopped", "/ui/plugins/workflow/mail-gateway"),
    page(
        "plugin-stopped-log",
        "/ui/plugins/workflow/mail-gateway/log",
    ),
    page("plugin-unusable", "/ui/plugins/workflow/image-scaler"),
    page("no-such-plugin", "/ui/plugins/workflow/store-plugn"),
    shown("connector", "/ui/plugins/connector/sql"),
    page(
        "connector-operations",
        "/ui/plugins/connector/sql/operations",
    ),
    page("connector-settings", "/ui/plugins/connector/sql/settings"),
    page("connector-log", "/ui/plugins/connector/sql/log"),
    page("connector-runs", "/ui/plugins/connector/sql/runs"),
    page("connector-process", "/ui/plugins/connector/sql/process"),
    page(
        "connector-many-fields",
        "/ui/plugins/connector/rest/settings",
    ),
    page("connector-disabled", "/ui/plugins/connector/chat"),
    page("connector-unusable", "/ui/plugins/connector/files"),
    page("no-such-connector", "/ui/plugins/connector/nobody"),
    shown("run-operation", "/ui/run/operation/sql/query"),
    page("run-destructive", "/ui/run/operation/sql/execute"),
    page("run-pipeline", "/ui/run/pipeline/restock"),
    page("no-such-pipeline", "/ui/run/pipeline/nothing"),
    page("no-such-page", "/ui/no-such-page"),
];

/// Pages of a server on which nothing was done yet.
pub(crate) const EMPTY: &[Page] = &[page("overview", "/ui/"), page("plugins", "/ui/plugins")];
