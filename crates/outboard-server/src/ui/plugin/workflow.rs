//! The page of a plugin of the workflow family.

use askama::Template;
use axum::extract::{Path, State};
use outboard_contracts::{
    PluginManifest,
    manifest::ContractField,
    schema::{ConfigField, ServiceIo},
};
use outboard_workflow::{
    engine::TypeKind,
    external::{DiscoveredPlugin, ManagerErrorKind, PluginState, PluginStatus},
};

use super::{
    LIVE, LIVE_RUNS,
    head::{Action, Ask, Facts, Head, Trouble, href, tabs, unknown},
    log, page, process, runs,
};
use crate::{
    http::Problem,
    plugins::blocking,
    security::Permission,
    server::AppState,
    ui::{
        commands::in_path,
        form::text_of,
        json::pretty,
        page::{Ui, UiResult},
        state::Mark,
    },
};

/// A plugin as it is on disk and in its process.
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) found: Option<DiscoveredPlugin>,
    pub(super) status: Option<PluginStatus>,
}

impl Plugin {
    /// The plugin of that name; it is compared with what is there, and no path is made
    /// of it.
    pub(super) async fn find(state: &AppState, name: &str) -> Result<Plugin, Problem> {
        let manager = state.plugins.manager().clone();
        let found = blocking(move || manager.discover_plugins()).await;
        let mut found = found.map_err(|error| Problem::internal(&error))?;
        let status = state.plugins.manager().status(name);
        let place = found.iter().position(|plugin| plugin.name == name);
        if place.is_none() && status.is_none() {
            let known = found.iter().map(|plugin| plugin.name.as_str());
            return Err(unknown("plugin", name, known));
        }
        Ok(Plugin {
            name: name.to_owned(),
            found: place.map(|place| found.swap_remove(place)),
            status,
        })
    }

    /// What runs counts for more than what is on disk.
    pub(super) fn manifest(&self) -> Option<&PluginManifest> {
        let on_disk = self.found.as_ref();
        let running = self.status.as_ref().map(|status| &status.manifest);
        running.or_else(|| on_disk.and_then(|found| found.manifest.as_ref().ok()))
    }

    fn is_loadable(&self) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| found.manifest.is_ok())
    }

    fn word(&self) -> &'static str {
        match (&self.status, self.is_loadable()) {
            (Some(status), _) => status.state.as_str(),
            (None, true) => "not loaded",
            (None, false) => "unusable",
        }
    }

    /// What is wrong with it, if something is.
    fn trouble(&self, state: &AppState) -> Option<Trouble> {
        let status = self.status.as_ref();
        let lines = || {
            let last = status.and_then(|status| status.last_exit.as_ref());
            last.map(|exit| exit.last_lines.clone()).unwrap_or_default()
        };
        match status.map(|status| &status.state) {
            Some(PluginState::Failed { reason }) => {
                return Some(Trouble {
                    what: "It has failed and is not started again".to_owned(),
                    why: reason.clone(),
                    lines: lines(),
                    remedy: "Read its log, mend what it says, and reload it.".to_owned(),
                });
            }
            Some(PluginState::Restarting { attempt }) => {
                let exit = status.and_then(|status| status.last_exit.as_ref());
                return Some(Trouble {
                    what: format!("It crashed and is being started again, attempt {attempt}"),
                    why: exit.map_or_else(String::new, ToString::to_string),
                    lines: lines(),
                    remedy: "Nothing is to be done: it comes back by itself, and its modules \
                             with it. If it does not, its log says why."
                        .to_owned(),
                });
            }
            _ => {}
        }
        match &self.found {
            None => Some(Trouble {
                what: "Its directory is gone".to_owned(),
                why: "It runs on, and cannot be loaded again once it ends.".to_owned(),
                lines: Vec::new(),
                remedy: "Put the directory back, or unload it.".to_owned(),
            }),
            Some(found) => {
                let error = found.manifest.as_ref().err()?;
                let remedy = match error.kind() {
                    ManagerErrorKind::Manifest => "Mend its plugin.json.",
                    ManagerErrorKind::InvalidName => {
                        "Rename its directory, its program and the name in plugin.json: lower \
                         case letters, digits and hyphens."
                    }
                    ManagerErrorKind::Binary => "Build its program for this machine.",
                    _ => "Mend what is in its directory.",
                };
                Some(Trouble {
                    what: "It cannot be loaded".to_owned(),
                    why: state.plugins.without_paths(&error.to_string()),
                    lines: Vec::new(),
                    remedy: format!("{remedy} This page sees it at once."),
                })
            }
        }
    }

    fn actions(&self, state: &AppState, ui: &Ui, href: &str) -> Vec<Action> {
        if !ui.may(&Permission::PLUGINS_MANAGE) {
            return Vec::new();
        }
        let failed = |status: &PluginStatus| matches!(status.state, PluginState::Failed { .. });
        match &self.status {
            None if self.is_loadable() => vec![Action {
                label: "Load",
                href: format!("{href}/load"),
                first: true,
                ask: None,
            }],
            None => Vec::new(),
            Some(status) => {
                let users = state.engine.users_of(&self.name);
                let ask = match users.as_slice() {
                    [] => Ask {
                        consequence: "Nothing uses it. Its process ends; load it again whenever \
                                      you like."
                            .to_owned(),
                        yes: "Unload it".to_owned(),
                        ..Ask::default()
                    },
                    users => Ask {
                        consequence: format!(
                            "It is in use by {}. They stop, and runs that use them are \
                             cancelled. Loading it again brings all of it back.",
                            users.join(", ")
                        ),
                        yes: "Unload it all the same".to_owned(),
                        field: Some(("force", "1")),
                        ..Ask::default()
                    },
                };
                vec![
                    Action {
                        label: "Reload",
                        href: format!("{href}/reload"),
                        first: failed(status),
                        ask: None,
                    },
                    Action {
                        label: "Unload",
                        href: format!("{href}/unload"),
                        first: false,
                        ask: Some(ask),
                    },
                ]
            }
        }
    }

    fn head(&self, state: &AppState, ui: &Ui) -> Head {
        let href = href("workflow", &self.name);
        let manifest = self.manifest();
        let text = |get: fn(&PluginManifest) -> &String| {
            manifest.map_or_else(String::new, |manifest| get(manifest).clone())
        };
        Head {
            name: self.name.clone(),
            title: None,
            kind: "plugin".to_owned(),
            version: text(|manifest| &manifest.version),
            description: text(|manifest| &manifest.description),
            mark: Mark::of(self.word()),
            trouble: self.trouble(state),
            actions: self.actions(state, ui, &href),
            href,
            csrf: ui.csrf.clone(),
        }
    }
}

/// `GET /ui/plugins/workflow/{name}`
pub(super) async fn overview(state: State<AppState>, Path(name): Path<String>, ui: Ui) -> UiResult {
    tab(state, Path((name, "overview".to_owned())), ui).await
}

/// `GET /ui/plugins/workflow/{name}/{tab}`
pub(super) async fn tab(
    State(state): State<AppState>,
    Path((name, current)): Path<(String, String)>,
    ui: Ui,
) -> UiResult {
    let plugin = Plugin::find(&state, &name).await?;
    let head = plugin.head(&state, &ui);
    let tabs = tabs(&ui, &head.href, ("types", "Types"), &current)?;
    let show = Show {
        state: &state,
        ui: &ui,
        plugin: &plugin,
        head: &head,
    };
    match current.as_str() {
        "types" => page(&ui, &head, &tabs, LIVE, &show.types()),
        "settings" => page(&ui, &head, &tabs, LIVE, &show.settings()),
        "log" => {
            let log = state.plugins.manager().log(&name);
            let (content, live) =
                log::tab(&ui, &head, log, "It was not started since the server was.");
            page(&ui, &head, &tabs, live, &content)
        }
        "runs" => page(
            &ui,
            &head,
            &tabs,
            LIVE_RUNS,
            &runs::of_workflow(&state, &ui, &name),
        ),
        "process" => {
            let content = process::of_workflow(&state, &ui, &plugin).await;
            page(&ui, &head, &tabs, LIVE, &content)
        }
        _ => page(&ui, &head, &tabs, LIVE, &show.overview()),
    }
}

struct Show<'a> {
    state: &'a AppState,
    ui: &'a Ui,
    plugin: &'a Plugin,
    head: &'a Head,
}

#[derive(Template)]
#[template(path = "plugin/workflow_overview.html")]
struct Overview {
    facts: Facts,
    types: Vec<(&'static str, Vec<String>)>,
    used_by: Vec<String>,
    pipelines: Vec<Pipeline>,
    missing: Vec<String>,
    is_loaded: bool,
    may_run: bool,
    href: String,
}

/// A pipeline that uses the plugin.
struct Pipeline {
    name: String,
    description: String,
    href: String,
}

#[derive(Template)]
#[template(path = "plugin/types.html")]
struct Types {
    types: Vec<Type>,
    hooks: Vec<String>,
    is_loaded: bool,
}

/// A type that the plugin brings.
struct Type {
    name: String,
    kind: &'static str,
    label: String,
    description: String,
    /// Whether its plugin said which fields it takes.
    has_schema: bool,
    fields: Vec<TypeField>,
    io: Vec<TypeIo>,
    used_in: Vec<String>,
}

struct TypeField {
    key: String,
    type_words: String,
    required: bool,
    default: String,
    description: String,
}

struct TypeIo {
    direction: &'static str,
    name: String,
    io_type: String,
    description: String,
}

#[derive(Template)]
#[template(path = "plugin/workflow_settings.html")]
struct Settings {
    contract: Vec<(&'static str, Vec<TypeField>)>,
    may_trigger: Vec<String>,
    may_look_up: Vec<String>,
    dependencies: Vec<(String, String)>,
    manifest: String,
}

impl Show<'_> {
    /// The pipelines whose steps are of this plugin's types.
    fn pipelines(&self) -> Vec<Pipeline> {
        let owners = self.state.engine.registry().types(TypeKind::Step);
        let is_ours = |step_type: &String| owners.get(step_type) == Some(&self.plugin.name);
        let pipelines = self.state.engine.pipelines().into_iter();
        pipelines
            .filter(|pipeline| pipeline.steps.iter().any(|step| is_ours(&step.step_type)))
            .map(|pipeline| Pipeline {
                href: format!("/ui/run/pipeline/{}", in_path(&pipeline.name)),
                name: pipeline.name,
                description: pipeline.description,
            })
            .collect()
    }

    fn overview(&self) -> Overview {
        let mut facts = Facts::default();
        let mut types = Vec::new();
        if let Some(manifest) = self.plugin.manifest() {
            let capabilities = manifest.capabilities.iter().map(|capability| {
                format!(
                    "{} {}",
                    capability
                        .role
                        .replace("provider", "provides")
                        .replace("consumer", "needs"),
                    capability.name
                )
            });
            facts
                .add("Author", &*manifest.author)
                .add("Licence", &*manifest.license)
                .code("Source", &*manifest.repository)
                .add("Tags", manifest.tags.join(", "))
                .add("Capabilities", capabilities.collect::<Vec<_>>().join(", "));
            types = vec![
                ("Module types", manifest.module_types.clone()),
                ("Step types", manifest.step_types.clone()),
                ("Trigger types", manifest.trigger_types.clone()),
                ("Workflow types", manifest.workflow_types.clone()),
            ];
            types.retain(|(_, names)| !names.is_empty());
        }
        let missing = self.state.engine.missing();
        Overview {
            facts,
            types,
            used_by: self.state.engine.users_of(&self.plugin.name),
            pipelines: self.pipelines(),
            missing: missing
                .iter()
                .filter(|missing| missing.plugin.as_ref() == Some(&self.plugin.name))
                .map(|missing| missing.what.clone())
                .collect(),
            is_loaded: self.plugin.status.is_some(),
            may_run: self.ui.may(&Permission::PIPELINES_RUN),
            href: self.head.href.clone(),
        }
    }

    fn types(&self) -> Types {
        let registry = self.state.engine.registry();
        let pipelines = self.state.engine.pipelines();
        let mut types = Vec::new();
        let mut hooks = Vec::new();
        if let Some(manifest) = self.plugin.manifest() {
            hooks.clone_from(&manifest.wiring_hooks);
            for (kind, names) in [
                ("module", &manifest.module_types),
                ("step", &manifest.step_types),
                ("trigger", &manifest.trigger_types),
                ("workflow", &manifest.workflow_types),
            ] {
                for name in names {
                    let schema = registry.schema(name);
                    let has_schema = schema.is_some();
                    let schema = schema.unwrap_or_default();
                    let io = |direction| {
                        move |io: ServiceIo| TypeIo {
                            direction,
                            name: io.name,
                            io_type: io.io_type,
                            description: io.description,
                        }
                    };
                    let used_in = pipelines
                        .iter()
                        .filter(|pipeline| {
                            kind == "step"
                                && pipeline.steps.iter().any(|step| step.step_type == *name)
                        })
                        .map(|pipeline| pipeline.name.clone());
                    types.push(Type {
                        kind,
                        label: match schema.label == *name {
                            true => String::new(),
                            false => schema.label,
                        },
                        description: schema.description,
                        has_schema,
                        fields: schema.config_fields.into_iter().map(type_field).collect(),
                        io: schema
                            .inputs
                            .into_iter()
                            .map(io("takes"))
                            .chain(schema.outputs.into_iter().map(io("gives")))
                            .collect(),
                        used_in: used_in.collect(),
                        name: name.clone(),
                    });
                }
            }
        }
        Types {
            types,
            hooks,
            is_loaded: self.plugin.status.is_some(),
        }
    }

    fn settings(&self) -> Settings {
        let rights = self.state.engine.rights_of(&self.plugin.name);
        let manifest = self.plugin.manifest();
        let mut contract = Vec::new();
        if let Some(declared) = manifest.and_then(|manifest| manifest.contract.as_ref()) {
            let of = |required: bool| {
                move |(key, field): (&String, &ContractField)| TypeField {
                    key: key.clone(),
                    type_words: field.field_type.clone(),
                    required,
                    default: field.default.as_ref().map_or_else(String::new, text_of),
                    description: field.description.clone(),
                }
            };
            let inputs = declared.required_inputs.iter().map(of(true));
            let inputs = inputs.chain(declared.optional_inputs.iter().map(of(false)));
            contract.push(("Inputs", inputs.collect()));
            contract.push((
                "Outputs",
                declared.outputs.iter().map(of(false)).collect::<Vec<_>>(),
            ));
            contract.retain(|(_, fields)| !fields.is_empty());
        }
        let json = manifest.and_then(|manifest| serde_json::to_string(manifest).ok());
        Settings {
            contract,
            may_trigger: rights.may_trigger,
            may_look_up: rights.may_look_up,
            dependencies: manifest.map_or_else(Vec::new, |manifest| {
                let dependencies = manifest.dependencies.iter();
                dependencies
                    .map(|dependency| (dependency.name.clone(), dependency.constraint.clone()))
                    .collect()
            }),
            manifest: json.map_or_else(String::new, |json| pretty(&json).text),
        }
    }
}

fn type_field(field: ConfigField) -> TypeField {
    let mut type_words = match field.options.is_empty() {
        true => field.field_type,
        false => format!("one of {}", field.options.join(", ")),
    };
    if field.sensitive {
        type_words.push_str(", secret");
    }
    TypeField {
        key: field.key,
        type_words,
        required: field.required,
        default: match (&field.default_value, field.sensitive) {
            (Some(value), false) => text_of(value),
            _ => String::new(),
        },
        description: field.description,
    }
}
