//! One browser and its one window: going somewhere, finding, clicking, typing, waiting.
//!
//! What is not there yet is waited for, up to [`DEADLINE`]; what does not come is a
//! failure that names the page, and leaves a picture of it in `target/browser-failures`.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    process::Driver,
    wire::{Refused, Wire},
};
use crate::support::{DEADLINE, Tools, target_directory};

/// How the protocol names an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a wait sleeps between two looks.
const GLANCE: Duration = Duration::from_millis(20);

/// Keys that are no characters, as the protocol writes them.
pub(crate) mod keys {
    pub(crate) const BACKSPACE: char = '\u{e003}';
    pub(crate) const TAB: char = '\u{e004}';
    pub(crate) const ENTER: char = '\u{e007}';
    pub(crate) const ESCAPE: char = '\u{e00c}';
}

/// A browser of its own, without cookies or history. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    name: String,
}

/// Something on a page, as long as it stays there.
#[derive(Debug, Clone)]
pub(crate) struct Element(String);

impl Browser {
    /// Opens one for a test of that name.
    pub(crate) fn open(tools: &Tools, name: &str) -> Browser {
        let driver = Driver::start(&tools.chromedriver);
        let profile = format!("--user-data-dir={}", driver.profile().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Containers have a small one.
            "--disable-dev-shm-usage",
            "--force-device-scale-factor=1",
            "--hide-scrollbars",
            "--lang=en",
            "--window-size=1280,800",
            profile.as_str(),
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "pageLoadStrategy": "normal",
            "unhandledPromptBehavior": "ignore",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "binary": tools.chromium, "args": arguments },
        } } });
        let opened = driver.wire.post("/session", &capabilities);
        let opened = opened.unwrap_or_else(|refused| panic!("no browser opened: {refused}"));
        let session = opened["sessionId"].as_str().unwrap();
        Browser {
            session: format!("/session/{session}"),
            driver,
            name: name.to_owned(),
        }
    }

    fn wire(&self) -> &Wire {
        &self.driver.wire
    }

    pub(super) fn try_post(&self, command: &str, body: &Value) -> Result<Value, Refused> {
        self.wire()
            .post(&format!("{}/{command}", self.session), body)
    }

    fn try_get(&self, command: &str) -> Result<Value, Refused> {
        self.wire().get(&format!("{}/{command}", self.session))
    }

    #[track_caller]
    pub(super) fn post(&self, command: &str, body: &Value) -> Value {
        self.try_post(command, body)
            .unwrap_or_else(|refused| panic!("{command}: {refused}"))
    }

    #[track_caller]
    fn get(&self, command: &str) -> Value {
        self.try_get(command)
            .unwrap_or_else(|refused| panic!("{command}: {refused}"))
    }

    /// Goes to an address and waits until the page has loaded.
    #[track_caller]
    pub(crate) fn go(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    #[track_caller]
    pub(crate) fn reload(&self) {
        self.post("refresh", &json!({}));
    }

    #[track_caller]
    pub(crate) fn url(&self) -> String {
        text(&self.get("url"))
    }

    /// The address without scheme and host.
    #[track_caller]
    pub(crate) fn path(&self) -> String {
        let url = self.url();
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..]).to_owned()
    }

    #[track_caller]
    pub(crate) fn title(&self) -> String {
        text(&self.get("title"))
    }

    /// The page's HTML as it is now.
    #[track_caller]
    pub(crate) fn source(&self) -> String {
        text(&self.get("source"))
    }

    /// What a function body returns in the page. It runs outside of the page's policy.
    #[track_caller]
    pub(crate) fn script(&self, body: &str, arguments: &[Value]) -> Value {
        self.post(
            "execute/sync",
            &json!({ "script": body, "args": arguments }),
        )
    }

    /// The same for a body that calls its last argument when it has an answer.
    #[track_caller]
    pub(crate) fn script_with_callback(&self, body: &str, arguments: &[Value]) -> Value {
        self.post(
            "execute/async",
            &json!({ "script": body, "args": arguments }),
        )
    }

    /// The first element that a selector fits, as soon as there is one.
    #[track_caller]
    pub(crate) fn find(&self, css: &str) -> Element {
        self.patiently(&format!("{css} on the page"), || {
            let found = self.try_post("element", &selector(css))?;
            Ok(Element(text(&found[ELEMENT])))
        })
    }

    /// All elements that a selector fits now.
    #[track_caller]
    pub(crate) fn find_all(&self, css: &str) -> Vec<Element> {
        let found = self.post("elements", &selector(css));
        let found = found.as_array().cloned().unwrap_or_default();
        let elements = found.iter().map(|element| Element(text(&element[ELEMENT])));
        elements.collect()
    }

    /// Clicks the first element that a selector fits, as soon as it can be.
    #[track_caller]
    pub(crate) fn click(&self, css: &str) {
        self.patiently(&format!("{css} to click"), || {
            let found = self.try_post("element", &selector(css))?;
            let element = text(&found[ELEMENT]);
            self.try_post(&format!("element/{element}/click"), &json!({}))
        });
    }

    /// Clicks the first of the elements that shows this text, as soon as there is one.
    #[track_caller]
    pub(crate) fn click_text(&self, css: &str, shown: &str) {
        self.patiently(&format!("{css} with the text {shown:?}"), || {
            let found = self.try_post("elements", &selector(css))?;
            for element in found.as_array().into_iter().flatten() {
                let element = text(&element[ELEMENT]);
                let says = text(&self.try_get(&format!("element/{element}/text"))?);
                if says.trim() == shown {
                    return self.try_post(&format!("element/{element}/click"), &json!({}));
                }
            }
            Err(not_there())
        });
    }

    /// Clicks something inside the first of the elements whose text has this in it, such
    /// as the button of a table's row.
    #[track_caller]
    pub(crate) fn click_in(&self, outer: &str, part: &str, inner: &str) {
        self.patiently(&format!("{inner} in {outer} with {part:?}"), || {
            let found = self.try_post("elements", &selector(outer))?;
            for element in found.as_array().into_iter().flatten() {
                let element = text(&element[ELEMENT]);
                if text(&self.try_get(&format!("element/{element}/text"))?).contains(part) {
                    let within = format!("element/{element}/element");
                    let inside = text(&self.try_post(&within, &selector(inner))?[ELEMENT]);
                    return self.try_post(&format!("element/{inside}/click"), &json!({}));
                }
            }
            Err(not_there())
        });
    }

    /// Puts a text into a field, instead of what stands there.
    #[track_caller]
    pub(crate) fn fill(&self, css: &str, value: &str) {
        self.patiently(&format!("{css} to fill in"), || {
            let found = self.try_post("element", &selector(css))?;
            let element = text(&found[ELEMENT]);
            self.try_post(&format!("element/{element}/clear"), &json!({}))?;
            self.try_post(
                &format!("element/{element}/value"),
                &json!({ "text": value }),
            )
        });
    }

    /// Presses keys one after the other, wherever the focus is.
    #[track_caller]
    pub(crate) fn press(&self, keys: &[char]) {
        let strokes = keys.iter().flat_map(|key| {
            [
                json!({ "type": "keyDown", "value": key }),
                json!({ "type": "keyUp", "value": key }),
            ]
        });
        let strokes: Vec<Value> = strokes.collect();
        let source = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.post("actions", &json!({ "actions": [source] }));
    }

    /// The text that an element shows.
    #[track_caller]
    pub(crate) fn text_of(&self, element: &Element) -> String {
        text(&self.get(&format!("element/{}/text", element.0)))
    }

    /// The text that the first fitting element shows.
    #[track_caller]
    pub(crate) fn text(&self, css: &str) -> String {
        self.patiently(&format!("the text of {css}"), || {
            let found = self.try_post("element", &selector(css))?;
            let element = text(&found[ELEMENT]);
            Ok(text(&self.try_get(&format!("element/{element}/text"))?))
        })
    }

    /// An attribute of an element, if it has it.
    #[track_caller]
    pub(crate) fn attribute(&self, element: &Element, name: &str) -> Option<String> {
        let value = self.get(&format!("element/{}/attribute/{name}", element.0));
        value.as_str().map(str::to_owned)
    }

    /// Waits until the first fitting element shows a text that has this in it.
    #[track_caller]
    pub(crate) fn see(&self, css: &str, part: &str) {
        self.wait_until(&format!("{css} that says {part:?}"), || {
            let found = self.try_post("elements", &selector(css)).ok()?;
            let shows = found.as_array()?.iter().any(|element| {
                let element = text(&element[ELEMENT]);
                let shown = self.try_get(&format!("element/{element}/text"));
                shown.is_ok_and(|shown| text(&shown).contains(part))
            });
            shows.then_some(())
        });
    }

    /// Waits until a script's expression is true.
    #[track_caller]
    pub(crate) fn holds(&self, what: &str, expression: &str) {
        let body = format!("return Boolean({expression})");
        let body = json!({ "script": body, "args": [] });
        self.wait_until(what, || {
            let value = self.try_post("execute/sync", &body).ok()?;
            (value == true).then_some(())
        });
    }

    /// Waits until something is there, and says what it was for if it never is.
    #[track_caller]
    pub(crate) fn wait_until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        self.patiently(what, || look().ok_or_else(not_there))
    }

    #[track_caller]
    fn patiently<T>(&self, what: &str, attempt: impl Fn() -> Result<T, Refused>) -> T {
        let until = Instant::now() + DEADLINE;
        loop {
            match attempt() {
                Ok(value) => return value,
                Err(refused) if refused.passes() && Instant::now() < until => {}
                Err(refused) => {
                    let path = self.try_get("url").map(|url| text(&url));
                    let path = path.unwrap_or_default();
                    panic!("{path} has not: {what} ({refused})");
                }
            }
            thread::sleep(GLANCE);
        }
    }

    /// Looks into a frame, or with `None` at the page again.
    #[track_caller]
    pub(crate) fn enter_frame(&self, frame: Option<&Element>) {
        let id = frame.map_or(json!(null), |frame| json!({ ELEMENT: frame.0 }));
        self.post("frame", &json!({ "id": id }));
    }

    /// How many windows and tabs there are.
    #[track_caller]
    pub(crate) fn windows(&self) -> usize {
        self.get("window/handles").as_array().map_or(0, Vec::len)
    }

    /// The window's cookies for this page, those that script cannot see among them.
    #[track_caller]
    pub(crate) fn cookies(&self) -> Vec<Value> {
        self.get("cookie").as_array().cloned().unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn forget_cookies(&self) {
        let path = format!("{}/cookie", self.session);
        self.wire().delete(&path).unwrap();
    }

    /// A picture of what the window shows, as PNG.
    #[track_caller]
    pub(crate) fn picture(&self) -> Vec<u8> {
        let picture = text(&self.get("screenshot"));
        BASE64_STANDARD.decode(picture).unwrap()
    }

    /// What a failed test leaves, so that one sees what it saw.
    fn leave_evidence(&self) {
        let directory = target_directory().join("browser-failures");
        let _ = fs::create_dir_all(&directory);
        let file = directory.join(&self.name);
        if let Ok(picture) = self.try_get("screenshot") {
            let picture = BASE64_STANDARD.decode(text(&picture));
            let _ = fs::write(file.with_extension("png"), picture.unwrap_or_default());
        }
        if let Ok(source) = self.try_get("source") {
            let _ = fs::write(file.with_extension("html"), text(&source));
        }
        eprintln!(
            "what the browser showed is in {}.png and .html",
            file.display()
        );
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            self.leave_evidence();
        }
        // What it does not close, the driver's end does.
        let _ = self.wire().delete(&self.session);
    }
}

fn selector(css: &str) -> Value {
    json!({ "using": "css selector", "value": css })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn not_there() -> Refused {
    Refused {
        word: "no such element".to_owned(),
        message: format!("not within {DEADLINE:?}"),
    }
}
