//! What one field can hold, and how it is read from the text on the wire.

use std::{collections::BTreeMap, fmt};

use outboard_contracts::connector::module::Widget;

/// A value that is read from a field's text.
///
/// The wire carries text alone. `None` from [`FieldValue::from_text`] means that the text
/// is no such value; what happens then is up to whoever reads: see
/// [`Fields`](trait@super::Fields).
///
/// Implement it for a type of your own, or derive [`Choice`](macro@super::Choice) for an
/// enum without data.
pub trait FieldValue: Sized {
    /// The widget that suits it.
    const WIDGET: Widget;
    /// Whether it is a secret by its type.
    const SECRET: bool = false;
    /// What its field holds where no default is given.
    const INITIAL: &'static str = "";
    /// Whether text that is no such value may be read as [`FieldValue::absent`], which is
    /// what the original does with numbers.
    const LENIENT: bool = true;

    /// What the widget needs.
    fn options() -> String {
        String::new()
    }

    /// What it may be, such as `a whole number`.
    fn expected() -> String;

    /// What stands for no text at all.
    fn absent() -> Self;

    /// Reads it. The text is never empty.
    fn from_text(text: &str) -> Option<Self>;
}

impl FieldValue for String {
    const WIDGET: Widget = Widget::Text;

    fn expected() -> String {
        "text".to_owned()
    }

    fn absent() -> String {
        String::new()
    }

    fn from_text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

impl FieldValue for bool {
    const WIDGET: Widget = Widget::Checkbox;
    const INITIAL: &'static str = "false";

    fn expected() -> String {
        "true or false".to_owned()
    }

    fn absent() -> bool {
        false
    }

    fn from_text(text: &str) -> Option<bool> {
        // What Go takes for one.
        match text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
            _ => None,
        }
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl FieldValue for $integer {
            const WIDGET: Widget = Widget::Number;

            fn expected() -> String {
                format!("a whole number from {} to {}", <$integer>::MIN, <$integer>::MAX)
            }

            fn absent() -> $integer {
                0
            }

            fn from_text(text: &str) -> Option<$integer> {
                let text = text.trim();
                if let Ok(number) = text.parse() {
                    return Some(number);
                }
                // JSON has one kind of number, so 2 may arrive as 2.0. Up to 2^53 a
                // float is exactly the number that was meant.
                let number: f64 = text.parse().ok()?;
                let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
                exact.then(|| <$integer>::try_from(number as i64).ok())?
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl FieldValue for $float {
            const WIDGET: Widget = Widget::Number;

            fn expected() -> String {
                "a number".to_owned()
            }

            fn absent() -> $float {
                0.0
            }

            fn from_text(text: &str) -> Option<$float> {
                text.trim().parse().ok().filter(|number: &$float| number.is_finite())
            }
        }
    )*};
}

floats!(f32, f64);

/// `None` for no text.
impl<T: FieldValue> FieldValue for Option<T> {
    const WIDGET: Widget = T::WIDGET;
    const SECRET: bool = T::SECRET;
    const LENIENT: bool = T::LENIENT;

    fn options() -> String {
        T::options()
    }

    fn expected() -> String {
        T::expected()
    }

    fn absent() -> Option<T> {
        None
    }

    fn from_text(text: &str) -> Option<Option<T>> {
        T::from_text(text).map(Some)
    }
}

/// The rows of a `kvlist`: a JSON list of objects with a text for each column.
impl FieldValue for Vec<BTreeMap<String, String>> {
    const WIDGET: Widget = Widget::KeyValueList;

    fn expected() -> String {
        "a JSON list of objects of texts".to_owned()
    }

    fn absent() -> Self {
        Vec::new()
    }

    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// JSON in a text area; `null` for no text.
impl FieldValue for serde_json::Value {
    const WIDGET: Widget = Widget::Textarea;

    fn expected() -> String {
        "JSON".to_owned()
    }

    fn absent() -> Self {
        serde_json::Value::Null
    }

    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A text that must not be shown. Its field is a secret without being told so, and its
/// debug output hides it.
///
/// ```
/// let secret = outboard_sdk::connector::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// assert_eq!(secret.reveal(), "hunter2");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Secret {
        Secret(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_empty() {
            "Secret()"
        } else {
            "Secret(***)"
        })
    }
}

impl FieldValue for Secret {
    const WIDGET: Widget = Widget::Secret;
    const SECRET: bool = true;

    fn expected() -> String {
        "text".to_owned()
    }

    fn absent() -> Secret {
        Secret::default()
    }

    fn from_text(text: &str) -> Option<Secret> {
        Some(Secret::from(text))
    }
}
