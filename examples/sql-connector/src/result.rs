//! Rows on their way into a result of bounded size.

use std::{collections::HashSet, time::Duration};

use outboard_sdk::{Map, Value, json};

/// What a call may use.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// The rows so far.
pub(crate) struct Rows {
    columns: Vec<String>,
    rows: Vec<Value>,
    bytes: usize,
    truncated: bool,
    limits: Limits,
}

impl Rows {
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = &'a str>, limits: Limits) -> Rows {
        Rows {
            columns: distinct(columns),
            rows: Vec::new(),
            bytes: 0,
            truncated: false,
            limits,
        }
    }

    /// Adds a row, with a value for each column. Whether there is room for more.
    pub(crate) fn push(&mut self, values: impl IntoIterator<Item = Value>) -> bool {
        let row: Map = self.columns.iter().cloned().zip(values).collect();
        let row = Value::Object(row);
        let bytes = row.to_string().len();
        if self.rows.len() >= self.limits.rows || self.bytes + bytes > self.limits.bytes {
            self.truncated = true;
            return false;
        }
        self.bytes += bytes;
        self.rows.push(row);
        true
    }

    pub(crate) fn into_value(self) -> Value {
        json!({
            "columns": self.columns, "row_count": self.rows.len(), "truncated": self.truncated,
            "rows": self.rows,
        })
    }
}

/// Column names as keys: those that are there twice, or have no name, get a number.
fn distinct<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut distinct = Vec::new();
    for name in names {
        let name = if name.is_empty() { "column" } else { name };
        let mut key = name.to_owned();
        let mut number = 2;
        while !taken.insert(key.clone()) {
            key = format!("{name}_{number}");
            number += 1;
        }
        distinct.push(key);
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_one_name_are_told_apart() {
        assert_eq!(
            distinct(["a", "b", "a", "a_2", "a", ""]),
            ["a", "b", "a_2", "a_2_2", "a_3", "column"]
        );
    }

    #[test]
    fn rows_and_bytes_are_both_bounded() {
        let limits = |rows, bytes| Limits {
            rows,
            bytes,
            time: Duration::ZERO,
        };
        let mut rows = Rows::new(["a"], limits(2, 1000));
        assert!(rows.push([json!(1)]) && rows.push([json!(2)]));
        assert!(!rows.push([json!(3)]));
        let value = rows.into_value();
        assert_eq!(
            (&value["row_count"], &value["truncated"]),
            (&json!(2), &json!(true))
        );
        let mut rows = Rows::new(["a"], limits(2, 10));
        assert!(!rows.push([json!("xxxxxxxxxx")]));
        assert_eq!(rows.into_value()["rows"], json!([]));
    }
}
