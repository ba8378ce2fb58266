//! One field, described by hand. The derive macro describes fields with it too.

use outboard_contracts::connector::module::{Config, Widget};

use super::value::FieldValue;

/// A field that people fill in. [`derive(Fields)`](macro@super::Fields) makes them from a
/// struct; this is for those that are made at run time.
///
/// ```
/// use outboard_sdk::connector::{Config, Field, Widget};
///
/// let field: Config = Field::new("base_url").widget(Widget::Url).required().default("https://api.example.com").into();
/// assert_eq!((field.widget.as_str(), field.value.as_str()), ("url", "https://api.example.com"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Field(Config);

impl Field {
    /// A line of text under this key.
    pub fn new(key: impl Into<String>) -> Field {
        Field(Config {
            key: key.into(),
            widget: Widget::Text.as_str().to_owned(),
            ..Config::default()
        })
    }

    /// A field that holds a `T`, with the widget that suits it.
    pub fn of<T: FieldValue>(key: impl Into<String>) -> Field {
        let field = Field::new(key)
            .widget(T::WIDGET)
            .options(T::options())
            .default(T::INITIAL);
        if T::SECRET { field.secret() } else { field }
    }

    /// What it is.
    pub fn description(mut self, text: impl Into<String>) -> Field {
        self.0.description = text.into();
        self
    }

    /// The widget it is edited with.
    pub fn widget(mut self, widget: Widget) -> Field {
        self.0.widget = widget.as_str().to_owned();
        self
    }

    /// What the widget needs: choices `a|b` of a dropdown, which may have labels,
    /// `a::First|b::Second`; columns of a list; the source of a picker.
    pub fn options(mut self, options: impl Into<String>) -> Field {
        self.0.options = options.into();
        self
    }

    /// The value is a secret: hosts encrypt it and never show it. A line of text becomes
    /// one that is not shown while it is typed.
    pub fn secret(mut self) -> Field {
        self.0.is_secret = true;
        if self.0.widget == Widget::Text.as_str() {
            return self.widget(Widget::Secret);
        }
        self
    }

    /// It must have a value.
    pub fn required(mut self) -> Field {
        self.0.required = true;
        self
    }

    /// A new value can be generated.
    pub fn regenerable(mut self) -> Field {
        self.0.can_regenerate = true;
        self
    }

    /// People may not change it.
    pub fn locked(mut self) -> Field {
        self.0.locked = true;
        self
    }

    /// It is not shown.
    pub fn hidden(mut self) -> Field {
        self.0.hidden = true;
        self
    }

    /// What it holds until someone changes it. It stands in the manifest for all to read.
    pub fn default(mut self, value: impl Into<String>) -> Field {
        self.0.value = value.into();
        self
    }

    /// It is shown, and required, only while the field `key` holds `value`.
    pub fn visible_when(mut self, key: &str, value: &str) -> Field {
        self.0.visible_when = format!("{key}:{value}");
        self
    }

    /// The heading under which it stands.
    pub fn group(mut self, heading: impl Into<String>) -> Field {
        self.0.group = heading.into();
        self
    }

    /// `fixed`: the value is always literal. `expression`: it is always an expression of
    /// the host.
    pub fn mode(mut self, mode: impl Into<String>) -> Field {
        self.0.mode = mode.into();
        self
    }

    /// What one column of a `kvlist` offers: `value::label`, separated by `|`.
    pub fn column_options(
        mut self,
        column: impl Into<String>,
        options: impl Into<String>,
    ) -> Field {
        self.0.column_options.insert(column.into(), options.into());
        self
    }

    /// The environment variable of the host whose value wins.
    pub fn env_override(mut self, variable: impl Into<String>) -> Field {
        self.0.env_override = variable.into();
        self
    }
}

impl From<Field> for Config {
    fn from(field: Field) -> Config {
        field.0
    }
}
