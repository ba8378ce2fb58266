//! Between JSON and the values of PostgreSQL.

use std::error::Error as StdError;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use outboard_sdk::Value;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type};

type Failure = Box<dyn StdError + Send + Sync>;

/// Whether a value of this type has JSON that says the same. The others become text.
pub(crate) fn has_json(kind: &Type) -> bool {
    is_text(kind)
        || matches!(
            *kind,
            Type::BOOL
                | Type::INT2
                | Type::INT4
                | Type::INT8
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::JSON
                | Type::JSONB
                | Type::BYTEA
                | Type::VOID
        )
}

fn is_text(kind: &Type) -> bool {
    matches!(
        *kind,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN
    )
}

/// A value that came.
pub(crate) struct Json(pub(crate) Value);

impl<'a> FromSql<'a> for Json {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Json, Failure> {
        let float = |number: f64| match serde_json::Number::from_f64(number) {
            Some(number) => Value::Number(number),
            // JSON has no infinity.
            None => number.to_string().into(),
        };
        Ok(Json(match *kind {
            Type::BOOL => bool::from_sql(kind, raw)?.into(),
            Type::INT2 => i16::from_sql(kind, raw)?.into(),
            Type::INT4 => i32::from_sql(kind, raw)?.into(),
            Type::INT8 => i64::from_sql(kind, raw)?.into(),
            // By its own shortest digits, and not those of the double next to it.
            Type::FLOAT4 => float(f32::from_sql(kind, raw)?.to_string().parse()?),
            Type::FLOAT8 => float(f64::from_sql(kind, raw)?),
            Type::JSON => serde_json::from_slice(raw)?,
            Type::JSONB => match raw.split_first() {
                Some((1, json)) => serde_json::from_slice(json)?,
                _ => return Err("a version of jsonb that is not known".into()),
            },
            Type::BYTEA => STANDARD.encode(raw).into(),
            Type::VOID => Value::Null,
            _ => <&str>::from_sql(kind, raw)?.into(),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Json, Failure> {
        Ok(Json(Value::Null))
    }

    fn accepts(kind: &Type) -> bool {
        has_json(kind)
    }
}

/// A value that goes, as the text that PostgreSQL reads for the parameter's type.
#[derive(Debug)]
pub(crate) struct Parameter(pub(crate) Value);

impl ToSql for Parameter {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        let takes_json = matches!(*kind, Type::JSON | Type::JSONB);
        let text = match &self.0 {
            Value::Null => return Ok(IsNull::Yes),
            value if takes_json => value.to_string(),
            Value::String(text) => text.clone(),
            Value::Array(values) if matches!(kind.kind(), Kind::Array(_)) => array(values),
            value => value.to_string(),
        };
        if text.contains('\0') {
            return Err("a text with a zero byte, which PostgreSQL does not take".into());
        }
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        self.to_sql(kind, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }
}

/// A list as PostgreSQL writes one.
fn array(values: &[Value]) -> String {
    let values: Vec<String> = values
        .iter()
        .map(|value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Array(values) => array(values),
            Value::String(text) => quoted(text),
            value => quoted(&value.to_string()),
        })
        .collect();
    format!("{{{}}}", values.join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use outboard_sdk::json;

    use super::*;

    #[test]
    fn lists_are_written_so_that_nothing_in_them_is_taken_for_syntax() {
        let Value::Array(values) = json!([1, null, "a", "NULL", "x,y}", "\"\\", [true]]) else {
            panic!("a list");
        };
        assert_eq!(
            array(&values),
            r#"{"1",NULL,"a","NULL","x,y}","\"\\",{"true"}}"#
        );
    }
}
