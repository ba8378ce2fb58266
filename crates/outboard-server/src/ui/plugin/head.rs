//! What stands above the tabs: name, state, what is wrong with a remedy, what can be done.

use outboard_workflow::engine::nearest;

use crate::{
    http::Problem,
    security::Permission,
    ui::{commands::in_path, page::Ui, state::Mark},
};

/// The part of a plugin's page above its tabs.
pub(super) struct Head {
    pub(super) name: String,
    /// The name for people, if it is another.
    pub(super) title: Option<String>,
    /// `plugin`, `connector`, `tool` or `job`.
    pub(super) kind: String,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) mark: Mark,
    pub(super) trouble: Option<Trouble>,
    pub(super) actions: Vec<Action>,
    pub(super) href: String,
    pub(super) csrf: String,
}

/// What is wrong, and what to do about it.
pub(super) struct Trouble {
    pub(super) what: String,
    pub(super) why: String,
    /// The last lines that it wrote.
    pub(super) lines: Vec<String>,
    pub(super) remedy: String,
}

/// A button. What stops something asks once.
#[derive(Default)]
pub(super) struct Action {
    pub(super) label: &'static str,
    pub(super) href: String,
    /// Whether it is what to do first.
    pub(super) first: bool,
    pub(super) ask: Option<Ask>,
}

/// A question that is asked once.
#[derive(Default)]
pub(super) struct Ask {
    /// What stops, and whether it comes back.
    pub(super) consequence: String,
    /// Whether it can be taken back, and stops nothing.
    pub(super) calm: bool,
    /// The words of the button that does it.
    pub(super) yes: String,
    /// A hidden field that says that it was asked.
    pub(super) field: Option<(&'static str, &'static str)>,
    /// A box to tick: its name and its words.
    pub(super) option: Option<(&'static str, &'static str)>,
}

/// One of the page's tabs.
pub(super) struct Tab {
    pub(super) label: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
    pub(super) first: bool,
}

/// A fact with its name.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Whether it is for programs: a path, a digest, a name.
    pub(super) code: bool,
}

/// Facts, in their order; those without a value are left out.
#[derive(Default)]
pub(super) struct Facts(pub(super) Vec<Fact>);

impl Facts {
    pub(super) fn add(&mut self, name: &'static str, value: impl Into<String>) -> &mut Facts {
        self.push(name, value.into(), false)
    }

    pub(super) fn code(&mut self, name: &'static str, value: impl Into<String>) -> &mut Facts {
        self.push(name, value.into(), true)
    }

    fn push(&mut self, name: &'static str, value: String, code: bool) -> &mut Facts {
        if !value.is_empty() {
            self.0.push(Fact { name, value, code });
        }
        self
    }
}

/// The tabs of a plugin that this one may look at. The second is `operations` or `types`.
pub(super) fn tabs(
    ui: &Ui,
    href: &str,
    second: (&'static str, &'static str),
    current: &str,
) -> Result<Vec<Tab>, Problem> {
    let all = [
        ("overview", "Overview", None),
        (second.0, second.1, None),
        ("settings", "Settings", None),
        ("log", "Log", Some(Permission::LOGS_READ)),
        ("runs", "Runs", Some(Permission::RUNS_READ)),
        ("process", "Process", None),
    ];
    if !all.iter().any(|(id, _, _)| *id == current) {
        let names = all.map(|(id, _, _)| id).join(", ");
        return Err(
            Problem::not_found(format!("there is no {current:?} on this page"))
                .with_hint(format!("there are {names}")),
        );
    }
    let seen = all
        .into_iter()
        .filter(|(_, _, needs)| needs.as_ref().is_none_or(|needs| ui.may(needs)));
    Ok(seen
        .map(|(id, label, _)| Tab {
            label,
            href: match id {
                "overview" => href.to_owned(),
                id => format!("{href}/{id}"),
            },
            current: id == current,
            first: id == "overview",
        })
        .collect())
}

/// Where the page of a plugin is.
pub(super) fn href(family: &str, name: &str) -> String {
    format!("/ui/plugins/{family}/{}", in_path(name))
}

/// That there is no such plugin, with the one that was probably meant.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let name: String = name.chars().take(100).collect();
    let problem = Problem::not_found(format!("there is no {what} {name:?}"));
    match nearest(&name, known) {
        Some(near) => problem.with_hint(format!("did you mean {near:?}?")),
        None => problem.with_hint("the page Plugins lists those that are there"),
    }
}
