//! What Chromium tells and does beyond WebDriver, through ChromeDriver's own commands.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::Browser;

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A wide window, light.
    Light,
    /// A wide window, dark.
    Dark,
    /// A telephone of 360 pixels, light.
    Narrow,
}

impl Look {
    /// Its word, as in a file's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Look::Light => "light",
            Look::Dark => "dark",
            Look::Narrow => "narrow",
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Look::Light | Look::Narrow => "light",
            Look::Dark => "dark",
        }
    }

    pub(crate) fn width(self) -> u32 {
        match self {
            Look::Light | Look::Dark => 1280,
            Look::Narrow => 360,
        }
    }
}

/// One request that a page made.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) url: String,
    /// Such as `Document`, `Script`, `EventSource`.
    pub(crate) kind: String,
}

impl Browser {
    /// A command of the DevTools protocol.
    #[track_caller]
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post(
            "goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    /// Sets size and colours for this page and the next ones.
    #[track_caller]
    pub(crate) fn look(&self, look: Look) {
        self.size(look.width(), 800);
        let scheme = json!({ "name": "prefers-color-scheme", "value": look.scheme() });
        // What moves makes pictures differ.
        let motion = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [scheme, motion] }),
        );
    }

    #[track_caller]
    pub(crate) fn size(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
            }),
        );
    }

    /// Whether pages may run script. What tests run in them always may.
    #[track_caller]
    pub(crate) fn allow_script(&self, allowed: bool) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": !allowed }),
        );
    }

    /// Whether what was loaded before may be used again.
    #[track_caller]
    pub(crate) fn allow_cache(&self, allowed: bool) {
        self.devtools(
            "Network.setCacheDisabled",
            &json!({ "cacheDisabled": !allowed }),
        );
    }

    /// Warnings and errors that the console got since it was last asked: script that
    /// failed, resources that were not there, and what the policy refused.
    #[track_caller]
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let bad = entries
            .iter()
            .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")));
        bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The requests made since this was last asked.
    #[track_caller]
    pub(crate) fn requests(&self) -> Vec<Request> {
        let entries = self.post("se/log", &json!({ "type": "performance" }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let events = entries.iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            (event["method"] == "Network.requestWillBeSent").then(|| Request {
                url: event["params"]["request"]["url"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                kind: event["params"]["type"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            })
        });
        events.collect()
    }

    /// A picture of the whole page, also of what lies below the window, as PNG.
    #[track_caller]
    pub(crate) fn whole_picture(&self, look: Look, most: u32) -> Vec<u8> {
        self.size(look.width(), self.height(most));
        let picture = self.picture();
        self.size(look.width(), 800);
        picture
    }

    /// The upper part of the page, as a small WebP.
    #[track_caller]
    pub(crate) fn small_picture(&self, look: Look) -> Vec<u8> {
        self.size(look.width(), self.height(1400));
        let taken = self.devtools(
            "Page.captureScreenshot",
            &json!({ "format": "webp", "quality": 80 }),
        );
        self.size(look.width(), 800);
        let data = taken["data"].as_str().unwrap_or_default();
        BASE64_STANDARD.decode(data).unwrap()
    }

    /// How tall the page is: at least a window's height, at most so many pixels.
    #[track_caller]
    fn height(&self, most: u32) -> u32 {
        let height = self.script(
            "return Math.ceil(document.documentElement.getBoundingClientRect().height)",
            &[],
        );
        let height = height.as_u64().unwrap_or(800).clamp(800, most.into());
        u32::try_from(height).unwrap_or(most)
    }
}
