//! The pages, in one list: what stands here is looked at by every test of `every_page.rs`.

use crate::driver::Browser;

/// A page to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// The name of its picture.
    pub(crate) name: &'static str,
    /// Where it is; `{run}` and the like stand for names of the world.
    pub(crate) path: &'static str,
    /// What is done there before it is looked at.
    pub(crate) act: Option<fn(&Browser)>,
    /// The picture is for the documents, too: the upper part of the page.
    pub(crate) shown: bool,
}

impl Page {
    /// Whether this complaint of the console is what the page is about: that something is
    /// not there, or that somebody is not let in.
    pub(crate) fn expects(&self, complaint: &str) -> bool {
        let missing = self.name.starts_with("no-such-") && complaint.contains("status of 404");
        let refused = self.name == "sign-in-wrong" && complaint.contains("status of 401");
        missing || refused
    }

    const fn after(mut self, act: fn(&Browser)) -> Page {
        self.act = Some(act);
        self
    }
}

const fn page(name: &'static str, path: &'static str) -> Page {
    Page {
        name,
        path,
        act: None,
        shown: false,
    }
}

const fn shown(name: &'static str, path: &'static str) -> Page {
    Page {
        shown: true,
        ..page(name, path)
    }
}

/// Pages of a server with ten plugins.
pub(crate) const FULL: &[Page] = &[
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
    page("run-operation-form", "/ui/run/operation/sql/query"),
    shown("run-operation", "/ui/run/operation/sql/query").after(run_a_query),
    page("run-operation-wrong", "/ui/run/operation/sql/query").after(run_nothing),
    page("run-destructive", "/ui/run/operation/sql/execute"),
    page("run-pipeline", "/ui/run/pipeline/restock"),
    page("no-such-pipeline", "/ui/run/pipeline/nothing"),
    page("runs", "/ui/runs"),
    page("runs-none-fits", "/ui/runs?outcome=cancelled"),
    shown("run", "/ui/runs/{run}"),
    page("run-failed", "/ui/runs/{failed-run}"),
    page("no-such-run", "/ui/runs/nobody"),
    page("call", "/ui/calls/{call}"),
    shown("catalog", "/ui/catalog?wait=1"),
    page("catalog-review", "/ui/catalog?wait=1").after(review_the_update),
    page("settings", "/ui/settings"),
    page("settings-tokens", "/ui/settings/tokens"),
    page("settings-keys", "/ui/settings/keys"),
    page("settings-policy", "/ui/settings/policy"),
    page("settings-audit", "/ui/settings/audit"),
    page("settings-about", "/ui/settings/about"),
    page("api", "/ui/api"),
    shown("ui-page", "/ui/pages/ui-plugin/runs").after(wait_for_the_frame),
    page("no-such-ui-page", "/ui/pages/ui-plugin/nothing"),
    page("question", "/ui/plugins/connector/sql").after(open_a_question),
    page("keys", "/ui/plugins").after(|browser| browser.press(&['?'])),
    page("no-such-page", "/ui/no-such-page"),
];

/// Pages for whoever has not signed in.
pub(crate) const OUTSIDE: &[Page] = &[
    page("sign-in", "/ui/sign-in"),
    page("sign-in-wrong", "/ui/sign-in").after(sign_in_wrongly),
];

/// Pages of a server on which nothing was done yet.
pub(crate) const EMPTY: &[Page] = &[
    page("overview", "/ui/"),
    page("plugins", "/ui/plugins"),
    page("runs", "/ui/runs"),
    page("catalog", "/ui/catalog"),
    page("settings-tokens", "/ui/settings/tokens"),
    page("settings-keys", "/ui/settings/keys"),
    page("settings-audit", "/ui/settings/audit"),
];

fn sign_in_wrongly(browser: &Browser) {
    browser.fill("#token", "ob_not-a-token");
    browser.click_text("main button", "Sign in");
    browser.see("[role=alert]", "Not signed in");
}

fn run_a_query(browser: &Browser) {
    browser.fill(
        "#field-sql",
        "SELECT name, price FROM items ORDER BY price DESC",
    );
    browser.click_text("main button", "Run query");
    browser.see("#outcome", "candle");
}

fn run_nothing(browser: &Browser) {
    browser.click_text("main button", "Run query");
    browser.see("[role=alert]", "one field is wrong");
}

fn review_the_update(browser: &Browser) {
    browser.click("#catalog-sql .actions button");
    browser.see("h2", "What changes");
}

fn wait_for_the_frame(browser: &Browser) {
    let frame = browser.find("#plugin-frame");
    browser.enter_frame(Some(&frame));
    browser.see("#runs", "restock");
    browser.enter_frame(None);
}

fn open_a_question(browser: &Browser) {
    browser.click_text(".confirm summary", "Remove");
}
