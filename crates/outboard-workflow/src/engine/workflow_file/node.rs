//! YAML as a tree in which every value knows its place.
//!
//! What a workflow file cannot use is refused here: several documents, keys that are
//! no text, tags, and anchors that unfold into more than [`MAX_NODES`] values.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Number, Value};

use super::Problem;

/// The most values in a file, aliases unfolded.
pub(super) const MAX_NODES: usize = 100_000;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;

/// Line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    pub(super) fn problem(self, path: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem {
            line: self.line,
            column: self.column,
            path: path.into(),
            message: message.into(),
            hint: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
    /// How many values it consists of, itself included.
    size: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// What kind of value it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(Value::Null) => "nothing",
            Content::Scalar(Value::Bool(_)) => "a boolean",
            Content::Scalar(Value::Number(_)) => "a number",
            Content::Scalar(_) => "a text",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    /// The value without its places.
    pub(super) fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.to_value()))
                    .collect(),
            ),
        }
    }
}

/// Reads a file. Without a tree, the last problem says why there is none.
pub(super) fn load(text: &str) -> (Option<Node>, Vec<Problem>) {
    let mut loader = Loader::default();
    let root = loader.run(text);
    let root = match root {
        Ok(root) => root,
        Err(problem) => {
            loader.problems.push(problem);
            None
        }
    };
    (root, loader.problems)
}

#[derive(Default)]
struct Loader {
    stack: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    problems: Vec<Problem>,
}

/// A list or mapping whose end has not come yet.
struct Open {
    place: Place,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        /// The line of every key that is in `entries`.
        lines: HashMap<String, usize>,
        merges: Vec<Node>,
        key: Option<(String, Place, bool)>,
    },
}

impl Loader {
    fn run(&mut self, text: &str) -> Result<Option<Node>, Problem> {
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
        let mut root = None;
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let marker = *error.marker();
                let place = Place {
                    line: marker.line().max(1),
                    column: marker.col() + 1,
                };
                place.problem("", format!("this is no YAML: {}", error.info()))
            })?;
            let place = place_of(span);
            let finished = match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(place
                            .problem("", "the file has a second document; only one is allowed"));
                    }
                    None
                }
                Event::Scalar(text, style, anchor, tag) => {
                    if self.takes_key(&text, style, place) {
                        continue;
                    }
                    let value = scalar(text, style, tag.as_ref())
                        .map_err(|message| place.problem(self.path(), message))?;
                    Some((self.node(place, Content::Scalar(value), 1)?, anchor))
                }
                Event::SequenceStart(anchor, tag) => {
                    self.open(place, anchor, tag.as_ref(), Parts::List(Vec::new()))?;
                    None
                }
                Event::MappingStart(anchor, tag) => {
                    let parts = Parts::Mapping {
                        entries: Vec::new(),
                        lines: HashMap::new(),
                        merges: Vec::new(),
                        key: None,
                    };
                    self.open(place, anchor, tag.as_ref(), parts)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => self.close()?,
                Event::Alias(anchor) => {
                    let Some(node) = self.anchors.get(&anchor) else {
                        return Err(place.problem(
                            self.path(),
                            "this alias stands for a value that contains it",
                        ));
                    };
                    let mut node = node.clone();
                    node.place = place;
                    self.count(place, node.size)?;
                    Some((node, 0))
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
            };
            if let Some((node, anchor)) = finished {
                if anchor != 0 {
                    self.count(node.place, node.size)?;
                    self.anchors.insert(anchor, node.clone());
                }
                if let Some(node) = self.place(node)? {
                    root = Some(node);
                }
            }
        }
        Ok(root)
    }

    /// Whether the scalar is the key of the entry that comes next.
    fn takes_key(&mut self, text: &str, style: ScalarStyle, at: Place) -> bool {
        if let Some(Open {
            parts: Parts::Mapping {
                key: key @ None, ..
            },
            ..
        }) = self.stack.last_mut()
        {
            *key = Some((text.to_owned(), at, style == ScalarStyle::Plain));
            return true;
        }
        false
    }

    fn open(
        &mut self,
        place: Place,
        anchor: usize,
        tag: Option<&Cow<'_, Tag>>,
        parts: Parts,
    ) -> Result<(), Problem> {
        if let Some(Open {
            parts: Parts::Mapping { key: None, .. },
            ..
        }) = self.stack.last()
        {
            let mut problem = place.problem(self.path(), "a key must be a text");
            problem.hint =
                Some("a value with braces needs quotes: \"{{ trigger.path }}\"".to_owned());
            return Err(problem);
        }
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            return Err(place.problem(self.path(), format!("unknown tag {tag}")));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(place.problem(
                self.path(),
                format!("values are nested more than {MAX_DEPTH} deep"),
            ));
        }
        self.stack.push(Open {
            place,
            anchor,
            parts,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<Option<(Node, usize)>, Problem> {
        let Some(Open {
            place,
            anchor,
            parts,
        }) = self.stack.pop()
        else {
            return Ok(None);
        };
        let (content, size) = match parts {
            Parts::List(items) => {
                let size = items.iter().map(|item| item.size).sum::<usize>() + 1;
                (Content::List(items), size)
            }
            Parts::Mapping {
                mut entries,
                merges,
                ..
            } => {
                if !merges.is_empty() {
                    let mut keys = entries.iter().map(|entry| entry.key.clone()).collect();
                    for merged in merges {
                        self.merge(&mut entries, &mut keys, merged);
                    }
                }
                let size = entries.iter().map(|entry| entry.node.size).sum::<usize>() + 1;
                (Content::Mapping(entries), size)
            }
        };
        Ok(Some((self.node(place, content, size)?, anchor)))
    }

    /// `<<`: the entries of another mapping, or of several, that are not there yet.
    fn merge(&mut self, entries: &mut Vec<Entry>, keys: &mut HashSet<String>, merged: Node) {
        match merged.content {
            Content::Mapping(others) => {
                for other in others {
                    if keys.insert(other.key.clone()) {
                        entries.push(other);
                    }
                }
            }
            Content::List(items)
                if items
                    .iter()
                    .all(|item| matches!(item.content, Content::Mapping(_))) =>
            {
                for item in items {
                    self.merge(entries, keys, item);
                }
            }
            _ => self.problems.push(
                merged
                    .place
                    .problem(self.path(), "<< needs a mapping to merge"),
            ),
        }
    }

    fn node(&mut self, place: Place, content: Content, size: usize) -> Result<Node, Problem> {
        self.count(place, 1)?;
        Ok(Node {
            place,
            content,
            size,
        })
    }

    fn count(&mut self, place: Place, nodes: usize) -> Result<(), Problem> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(place.problem(
                self.path(),
                format!("the file has more than {MAX_NODES} values, its aliases unfolded"),
            ));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs; the root is given back.
    fn place(&mut self, node: Node) -> Result<Option<Node>, Problem> {
        let path = self.path();
        let Some(open) = self.stack.last_mut() else {
            return Ok(Some(node));
        };
        match &mut open.parts {
            Parts::List(items) => items.push(node),
            Parts::Mapping {
                entries,
                lines,
                merges,
                key,
            } => {
                let Some((key, place, plain)) = key.take() else {
                    // An alias in the place of a key.
                    return Err(node.place.problem(path, "a key must be a text"));
                };
                if key == "<<" && plain {
                    merges.push(node);
                } else if let Some(first) = lines.get(&key) {
                    let mut problem = place.problem(path, format!("{key:?} is there twice"));
                    problem.hint = Some(format!("the first is in line {first}"));
                    self.problems.push(problem);
                } else {
                    lines.insert(key.clone(), place.line);
                    entries.push(Entry { key, place, node });
                }
            }
        }
        Ok(None)
    }

    /// Where the loader is, for messages.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.stack {
            match &open.parts {
                Parts::List(items) => path.push_str(&format!("[{}]", items.len())),
                Parts::Mapping {
                    key: Some((key, ..)),
                    ..
                } => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Parts::Mapping { key: None, .. } => {}
            }
        }
        path
    }
}

fn place_of(span: Span) -> Place {
    Place {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
    }
}

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Cow<'_, Tag>>,
) -> Result<Value, String> {
    if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
        return Err(format!("unknown tag {tag}"));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match Scalar::parse_from_cow_and_metadata(text, style, tag) {
        None => Err("this value does not fit its tag".to_owned()),
        Some(Scalar::Null) => Ok(Value::Null),
        Some(Scalar::Boolean(boolean)) => Ok(Value::Bool(boolean)),
        Some(Scalar::Integer(integer)) => Ok(Value::Number(integer.into())),
        Some(Scalar::FloatingPoint(_)) if whole => {
            Err("this integer needs more than 64 bits; in quotes it is a text".to_owned())
        }
        Some(Scalar::FloatingPoint(float)) => Number::from_f64(float.into_inner())
            .map(Value::Number)
            .ok_or_else(|| "this number is not finite; in quotes it is a text".to_owned()),
        Some(Scalar::String(text)) => Ok(Value::String(text.into_owned())),
    }
}
