//! The list of cases, and the comparison of what a host saw with what it expects.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::matrix::Cell;

/// A list and where it is. Each has an "about" that explains it.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Relative to the repository.
    pub path: &'static str,
    text: &'static str,
}

/// What every host does to the kitchen plugin.
pub const WORKFLOW: List = List {
    path: "interop/cases/workflow.json",
    text: include_str!("../cases/workflow.json"),
};

/// What every host does to the plugin in Python.
pub const PYTHON: List = List {
    path: "interop/cases/python.json",
    text: include_str!("../cases/python.json"),
};

/// What every host of the connector family does to the larder.
pub const CONNECTOR: List = List {
    path: "interop/cases/connector.json",
    text: include_str!("../cases/connector.json"),
};

/// What every host of the matrix does to every plugin of it.
pub const MATRIX: List = List {
    path: "interop/cases/matrix.json",
    text: include_str!("../cases/matrix.json"),
};

/// What only some pairs of the matrix do, because it takes long.
pub const MATRIX_LATE: List = List {
    path: "interop/cases/matrix-late.json",
    text: include_str!("../cases/matrix-late.json"),
};

/// What a call gets when its case does not say.
const DEADLINE: Duration = Duration::from_secs(20);

/// One call, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence that names the case.
    pub name: String,
    /// The method, or `Host.` and a question about the process.
    pub call: String,
    #[serde(default)]
    request: Value,
    /// Under which name the handle in the answer is kept.
    pub keep: Option<String>,
    deadline_ms: Option<u64>,
    expect: Expect,
    /// The cells of the matrix that the case is for; all if absent.
    pub only: Option<Condition>,
    /// The cells that differ.
    #[serde(default)]
    pub except: Vec<Exception>,
}

/// Which cells of the matrix: those whose word for each side is among these.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Condition(pub BTreeMap<String, Vec<String>>);

/// Cells that differ, why, and what they must see instead.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The cells.
    pub when: Condition,
    /// A sentence for the page.
    pub because: String,
    /// Without it the cells leave the case out.
    expect: Option<Expect>,
}

/// Either a status other than OK and perhaps its message, or the whole answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    /// What a status other than OK says.
    error: Option<String>,
    response: Option<Value>,
}

/// What a host saw: the value of an OK call, or the message of its status.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The case's name.
    pub case: String,
    /// The gRPC status as Go spells it, such as `OK` or `Unimplemented`.
    pub status: String,
    /// The answer, unset fields left out.
    #[serde(default)]
    pub value: Option<Value>,
    /// The status's message.
    #[serde(default)]
    pub error: Option<String>,
}

/// Handles that were kept, by their name in the list.
pub type Handles = HashMap<String, String>;

impl Case {
    /// The case as it is in a cell of the matrix; `None` if the cell leaves it out.
    fn in_cell(mut self, cell: Cell) -> Option<Case> {
        if self.only.as_ref().is_some_and(|only| !only.holds(cell)) {
            return None;
        }
        let exception = self.except.iter().find(|entry| entry.when.holds(cell));
        if let Some(exception) = exception {
            self.expect = exception.expect.clone()?;
        }
        Some(self)
    }

    /// What a host in another language needs to make the call.
    pub fn to_host(&self) -> Value {
        let Case {
            name,
            call,
            request,
            deadline_ms,
            ..
        } = self;
        json!({ "name": name, "call": call, "request": request, "deadline_ms": deadline_ms })
    }

    /// How long the call may take.
    pub fn deadline(&self) -> Duration {
        self.deadline_ms.map_or(DEADLINE, Duration::from_millis)
    }

    /// The request with handles and long strings put in.
    pub fn request(&self, handles: &Handles) -> Map<String, Value> {
        match expand(&self.request, handles) {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

impl Condition {
    fn holds(&self, cell: Cell) -> bool {
        let mut sides = self.0.iter();
        sides.all(|(side, words)| words.iter().any(|word| word == cell.word(side)))
    }
}

impl Exception {
    /// The status that the cells see; `None` if they leave the case out.
    pub fn code(&self) -> Option<&str> {
        let expect = self.expect.as_ref()?;
        Some(expect.code.as_deref().unwrap_or("OK"))
    }
}

impl List {
    /// The cases as they are in a cell of the matrix, in their order.
    ///
    /// # Panics
    ///
    /// When the list in the repository is malformed.
    pub fn in_cell(self, cell: Cell) -> Vec<Case> {
        let cases = self.cases().into_iter();
        cases.filter_map(|case| case.in_cell(cell)).collect()
    }

    /// The cases in their order.
    ///
    /// # Panics
    ///
    /// When the list in the repository is malformed.
    pub fn cases(self) -> Vec<Case> {
        #[derive(Deserialize)]
        struct File {
            cases: Vec<Case>,
        }
        let file: File = serde_json::from_str(self.text).expect(self.path);
        file.cases
    }
}

fn expand(value: &Value, handles: &Handles) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => handles.get(name).cloned().unwrap_or_default().into(),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| expand(item, handles)).collect(),
        Value::Object(map) => match (map.get("$repeat"), map.get("$times")) {
            (Some(Value::String(text)), Some(Value::Number(times))) => {
                let times = times.as_u64().and_then(|times| usize::try_from(times).ok());
                text.repeat(times.unwrap_or_default()).into()
            }
            _ => map
                .iter()
                .map(|(key, item)| (key.clone(), expand(item, handles)))
                .collect(),
        },
        _ => value.clone(),
    }
}

/// Every difference between what was seen and what the list expects, one line
/// each; none if all is well.
pub fn judge(cases: &[Case], seen: &[Seen]) -> Vec<String> {
    let mut problems = Vec::new();
    if cases.len() != seen.len() {
        problems.push(format!("{} cases, but {} results", cases.len(), seen.len()));
    }
    for (case, seen) in cases.iter().zip(seen) {
        if case.name != seen.case {
            problems.push(format!(
                "{}: the result is of another case, {}",
                case.name, seen.case
            ));
        } else if let Some(difference) = difference(&case.expect, seen) {
            problems.push(format!("{} ({}): {difference}", case.name, case.call));
        }
    }
    problems
}

fn difference(expect: &Expect, seen: &Seen) -> Option<String> {
    let code = expect.code.as_deref().unwrap_or("OK");
    if seen.status != code {
        let error = seen.error.as_deref().unwrap_or_default();
        return Some(format!(
            "status {} ({error}) instead of {code}",
            seen.status
        ));
    }
    if let Some(expected) = &expect.error {
        let error = seen.error.as_deref().unwrap_or_default();
        let same = matches(&expected.as_str().into(), &error.into());
        return (!same).then(|| format!("the error {error:?} instead of {expected:?}"));
    }
    let expected = expand(expect.response.as_ref()?, &Handles::new());
    let value = seen.value.clone().unwrap_or_else(|| Map::new().into());
    (!matches(&expected, &value))
        .then(|| format!("{} instead of {}", short(&value), short(&expected)))
}

/// Whether a value is as expected: `*` stands for any text but the empty one,
/// and `*a*` for any that contains `a`. Numbers are compared as numbers.
fn matches(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::String(expected), Value::String(text)) => {
            match expected
                .strip_prefix('*')
                .map(|rest| rest.strip_suffix('*').unwrap_or(rest))
            {
                Some(part) => !text.is_empty() && text.contains(part),
                None => text == expected,
            }
        }
        (Value::Number(expected), Value::Number(number)) => expected.as_f64() == number.as_f64(),
        (Value::Array(expected), Value::Array(items)) => {
            expected.len() == items.len()
                && expected
                    .iter()
                    .zip(items)
                    .all(|(expected, item)| matches(expected, item))
        }
        (Value::Object(expected), Value::Object(map)) => {
            expected.len() == map.len()
                && expected
                    .iter()
                    .all(|(key, expected)| map.get(key).is_some_and(|item| matches(expected, item)))
        }
        _ => expected == value,
    }
}

/// A value for a message: whole if short.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn the_lists_can_be_read_and_keep_every_handle_that_they_use() {
        let mut kept = Vec::new();
        for case in [WORKFLOW, PYTHON, CONNECTOR, MATRIX, MATRIX_LATE]
            .into_iter()
            .flat_map(List::cases)
        {
            let text = case.request.to_string();
            for word in text.split("\"$").skip(1) {
                let name = word.split('"').next().unwrap();
                let literal = name == "repeat" || name == "times";
                assert!(
                    literal || kept.contains(&name.to_owned()),
                    "{}: ${name}",
                    case.name
                );
            }
            kept.extend(case.keep);
        }
        assert!(kept.len() > 5);
    }

    #[test]
    fn patterns_match_what_they_say_and_nothing_else() {
        assert!(matches(&json!("*"), &json!("any")));
        assert!(!matches(&json!("*"), &json!("")));
        assert!(matches(&json!("*no*"), &json!("there is no way")));
        assert!(!matches(&json!("*no*"), &json!("there is a way")));
        assert!(matches(&json!({"a": [1]}), &json!({"a": [1.0]})));
        assert!(!matches(&json!({"a": 1}), &json!({"a": 1, "b": null})));
        assert!(!matches(&json!([1]), &json!([1, 2])));
        assert!(!matches(&json!("1"), &json!(1)));
    }

    #[test]
    fn a_wrong_answer_a_wrong_status_and_a_missing_result_are_problems() {
        let cases = WORKFLOW.cases();
        let right = &cases[2];
        let seen = |status: &str, value: Value| Seen {
            case: right.name.clone(),
            status: status.to_owned(),
            value: Some(value),
            error: None,
        };
        let good = right.expect.response.clone().unwrap();
        let one = std::slice::from_ref(right);
        assert_eq!(judge(one, &[seen("OK", good.clone())]), [""; 0]);
        assert_eq!(judge(one, &[seen("OK", json!({}))]).len(), 1);
        assert_eq!(judge(one, &[seen("Internal", good)]).len(), 1);
        assert_eq!(judge(one, &[]).len(), 1);
    }
}
