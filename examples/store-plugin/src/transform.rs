//! `step.transform`: computes, renames and selects fields of every item.
//!
//! ```yaml
//! compute:
//!   total: { multiply: [quantity, unit_price] }   # add, subtract, multiply, divide, concat
//! rename: { unit_price: price }
//! select: [id, price, total]                       # everything if absent
//! sum: [total]                                     # over all items, into `sums`
//! ```
//!
//! They happen in that order. Operands are names of fields, or numbers.

use std::collections::BTreeMap;

use outboard_sdk::{
    Error, Map, Value, async_trait, json,
    workflow::{StepInput, StepInstance, StepResult},
};
use serde::Deserialize;

use crate::config::{items, kind, on_a_thread};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    compute: BTreeMap<String, Formula>,
    rename: BTreeMap<String, String>,
    select: Option<Vec<String>>,
    sum: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Formula {
    Add(Vec<Operand>),
    Subtract(Operand, Operand),
    Multiply(Vec<Operand>),
    Divide(Operand, Operand),
    Concat(Vec<Operand>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Operand {
    Number(f64),
    Field(String),
}

pub(crate) struct Transform {
    created: Map,
}

impl Transform {
    pub(crate) fn new(created: Map) -> Self {
        Self { created }
    }
}

#[async_trait]
impl StepInstance for Transform {
    /// Gives `items`, `count` and `sums`.
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let config: Config = input.read_config(&self.created)?;
        let items = items(input.config_or(&self.created), &input)?;
        on_a_thread(move || {
            let mut changed = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                changed.push(
                    config
                        .change(item)
                        .map_err(|error| error.context(format!("items[{index}]")))?,
                );
            }
            let mut sums = Map::new();
            for field in &config.sum {
                sums.insert(field.clone(), sum(&changed, field)?);
            }
            StepResult::output(json!({ "count": changed.len(), "items": changed, "sums": sums }))
        })
        .await
    }
}

impl Config {
    fn change(&self, item: Value) -> Result<Map, Error> {
        let Value::Object(mut item) = item else {
            return Err(Error::new(format!(
                "an item must be an object, but this is {}",
                kind(&item)
            )));
        };
        let mut computed = Map::new();
        for (field, formula) in &self.compute {
            let value = formula
                .value(&item)
                .map_err(|error| error.context(format!("compute {field}")))?;
            computed.insert(field.clone(), value);
        }
        item.extend(computed);
        for (from, to) in &self.rename {
            if let Some(value) = item.remove(from) {
                item.insert(to.clone(), value);
            }
        }
        if let Some(fields) = &self.select {
            item.retain(|field, _| fields.contains(field));
        }
        Ok(item)
    }
}

impl Formula {
    fn value(&self, item: &Map) -> Result<Value, Error> {
        let numbers = |operands: &[Operand]| -> Result<Vec<f64>, Error> {
            operands
                .iter()
                .map(|operand| operand.number(item))
                .collect()
        };
        match self {
            Self::Add(operands) => number(numbers(operands)?.iter().sum()),
            Self::Multiply(operands) => number(numbers(operands)?.iter().product()),
            Self::Subtract(from, what) => number(from.number(item)? - what.number(item)?),
            Self::Divide(what, by) => match by.number(item)? {
                0.0 => Err(Error::new("division by zero")),
                by => number(what.number(item)? / by),
            },
            Self::Concat(operands) => operands
                .iter()
                .map(|operand| operand.text(item))
                .collect::<Result<String, _>>()
                .map(Value::String),
        }
    }
}

impl Operand {
    fn number(&self, item: &Map) -> Result<f64, Error> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Field(field) => match item.get(field) {
                None => Err(Error::new(format!("there is no field {field:?}"))),
                Some(value) => value.as_f64().ok_or_else(|| {
                    Error::new(format!(
                        "field {field:?} must be a number, but is {}",
                        kind(value)
                    ))
                }),
            },
        }
    }

    fn text(&self, item: &Map) -> Result<String, Error> {
        match self {
            Self::Number(number) => Ok(number.to_string()),
            Self::Field(field) => match item.get(field) {
                None => Err(Error::new(format!("there is no field {field:?}"))),
                Some(Value::String(text)) => Ok(text.clone()),
                Some(other) => Ok(other.to_string()),
            },
        }
    }
}

/// Rounded to a millionth, so that 3 x 19.99 is 59.97.
fn number(number: f64) -> Result<Value, Error> {
    let rounded = if number.abs() < 1e9 {
        (number * 1e6).round() / 1e6
    } else {
        number
    };
    serde_json::Number::from_f64(rounded)
        .map(Value::Number)
        .ok_or_else(|| Error::new(format!("the result is {number}, which is no number")))
}

fn sum(items: &[Map], field: &str) -> Result<Value, Error> {
    let operand = Operand::Field(field.to_owned());
    let mut total = 0.0;
    for (index, item) in items.iter().enumerate() {
        total += operand
            .number(item)
            .map_err(|error| error.context(format!("sum of items[{index}]")))?;
    }
    number(total)
}
