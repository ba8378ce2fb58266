//! What holds on every page of [`pages`](crate::pages), and a picture of each.
//!
//! Pictures and a table of figures are written to `target/screenshots`. One browser looks
//! at all pages of a world, so that this takes seconds and not minutes.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    driver::{Browser, Look},
    pages::{EMPTY, FULL, OUTSIDE, Page},
    support::{Tools, World, axe, target_directory, tools},
};

/// The most that a page with all that it needs may weigh, without what plugins bring.
const HEAVIEST: u64 = 100 << 10;
/// The tallest picture of a page.
const TALLEST: u32 = 4000;

#[test]
fn every_page_of_a_server_with_ten_plugins_is_light_accessible_and_well_behaved() {
    let Some(tools) = tools() else { return };
    look_at_all(&tools, &World::full(), "full", FULL);
}

#[test]
fn every_page_of_an_empty_server_is_light_accessible_and_well_behaved() {
    let Some(tools) = tools() else { return };
    look_at_all(&tools, &World::empty(), "empty", EMPTY);
}

fn look_at_all(tools: &Tools, world: &World, kind: &str, pages: &[Page]) {
    let mut visit = Visit {
        browser: Browser::open(tools, &format!("every-page-{kind}")),
        world,
        kind,
        problems: Vec::new(),
        figures: String::new(),
    };
    if kind == "empty" {
        visit.walk(OUTSIDE);
    }
    world.sign_in(&visit.browser);
    visit.walk(pages);
    println!("{}", visit.figures);
    let figures = directory().join(format!("{kind}.txt"));
    fs::write(figures, &visit.figures).unwrap();
    assert!(
        visit.problems.is_empty(),
        "{} problems:\n{}",
        visit.problems.len(),
        visit.problems.join("\n")
    );
}

/// A walk through the pages of one world, and what was found on the way.
struct Visit<'a> {
    browser: Browser,
    world: &'a World,
    kind: &'a str,
    problems: Vec<String>,
    figures: String,
}

impl Visit<'_> {
    fn walk(&mut self, pages: &[Page]) {
        for look in [Look::Light, Look::Dark, Look::Narrow] {
            self.browser.look(look);
            for page in pages {
                self.look_at(page, look);
            }
        }
    }

    fn look_at(&mut self, page: &Page, look: Look) {
        let browser = &self.browser;
        let first = look == Look::Light;
        browser.allow_cache(!first);
        browser.complaints();
        browser.requests();
        browser.go(&self.world.at(page.path));
        if let Some(act) = page.act {
            act(browser);
        }
        browser.holds(
            "nothing is still on its way",
            "!document.querySelector('.htmx-request')",
        );
        let mut found = self.manners(page);
        if first {
            found.extend(self.weight(page));
        }
        if look.width() < 400 {
            found.extend(self.overflow());
        }
        self.picture(page, look);
        found.extend(self.accessibility());
        let at = format!("{}/{} ({})", self.kind, page.name, look.word());
        let found = found.into_iter().map(|what| format!("{at}: {what}"));
        self.problems.extend(found);
    }

    /// A title, one heading, no complaint in the console, no stranger asked.
    fn manners(&self, page: &Page) -> Vec<String> {
        let browser = &self.browser;
        let mut found = Vec::new();
        if !browser.title().ends_with("Outboard") {
            found.push(format!("its title is {:?}", browser.title()));
        }
        let headings = browser.find_all("h1").len();
        if headings != 1 {
            found.push(format!("it has {headings} first headings"));
        }
        let complaints = browser.complaints();
        let complaints = complaints.into_iter().filter(|text| !page.expects(text));
        found.extend(complaints.map(|text| format!("the console says {text}")));
        let own = format!("{}/", self.world.server.url);
        let strangers = browser
            .requests()
            .into_iter()
            .filter(|request| !request.url.starts_with(&own) && !request.url.starts_with("data:"));
        found
            .extend(strangers.map(|request| format!("it asks {} ({})", request.url, request.kind)));
        found
    }

    /// How much is fetched for the page, and when it was first painted.
    fn weight(&mut self, page: &Page) -> Vec<String> {
        let figures = self.browser.script(
            "const entries = performance.getEntriesByType('navigation')
                 .concat(performance.getEntriesByType('resource'))
                 .filter(entry => !entry.name.includes('/ui/frames/'));
             const paint = performance.getEntriesByName('first-contentful-paint')[0];
             return {
                 bytes: entries.reduce((sum, entry) => sum + entry.transferSize, 0),
                 requests: entries.length,
                 paint: paint ? Math.round(paint.startTime) : null,
                 answered: Math.round(entries[0].responseEnd),
             }",
            &[],
        );
        let bytes = figures["bytes"].as_u64().unwrap_or(u64::MAX);
        writeln!(
            self.figures,
            "{}/{:<24} {:>7} bytes {:>3} requests, answered after {:>4} ms, painted after {:>4} ms",
            self.kind, page.name, bytes, figures["requests"], figures["answered"], figures["paint"],
        )
        .unwrap();
        if bytes > HEAVIEST {
            return vec![format!(
                "it weighs {bytes} bytes, and {HEAVIEST} are the most"
            )];
        }
        Vec::new()
    }

    /// Nothing is wider than the window, so that nobody has to scroll aside.
    fn overflow(&self) -> Vec<String> {
        let wide = self.browser.script(
            "const width = document.documentElement.clientWidth;
             if (document.documentElement.scrollWidth <= width) return [];
             const wide = [...document.body.querySelectorAll('*')]
                 .filter(element => element.getBoundingClientRect().right > width + 1)
                 .filter(element => !element.closest('.scroll, pre'))
                 .slice(0, 3)
                 .map(element => element.outerHTML.slice(0, 120));
             return wide.length ? wide : ['a text, ' + document.documentElement.scrollWidth]",
            &[],
        );
        let wide = wide.as_array().cloned().unwrap_or_default();
        wide.iter()
            .map(|element| format!("it is wider than the window: {element}"))
            .collect()
    }

    fn picture(&self, page: &Page, look: Look) {
        let picture = self.browser.whole_picture(look, TALLEST);
        let name = format!("{}-{}-{}.png", self.kind, page.name, look.word());
        fs::write(directory().join(name), picture).unwrap();
        if page.shown && self.kind == "full" && look != Look::Narrow {
            let picture = self.browser.small_picture(look);
            let name = match look {
                Look::Dark => format!("{}-dark.webp", page.name),
                _ => format!("{}.webp", page.name),
            };
            let documents = directory().join("documents");
            fs::create_dir_all(&documents).unwrap();
            fs::write(documents.join(name), picture).unwrap();
        }
    }

    /// What axe finds that is serious or worse.
    fn accessibility(&self) -> Vec<String> {
        let Some(axe) = axe() else { return Vec::new() };
        self.browser.script(axe, &[]);
        let found = self.browser.script_with_callback(
            "const done = arguments[arguments.length - 1];
             axe.run(document, { resultTypes: ['violations'], iframes: false })
                 .then(result => done(result.violations), error => done(String(error)))",
            &[],
        );
        let Some(violations) = found.as_array() else {
            return vec![format!("axe failed: {found}")];
        };
        let serious = violations.iter().filter(|violation| {
            violation["impact"] == "serious" || violation["impact"] == "critical"
        });
        serious
            .map(|violation| {
                let nodes = violation["nodes"].as_array().cloned().unwrap_or_default();
                let places: Vec<Value> = nodes
                    .iter()
                    .take(3)
                    .map(|node| json!([node["html"], node["any"][0]["message"]]))
                    .collect();
                format!(
                    "axe: {} ({}, {} places): {}",
                    violation["id"],
                    violation["help"],
                    nodes.len(),
                    json!(places)
                )
            })
            .collect()
    }
}

fn directory() -> PathBuf {
    let directory: &Path = &target_directory().join("screenshots");
    fs::create_dir_all(directory).unwrap();
    directory.to_owned()
}
