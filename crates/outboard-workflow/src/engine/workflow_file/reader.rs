//! From the tree of a workflow file to its definitions.

use std::collections::BTreeMap;

use outboard_contracts::value::Map;

use super::{
    CheckOptions, CompensationDefinition, ErrorStrategy, ModuleDefinition, PipelineDefinition,
    Problem, Problems, StepDefinition, Workflow,
    config::{self, Scope},
    fields::{Fields, Report, check_name, join},
    node::{Content, Node, Place},
    rights, triggers,
};
use crate::engine::{TypeKind, order, suggest};

/// Reads the whole tree; problems that the loader found are kept.
pub(super) fn read(
    root: &Node,
    problems: Vec<Problem>,
    options: &CheckOptions<'_>,
) -> Result<Workflow, Problems> {
    let mut reader = Reader {
        report: Report { problems },
        options,
    };
    let workflow = reader.workflow(root);
    if reader.report.problems.is_empty() {
        Ok(workflow)
    } else {
        Err(Problems::new(reader.report.problems))
    }
}

pub(super) struct Reader<'a> {
    pub(super) report: Report,
    pub(super) options: &'a CheckOptions<'a>,
}

impl Reader<'_> {
    fn workflow(&mut self, root: &Node) -> Workflow {
        let mut workflow = Workflow::default();
        let known = ["requires", "modules", "pipelines", "triggers", "plugins"];
        let Some(fields) = self.report.fields(root, "", &known) else {
            return workflow;
        };
        if let Some(node) = fields.get("requires") {
            workflow.required_capabilities = self.requires(node);
        }
        if let Some(node) = fields.get("modules") {
            workflow.modules = self.modules(node);
        }
        let mut names = Vec::new();
        if let Some(node) = fields.get("pipelines") {
            (workflow.pipelines, names) = self.pipelines(node);
        }
        if let Some(node) = fields.get("triggers") {
            workflow.triggers = triggers::read(self, node, &names);
        }
        if let Some(node) = fields.get("plugins") {
            workflow.plugins = rights::read(self, node, &names);
        }
        workflow
    }

    fn requires(&mut self, node: &Node) -> Vec<String> {
        let Some(fields) = self.report.fields(node, "requires", &["capabilities"]) else {
            return Vec::new();
        };
        self.texts(&fields, "capabilities")
            .into_iter()
            .map(|(text, _)| text.to_owned())
            .collect()
    }

    fn modules(&mut self, node: &Node) -> Vec<ModuleDefinition> {
        let mut modules = Vec::new();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let mut needs: Vec<(String, Vec<(&str, Place)>)> = Vec::new();
        for (index, item) in self.report.items(node, "modules").iter().enumerate() {
            let path = format!("modules[{index}]");
            let known = ["name", "type", "config", "depends_on"];
            let Some(fields) = self.report.fields(item, &path, &known) else {
                continue;
            };
            let name = fields.name("name", ".", &mut self.report);
            if let Some((name, place)) = name {
                self.unique(&mut names, "module", name, place, &path);
            }
            let module_type = self.known_type(&fields, TypeKind::Module);
            let config = self.load_time_config(&fields, "config");
            let depends_on = self.texts(&fields, "depends_on");
            needs.push((join(&path, "depends_on"), depends_on.clone()));
            modules.push(ModuleDefinition {
                name: name.map_or_else(String::new, |(name, _)| name.to_owned()),
                module_type: module_type.unwrap_or_default(),
                config,
                depends_on: depends_on
                    .into_iter()
                    .map(|(text, _)| text.to_owned())
                    .collect(),
            });
        }
        for (path, depends_on) in &needs {
            for (name, place) in depends_on {
                if !names.contains_key(name) {
                    let hint = suggest::nearest(name, names.keys().copied())
                        .map(|nearest| format!("did you mean {nearest:?}?"));
                    let message = format!("there is no module {name:?}");
                    self.report.add_with_hint(*place, path, message, hint);
                }
            }
        }
        self.module_circle(node.place, &modules);
        modules
    }

    fn module_circle(&mut self, place: Place, modules: &[ModuleDefinition]) {
        let index = |name: &String| modules.iter().position(|module| module.name == *name);
        let sorted = order::topological(modules.len(), |item| {
            modules[item].depends_on.iter().filter_map(index).collect()
        });
        if let Err(circle) = sorted {
            let names: Vec<&str> = circle
                .iter()
                .map(|item| modules[*item].name.as_str())
                .collect();
            let message = format!(
                "modules depend on each other in a circle: {}",
                names.join(" -> ")
            );
            self.report.add(place, "modules", message);
        }
    }

    fn pipelines<'n>(&mut self, node: &'n Node) -> (Vec<PipelineDefinition>, Vec<&'n str>) {
        let mut pipelines = Vec::new();
        let mut names = Vec::new();
        let entries = match &node.content {
            Content::Mapping(entries) => entries.as_slice(),
            Content::Scalar(serde_json::Value::Null) => &[],
            _ => {
                let message = format!("expected a mapping of names, found {}", node.kind());
                self.report.add(node.place, "pipelines", message);
                &[]
            }
        };
        for entry in entries {
            let path = format!("pipelines.{}", entry.key);
            names.push(entry.key.as_str());
            check_name(&entry.key, ".", entry.place, &path, &mut self.report);
            let known = ["description", "timeout", "on_error", "steps"];
            let Some(fields) = self.report.fields(&entry.node, &path, &known) else {
                continue;
            };
            let steps = match fields.get("steps") {
                Some(steps) => self.steps(steps, &join(&path, "steps")),
                None => Vec::new(),
            };
            let empty = match fields.get("steps").map(|node| &node.content) {
                None | Some(Content::Scalar(serde_json::Value::Null)) => true,
                Some(Content::List(items)) => items.is_empty(),
                Some(_) => false,
            };
            if empty {
                self.report
                    .add(entry.place, &path, "a pipeline needs at least one step");
            }
            pipelines.push(PipelineDefinition {
                name: entry.key.clone(),
                description: fields
                    .optional("description", &mut self.report)
                    .map_or_else(String::new, |(text, _)| text.to_owned()),
                timeout: fields.duration("timeout", &mut self.report),
                on_error: self.error_strategy(&fields),
                steps,
            });
        }
        (pipelines, names)
    }

    fn error_strategy(&mut self, fields: &Fields<'_>) -> ErrorStrategy {
        match fields.optional("on_error", &mut self.report) {
            None | Some(("stop", _)) => ErrorStrategy::Stop,
            Some(("skip", _)) => ErrorStrategy::Skip,
            Some(("compensate", _)) => ErrorStrategy::Compensate,
            Some((other, place)) => {
                let message = format!("unknown error strategy {other:?}");
                let hint = Some("stop, skip or compensate".to_owned());
                self.report
                    .add_with_hint(place, &fields.path_of("on_error"), message, hint);
                ErrorStrategy::Stop
            }
        }
    }

    fn steps(&mut self, node: &Node, path: &str) -> Vec<StepDefinition> {
        let items = self.report.items(node, path);
        // The names of all steps are known first, so that a reference to a later one
        // is told from a reference to none.
        let all: Vec<&str> = items.iter().filter_map(name_of).collect();
        let mut names = BTreeMap::new();
        let mut earlier: Vec<&str> = Vec::new();
        let mut steps = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let known = ["name", "type", "config", "timeout", "compensate"];
            let Some(fields) = self.report.fields(item, &path, &known) else {
                continue;
            };
            let name = fields.name("name", "", &mut self.report);
            if let Some((name, place)) = name {
                self.unique(&mut names, "step", name, place, &path);
            }
            let step_type = self.known_type(&fields, TypeKind::Step);
            let config = self.run_time_config(
                &fields,
                &Scope::Run {
                    earlier: &earlier,
                    all: &all,
                },
            );
            let timeout = fields.duration("timeout", &mut self.report);
            earlier.extend(name.map(|(name, _)| name));
            let compensate = fields.get("compensate").and_then(|node| {
                let path = fields.path_of("compensate");
                let known = ["type", "config", "timeout"];
                let fields = self.report.fields(node, &path, &known)?;
                Some(CompensationDefinition {
                    step_type: self.known_type(&fields, TypeKind::Step)?,
                    config: self.run_time_config(
                        &fields,
                        &Scope::Run {
                            earlier: &earlier,
                            all: &all,
                        },
                    ),
                    timeout: fields.duration("timeout", &mut self.report),
                })
            });
            steps.push(StepDefinition {
                name: name.map_or_else(String::new, |(name, _)| name.to_owned()),
                step_type: step_type.unwrap_or_default(),
                config,
                timeout,
                compensate,
            });
        }
        steps
    }

    fn run_time_config(
        &mut self,
        fields: &Fields<'_>,
        scope: &Scope<'_>,
    ) -> crate::engine::pipeline::ConfigTemplate {
        fields
            .get("config")
            .and_then(|node| {
                let path = fields.path_of("config");
                config::read(node, &path, scope, self.options, &mut self.report)
            })
            .unwrap_or_default()
    }

    /// A config that is used when the engine starts.
    pub(super) fn load_time_config(&mut self, fields: &Fields<'_>, key: &str) -> Map {
        fields
            .get(key)
            .and_then(|node| {
                let path = fields.path_of(key);
                config::read(node, &path, &Scope::Load, self.options, &mut self.report)
            })
            .map(|config| config.source().clone())
            .unwrap_or_default()
    }

    /// The type of a module, step or trigger, which must exist.
    pub(super) fn known_type(&mut self, fields: &Fields<'_>, kind: TypeKind) -> Option<String> {
        let (name, place) = fields.required("type", &mut self.report)?;
        if let Some(types) = self.options.types {
            let known = match kind {
                TypeKind::Module => &types.modules,
                TypeKind::Step => &types.steps,
                TypeKind::Trigger | TypeKind::Workflow => &types.triggers,
            };
            if !known.iter().any(|known| known == name) {
                let hint = match suggest::nearest(name, known.iter().map(String::as_str)) {
                    Some(nearest) => format!("did you mean {nearest:?}?"),
                    None => "no plugin here has it; install the plugin that does".to_owned(),
                };
                let message = format!("unknown {kind} type {name:?}");
                self.report
                    .add_with_hint(place, &fields.path_of("type"), message, Some(hint));
            }
        }
        Some(name.to_owned())
    }

    pub(super) fn unique<'n>(
        &mut self,
        names: &mut BTreeMap<&'n str, usize>,
        what: &str,
        name: &'n str,
        place: Place,
        path: &str,
    ) {
        if let Some(line) = names.get(name) {
            let message = format!("there is another {what} {name:?}");
            let hint = Some(format!("the first is in line {line}"));
            self.report
                .add_with_hint(place, &join(path, "name"), message, hint);
        } else {
            names.insert(name, place.line);
        }
    }

    pub(super) fn texts<'n>(&mut self, fields: &Fields<'n>, key: &str) -> Vec<(&'n str, Place)> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let path = fields.path_of(key);
        let items = self.report.items(node, &path);
        items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                let text = self.report.text(item, &format!("{path}[{index}]"))?;
                Some((text, item.place))
            })
            .collect()
    }
}

fn name_of(step: &Node) -> Option<&str> {
    let Content::Mapping(entries) = &step.content else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == "name")?;
    match &entry.node.content {
        Content::Scalar(serde_json::Value::String(name)) => Some(name),
        _ => None,
    }
}
