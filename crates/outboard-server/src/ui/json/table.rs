//! JSON as tables, where it is made like one: a list of objects, a list of values, an
//! object, or an object that holds such lists.

use std::{borrow::Cow, collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How many rows and columns a table has at most.
const MAX_ROWS: usize = 200;
const MAX_COLUMNS: usize = 24;
/// The longest text in a cell, in characters.
const MAX_CELL: usize = 300;
/// How many tables come of one object.
const MAX_TABLES: usize = 8;
/// The largest JSON that is looked at, in bytes.
const MAX_JSON: usize = 4 * 1024 * 1024;

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// Under which key it stood; empty for the whole.
    pub(crate) title: String,
    /// The headings; none where the first cell of each row is its heading.
    pub(crate) columns: Vec<String>,
    /// The rows.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// How many rows there are altogether.
    pub(crate) all_rows: usize,
    /// How many columns there are altogether.
    pub(crate) all_columns: usize,
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What is in it.
    pub(crate) text: String,
    /// Whether it is a number, which stands at the right.
    pub(crate) number: bool,
}

impl Table {
    /// Whether a column has numbers alone, whose heading stands at the right, too.
    pub(crate) fn is_numbers(&self, column: &usize) -> bool {
        let cells = self.rows.iter().filter_map(|row| row.get(*column));
        let mut said = cells.filter(|cell| !cell.text.is_empty()).peekable();
        said.peek().is_some() && said.all(|cell| cell.number)
    }

    /// How many rows are left out.
    pub(crate) fn rows_left_out(&self) -> usize {
        self.all_rows.saturating_sub(self.rows.len())
    }

    /// How many columns are left out.
    pub(crate) fn columns_left_out(&self) -> usize {
        self.all_columns.saturating_sub(self.columns.len().max(2))
    }
}

/// The tables of a JSON text: none for a plain value, for something empty, and for what
/// is too large to be looked at.
pub(crate) fn tables(json: &str) -> Vec<Table> {
    if json.len() > MAX_JSON {
        return Vec::new();
    }
    let json = json.trim_start();
    if json.starts_with('[') {
        return list(String::new(), json).into_iter().collect();
    }
    let Some(members) = object(json) else {
        return Vec::new();
    };
    let mut plain = Table {
        all_columns: 2,
        ..Table::default()
    };
    let mut lists = Vec::new();
    for (key, value) in members {
        let nested = match value.get().starts_with('[') && lists.len() + 1 < MAX_TABLES {
            true => list(key.to_string(), value.get()),
            false => None,
        };
        match nested {
            // A list of plain values is short enough to stand in a cell.
            Some(table) if table.columns.len() > 1 || table.all_rows > 3 => lists.push(table),
            _ => plain.push(vec![heading(&key), cell(value.get())]),
        }
    }
    let mut tables = Vec::new();
    if !plain.rows.is_empty() {
        tables.push(plain);
    }
    tables.append(&mut lists);
    tables
}

impl Table {
    fn push(&mut self, row: Vec<Cell>) {
        self.all_rows += 1;
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        }
    }
}

/// A list as a table: of objects, with a column for each key of any of them; of plain
/// values, with one column.
fn list(title: String, json: &str) -> Option<Table> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let objects: Option<Vec<_>> = items.iter().map(|item| object(item.get())).collect();
    let objects = objects.filter(|objects| !objects.is_empty());
    let Some(objects) = objects else {
        let nested = |item: &&RawValue| item.get().starts_with(['[', '{']);
        if items.is_empty() || items.iter().any(nested) {
            return None;
        }
        let mut table = Table {
            title,
            columns: vec!["value".to_owned()],
            all_columns: 2,
            ..Table::default()
        };
        for item in items {
            table.push(vec![cell(item.get())]);
        }
        return Some(table);
    };
    let mut columns: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all_columns = 0;
    for (key, _) in objects.iter().flatten() {
        if places.contains_key(key.as_ref()) {
            continue;
        }
        places.insert(key.to_string(), all_columns);
        if all_columns < MAX_COLUMNS {
            columns.push(short(key));
        }
        all_columns += 1;
    }
    if columns.is_empty() {
        return None;
    }
    let mut table = Table {
        title,
        columns,
        all_columns,
        ..Table::default()
    };
    for members in objects {
        if table.rows.len() >= MAX_ROWS {
            table.all_rows += 1;
            continue;
        }
        let mut row = vec![Cell::default(); table.columns.len()];
        for (key, value) in members {
            let place = places.get(key.as_ref()).copied();
            if let Some(place) = place.and_then(|place| row.get_mut(place)) {
                *place = cell(value.get());
            }
        }
        table.push(row);
    }
    Some(table)
}

fn heading(key: &str) -> Cell {
    Cell {
        text: short(key),
        number: false,
    }
}

fn cell(json: &str) -> Cell {
    let text = match serde_json::from_str::<String>(json) {
        Ok(text) => text,
        Err(_) if json == "null" => String::new(),
        Err(_) => json.to_owned(),
    };
    Cell {
        number: json.starts_with(|first: char| first == '-' || first.is_ascii_digit()),
        text: short(&text),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The members of an object in their order; `None` for anything else.
fn object(json: &str) -> Option<Members<'_>> {
    struct InOrder<'a>(Members<'a>);

    impl<'de> Deserialize<'de> for InOrder<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Reader;

            impl<'de> Visitor<'de> for Reader {
                type Value = InOrder<'de>;

                fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<InOrder<'de>, A::Error> {
                    let mut members = Vec::new();
                    while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                        members.push((Cow::Owned(key), value));
                    }
                    Ok(InOrder(members))
                }
            }

            deserializer.deserialize_map(Reader)
        }
    }

    let json = json.trim_start();
    if !json.starts_with('{') {
        return None;
    }
    serde_json::from_str::<InOrder<'_>>(json)
        .ok()
        .map(|members| members.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(table: &Table) -> Vec<Vec<&str>> {
        table
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn a_list_of_objects_has_a_column_for_each_key_in_the_order_they_came() {
        let found = tables(r#"[{"z":1,"a":"x"},{"a":null,"m":[1, 2]}]"#);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].columns, ["z", "a", "m"]);
        assert_eq!(texts(&found[0]), [["1", "x", ""], ["", "", "[1, 2]"]]);
        assert!(found[0].rows[0][0].number && !found[0].rows[0][1].number);
    }

    #[test]
    fn an_object_is_its_members_and_a_table_for_each_list_of_objects() {
        let found =
            tables(r#"{"city":"Bern","days":[{"day":"Monday","high":21}],"tags":["a","b"]}"#);
        assert_eq!(found.len(), 2);
        assert_eq!(
            texts(&found[0]),
            [["city", "Bern"], ["tags", r#"["a","b"]"#]]
        );
        assert!(found[0].columns.is_empty());
        assert_eq!(found[1].title, "days");
        assert_eq!(texts(&found[1]), [["Monday", "21"]]);
    }

    #[test]
    fn a_list_of_plain_values_is_one_column() {
        let found = tables(r#"["soup", 7, true, null]"#);
        assert_eq!(found[0].columns, ["value"]);
        assert_eq!(texts(&found[0]), [["soup"], ["7"], ["true"], [""]]);
    }

    #[test]
    fn what_is_no_table_gives_none() {
        for json in [
            "",
            "1",
            "\"a\"",
            "null",
            "[]",
            "{}",
            "[{}]",
            "[[1]]",
            "[{\"a\":1},2,[3]]",
            "nonsense",
            "{\"a\":",
        ] {
            assert_eq!(tables(json), [], "{json}");
        }
    }

    #[test]
    fn large_tables_are_cut_and_say_so() {
        let rows: Vec<String> = (0..1000).map(|row| format!("{{\"n\":{row}}}")).collect();
        let found = tables(&format!("[{}]", rows.join(",")));
        assert_eq!((found[0].rows.len(), found[0].rows_left_out()), (200, 800));
        let wide: Vec<String> = (0..30).map(|key| format!("\"k{key}\":1")).collect();
        let found = tables(&format!("[{{{}}}]", wide.join(",")));
        assert_eq!(
            (found[0].columns.len(), found[0].columns_left_out()),
            (24, 6)
        );
        let long = tables(&format!("{{\"a\":\"{}\"}}", "ä".repeat(1000)));
        assert_eq!(long[0].rows[0][1].text.chars().count(), MAX_CELL + 1);
        let list = format!("[{}1]", "1,".repeat(MAX_JSON));
        assert_eq!(tables(&list), []);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let found = tables(r#"{"id":123456789012345678901234567890,"tiny":1e-400}"#);
        assert_eq!(
            texts(&found[0]),
            [["id", "123456789012345678901234567890"], ["tiny", "1e-400"]]
        );
    }
}
